//! One process per directory.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::ServerError;

/// Holds a directory for this process. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes the directory if it is not there, and takes it. `flag` is the one that names it.
    ///
    /// # Errors
    ///
    /// [`ServerError::DirectoryInUse`] when another process has it.
    pub(crate) fn take(directory: &Path, flag: &'static str) -> Result<Self, ServerError> {
        make(directory).map_err(ServerError::file("make the directory", directory))?;
        let path = directory.join("lock");
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(ServerError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ServerError::DirectoryInUse { path: directory.to_owned(), flag }),
            Err(TryLockError::Error(source)) => Err(ServerError::File { action: "lock", path, source }),
        }
    }
}

/// As etcd does: data is for its owner only. A directory that is there already keeps the mode that it was given.
fn make(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        other => other,
    }
}
