//! A root key in a file of its owner.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_line;
use crate::{RootKey, RootKeyProvider, SealError};

/// Nobody but the owner, and nothing to execute.
const MODES: [u32; 2] = [0o600, 0o400];

/// A root key read from a file, which only its owner may read.
pub struct KeyFile {
    path: PathBuf,
    key: RootKey,
}

impl KeyFile {
    /// Reads the key.
    ///
    /// # Errors
    /// [`SealError::KeyFileMissing`], [`SealError::KeyFileMode`], [`SealError::KeyFileMalformed`], [`SealError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SealError> {
        let path = path.as_ref();
        let key = key_line::read(path, &MODES, |path, mode| SealError::KeyFileMode { path, mode })?;
        Ok(Self { path: path.to_owned(), key })
    }

    /// Makes a new random key and a file for it, durable when this returns. A file that is there is left alone.
    ///
    /// # Errors
    /// [`SealError::KeyFileExists`], [`SealError::NoRandom`], [`SealError::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, SealError> {
        let path = path.as_ref();
        let key = RootKey::generate()?;
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = created.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => SealError::KeyFileExists { path: path.to_owned() },
            _ => SealError::io("creating root key file", path, source),
        })?;
        write(&file, path, &key).map_err(|source| {
            // Half a key must not be found by the next start; the first error is the one to report.
            let _ = std::fs::remove_file(path);
            SealError::io("writing root key file", path, source)
        })?;
        Ok(Self { path: path.to_owned(), key })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names the key without giving anything of it away; see [`RootKey::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }
}

impl RootKeyProvider for KeyFile {
    fn name(&self) -> String {
        format!("file:{}", self.fingerprint())
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.wrap(plaintext, aad)
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.key.unwrap(blob, aad).map_err(|_| SealError::NotUnwrapped { provider: self.name() })
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}", self.key, self.path.display())
    }
}

fn write(mut file: &File, path: &Path, key: &RootKey) -> io::Result<()> {
    file.write_all(key_line::encode(key).as_bytes())?;
    file.sync_all()?;
    sync_directory_of(path)
}

/// A new file is only sure to be found after a power cut once its directory is on disk too.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
#[path = "key_file_tests.rs"]
mod tests;
