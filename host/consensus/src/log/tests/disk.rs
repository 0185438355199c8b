//! A disk under test: counts, can be held at a sync, fails from a chosen operation on, and loses unsynced sectors in a
//! crash.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Condvar, Mutex};

use crate::log::files::{FileOps, SystemFiles};

/// A crash keeps or loses unsynced bytes in units of this.
const SECTOR_BYTES: u64 = 512;

/// Bytes that a write replaced and that no sync has confirmed.
struct Unsynced {
    inode: u64,
    file: File,
    offset: u64,
    old: Vec<u8>,
    /// A sync of it failed: the kernel holds the page for clean, so only writing it again makes a later sync save it.
    given_up: bool,
}

impl Unsynced {
    fn covers(&self, other: &Unsynced) -> bool {
        self.offset <= other.offset && self.offset + self.old.len() as u64 >= other.offset + other.old.len() as u64
    }
}

#[derive(Default)]
struct Inner {
    operations: usize,
    syncs: usize,
    fail_from: Option<usize>,
    held: bool,
    unsynced: Vec<Unsynced>,
}

#[derive(Default)]
pub(super) struct TestDisk {
    inner: Mutex<Inner>,
    released: Condvar,
}

impl TestDisk {
    pub(super) fn syncs(&self) -> usize {
        self.inner.lock().unwrap().syncs
    }

    pub(super) fn operations(&self) -> usize {
        self.inner.lock().unwrap().operations
    }

    /// The operation after `more` further ones, and every one after it, fails.
    pub(super) fn fail_after(&self, more: usize) {
        let mut inner = self.inner.lock().unwrap();
        inner.fail_from = Some(inner.operations + more);
    }

    /// The disk works again; what it gave up stays given up.
    pub(super) fn recover(&self) {
        self.inner.lock().unwrap().fail_from = None;
    }

    /// While held, a sync of a file does not return.
    pub(super) fn hold(&self, held: bool) {
        self.inner.lock().unwrap().held = held;
        self.released.notify_all();
    }

    /// Power loss: `keep` decides for each sector of each unsynced write whether it reached the disk.
    pub(super) fn crash(&self, mut keep: impl FnMut() -> bool) {
        let unsynced = std::mem::take(&mut self.inner.lock().unwrap().unsynced);
        for write in unsynced.iter().rev() {
            let end = write.offset + write.old.len() as u64;
            let mut at = write.offset;
            while at < end {
                let next = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
                if !keep() {
                    let range = (at - write.offset) as usize..(next - write.offset) as usize;
                    write.file.write_all_at(&write.old[range], at).unwrap();
                }
                at = next;
            }
        }
    }

    fn step(&self) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        inner.operations += 1;
        match inner.fail_from {
            Some(from) if inner.operations > from => Err(io::Error::other("injected")),
            _ => Ok(()),
        }
    }
}

impl FileOps for TestDisk {
    /// A failing write reaches the file all the same: the crash decides what is left of it.
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let outcome = self.step();
        let mut old = vec![0; bytes.len()];
        let present = file.metadata()?.len().saturating_sub(offset).min(bytes.len() as u64) as usize;
        file.read_exact_at(&mut old[..present], offset)?;
        let write = Unsynced { inode: file.metadata()?.ino(), file: file.try_clone()?, offset, old, given_up: false };
        SystemFiles.write_all_at(file, bytes, offset)?;
        self.inner.lock().unwrap().unsynced.push(write);
        outcome
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        let outcome = self.step();
        let inode = file.metadata()?.ino();
        let inner = self.inner.lock().unwrap();
        let mut inner = self.released.wait_while(inner, |inner| inner.held).unwrap();
        let (mine, mut others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.unsynced).into_iter().partition(|write| write.inode == inode);
        for (at, write) in mine.iter().enumerate() {
            let again = mine[at + 1..].iter().any(|later| !later.given_up && later.covers(write));
            if outcome.is_err() || (write.given_up && !again) {
                let (file, old) = (write.file.try_clone()?, write.old.clone());
                others.push(Unsynced { inode, file, offset: write.offset, old, given_up: true });
            }
        }
        inner.unsynced = others;
        inner.syncs += usize::from(outcome.is_ok());
        outcome
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.step()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        SystemFiles.remove(path)
    }
}
