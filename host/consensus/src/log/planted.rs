//! A deliberate bug, with which the fault campaign proves its checkers: a disk whose sync returns too early.

use std::{
    fs::File,
    io, mem,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::files::{FileOps, SystemFiles};

/// What was written between two syncs.
type Group = Vec<(File, Vec<u8>, u64)>;

/// A sync answers while what was written before it is still in memory, where a crash loses it. The next one brings it to the disk.
#[derive(Default)]
pub(super) struct SyncsLate {
    groups: Mutex<(Group, Group)>,
}

impl FileOps for SyncsLate {
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.1.push((file.try_clone()?, bytes.to_vec(), offset));
        Ok(())
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for (file, bytes, offset) in mem::take(&mut groups.0) {
            SystemFiles.write_all_at(&file, &bytes, offset)?;
        }
        groups.0 = mem::take(&mut groups.1);
        SystemFiles.sync_data(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemFiles.sync_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }
}
