//! The few file operations on the write path, as a trait so that tests can count, fail and undo them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Changes to files. Reads are not here: they go straight to the file.
pub(super) trait FileOps: Send + Sync + 'static {
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// fdatasync: the written bytes, and the size if it changed, are durable afterwards.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    /// Makes created, renamed and removed names of a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's.
pub(super) struct SystemFiles;

impl FileOps for SystemFiles {
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        failpoint::check("log.write")?;
        if failpoint::is_deadly("log.torn-write") {
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            failpoint::die();
        }
        file.write_all_at(bytes, offset)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        failpoint::reached("log.before-sync");
        failpoint::check("log.sync")?;
        file.sync_data()?;
        failpoint::reached("log.after-sync");
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The operating system's, without syncing: for tests and caches, whose data may go with the machine.
pub(super) struct UnsyncedFiles;

impl FileOps for UnsyncedFiles {
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        SystemFiles.write_all_at(file, bytes, offset)
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }
}

/// Files that are only looked at: every change is left out.
pub(super) struct UntouchedFiles;

impl FileOps for UntouchedFiles {
    fn write_all_at(&self, _: &File, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Writes zeros over `from..to` in pieces.
pub(super) fn write_zeros(files: &dyn FileOps, file: &File, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let piece = (to - at).min(ZEROS.len() as u64);
        files.write_all_at(file, &ZEROS[..piece as usize], at)?;
        at += piece;
    }
    Ok(())
}
