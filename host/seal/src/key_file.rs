//! A root key in a file: one line, `strongroom-root-key-v1:` and 32 bytes in base64.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::xaes::Key32;
use crate::{RootKey, RootKeyProvider, SealError};

const MARKER: &str = "strongroom-root-key-v1:";

/// Base64 of 32 bytes, with its padding.
const ENCODED_BYTES: usize = 44;

/// Marker, key, newline. A file that is longer is not a key file, so no more of it is read.
const FILE_BYTES_MAX: usize = MARKER.len() + ENCODED_BYTES + 1;

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
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SealError::KeyFileMissing { path: path.to_owned() },
            _ => SealError::io("opening root key file", path, source),
        })?;
        check_mode(&file, path)?;
        let text = read(&file).map_err(|source| SealError::io("reading root key file", path, source))?;
        let key = parse(&text).map_err(|reason| SealError::KeyFileMalformed { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), key: RootKey::from_bytes(key) })
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

/// Looks at the open file, not at the path: what is checked is what is read.
fn check_mode(file: &File, path: &Path) -> Result<(), SealError> {
    let metadata = file.metadata().map_err(|source| SealError::io("reading mode of", path, source))?;
    let path = path.to_owned();
    if !metadata.is_file() {
        return Err(SealError::KeyFileMalformed { path, reason: "it is not a regular file" });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if MODES.contains(&mode) { Ok(()) } else { Err(SealError::KeyFileMode { path, mode }) }
}

fn read(file: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = FILE_BYTES_MAX + 1;
    // Room for everything at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * most));
    file.take(most as u64).read_to_end(&mut text)?;
    Ok(text)
}

/// The reasons say nothing of what was read: it may be a key with a typing mistake.
fn parse(text: &[u8]) -> Result<Key32, &'static str> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let encoded = line.strip_prefix(MARKER.as_bytes()).ok_or("it does not begin with strongroom-root-key-v1:")?;
    if encoded.len() != ENCODED_BYTES {
        return Err("the key is not 44 characters of base64");
    }
    let mut decoded = Zeroizing::new([0; ENCODED_BYTES]);
    let length = BASE64_STANDARD.decode_slice(encoded, decoded.as_mut()).map_err(|_| "the key is not base64")?;
    let mut key = Key32::default();
    if length != key.len() {
        return Err("the key is not 32 bytes");
    }
    key.copy_from_slice(&decoded[..length]);
    Ok(key)
}

fn write(mut file: &File, path: &Path, key: &RootKey) -> io::Result<()> {
    let mut line = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    line.push_str(MARKER);
    BASE64_STANDARD.encode_string(key.expose(), &mut line);
    line.push('\n');
    file.write_all(line.as_bytes())?;
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
