//! `strongroom dev`: a directory that has all that its members need, made at the first start and found again later.
//!
//! ```text
//! DIR/format      which version made the directory
//! DIR/lock        held by the running process
//! DIR/certs/      an authority and what it issued
//! DIR/keys/       the root key
//! DIR/seal.yaml   which prefixes are sealed
//! DIR/members     how many there are
//! DIR/data/       log and state of the first member; those of the second are in DIR/data-2/, and so on
//! DIR/plugged     says that the bundled plugin was installed: who removes it later does not get it back
//! DIR/env         for the shell
//! ```
//!
//! The root key is made before `data` is, so `data` without a root key means that the key was lost. That is an error:
//! a new key would not open the data.

mod certificates;
mod configuration;
pub(crate) mod environment;
pub(crate) mod file;
mod lock;

use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub(crate) use certificates::Certificates;
pub(crate) use lock::DirectoryLock;

use crate::error::ServerError;
use file::{READABLE, read, write_whole};

/// Raised when a directory of this version cannot be read by the one before, or the other way around.
const FORMAT: &str = "strongroom-dev-1";

/// The sealed prefix is where Kubernetes keeps its Secrets.
const SEAL_CONFIG: &str = "\
# What strongroom dev seals, and where the root key is (relative to this file).
provider:
  key-file:
    path: keys/root.key
prefixes:
  - /registry/secrets/
";

/// A dev directory that this process holds.
#[derive(Debug)]
pub(crate) struct DevDirectory {
    path: PathBuf,
    members: usize,
    certificates: Certificates,
    _lock: DirectoryLock,
}

impl DevDirectory {
    /// Opens the directory; makes what is missing of it, for so many members as are asked for at the first start.
    ///
    /// # Errors
    ///
    /// [`ServerError`] when it is in use, of another version or number of members, something else, or has lost its root
    /// key.
    pub(crate) fn open(path: &Path, members: Option<u8>, now: OffsetDateTime) -> Result<Self, ServerError> {
        refuse_foreign(path)?;
        let lock = DirectoryLock::take(path, "--dir")?;
        let path = path.canonicalize().map_err(ServerError::file("find", path))?;
        check_format(&path)?;
        let members = number_of_members(&path, members.map(usize::from))?;
        let certificates = Certificates::ensure(&path.join("certs"), members, now)?;
        ensure_root_key(&path)?;
        let seal_config = path.join("seal.yaml");
        if !seal_config.exists() {
            write_whole(&seal_config, SEAL_CONFIG, READABLE)?;
        }
        Ok(Self { path, members, certificates, _lock: lock })
    }

    /// The directory, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many members there are.
    pub(crate) fn members(&self) -> usize {
        self.members
    }

    /// Log and state of a member, counted from one.
    pub(crate) fn data(&self, member: usize) -> PathBuf {
        match member {
            1 => self.path.join("data"),
            other => self.path.join(format!("data-{other}")),
        }
    }

    /// Sealed prefixes and root key.
    pub(crate) fn seal_config(&self) -> PathBuf {
        self.path.join("seal.yaml")
    }

    /// True until [`DevDirectory::note_plugged`] was called, at this start or an earlier one.
    pub(crate) fn is_unplugged(&self) -> bool {
        !self.path.join("plugged").exists()
    }

    /// Notes that the bundled plugin is installed.
    ///
    /// # Errors
    ///
    /// [`ServerError::File`].
    pub(crate) fn note_plugged(&self) -> Result<(), ServerError> {
        write_whole(&self.path.join("plugged"), "", READABLE)
    }

    /// The shell file.
    pub(crate) fn environment(&self) -> PathBuf {
        self.path.join("env")
    }

    /// Certificates of all listeners and callers.
    pub(crate) fn certificates(&self) -> &Certificates {
        &self.certificates
    }
}

/// Somebody else's directory must not get so much as a lock file.
fn refuse_foreign(path: &Path) -> Result<(), ServerError> {
    if !path.exists() || path.join("format").exists() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(ServerError::file("read", path))?;
    // Between taking the lock and writing the format, a first start may be interrupted.
    match entries.flatten().any(|entry| entry.file_name() != "lock" && entry.file_name() != "format.draft") {
        true => Err(ServerError::ForeignDirectory { path: path.to_owned() }),
        false => Ok(()),
    }
}

fn check_format(path: &Path) -> Result<(), ServerError> {
    let format = path.join("format");
    if !format.exists() {
        return write_whole(&format, &format!("{FORMAT}\n"), READABLE);
    }
    let found = read(&format)?.trim().to_owned();
    if found == FORMAT {
        return Ok(());
    }
    Err(ServerError::DirectoryFormat { path: path.to_owned(), found, expected: FORMAT })
}

/// The number of the first start. A directory from before there could be several has one.
fn number_of_members(path: &Path, asked: Option<usize>) -> Result<usize, ServerError> {
    let file = path.join("members");
    let found = match file.exists() {
        true => read(&file)?.trim().parse().unwrap_or(1),
        false if path.join("data").exists() => 1,
        false => asked.unwrap_or(1),
    };
    if let Some(asked) = asked.filter(|asked| *asked != found) {
        return Err(ServerError::DirectoryMembers { path: path.to_owned(), found, asked });
    }
    write_whole(&file, &format!("{found}\n"), READABLE)?;
    Ok(found)
}

fn ensure_root_key(path: &Path) -> Result<(), ServerError> {
    let key = path.join("keys/root.key");
    if key.exists() {
        return seal::KeyFile::open(&key).map(drop).map_err(ServerError::RootKey);
    }
    let data = path.join("data");
    if data.exists() {
        return Err(ServerError::RootKeyMissing { key, data });
    }
    let keys = path.join("keys");
    fs::create_dir_all(&keys).map_err(ServerError::file("make the directory", &keys))?;
    seal::KeyFile::create(&key).map(drop).map_err(ServerError::RootKey)
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
