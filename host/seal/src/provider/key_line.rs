//! A root key as files hold it: one line, `strongroom-root-key-v1:` and 32 bytes in base64.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::xaes::Key32;
use crate::{RootKey, SealError};

pub(super) const MARKER: &str = "strongroom-root-key-v1:";

/// Base64 of 32 bytes, with its padding.
const ENCODED_BYTES: usize = 44;

/// Marker, key, newline. A file that is longer is not a key file, so no more of it is read.
pub(super) const FILE_BYTES_MAX: usize = MARKER.len() + ENCODED_BYTES + 1;

/// Reads the key in a file of one of these modes; `wrong_mode` says what it is to have another.
pub(super) fn read(
    path: &Path,
    modes: &[u32],
    wrong_mode: impl FnOnce(PathBuf, u32) -> SealError,
) -> Result<RootKey, SealError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SealError::KeyFileMissing { path: path.to_owned() },
        _ => SealError::io("opening root key file", path, source),
    })?;
    let mode = mode(&file, path)?;
    if !modes.contains(&mode) {
        return Err(wrong_mode(path.to_owned(), mode));
    }
    let text = read_text(&file).map_err(|source| SealError::io("reading root key file", path, source))?;
    let key = parse(&text).map_err(|reason| SealError::KeyFileMalformed { path: path.to_owned(), reason })?;
    Ok(RootKey::from_bytes(key))
}

/// The line of a key.
pub(super) fn encode(key: &RootKey) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    line.push_str(MARKER);
    BASE64_STANDARD.encode_string(key.expose(), &mut line);
    line.push('\n');
    line
}

/// Looks at the open file, not at the path: what is checked is what is read.
fn mode(file: &File, path: &Path) -> Result<u32, SealError> {
    let metadata = file.metadata().map_err(|source| SealError::io("reading mode of", path, source))?;
    if !metadata.is_file() {
        return Err(SealError::KeyFileMalformed { path: path.to_owned(), reason: "it is not a regular file" });
    }
    Ok(metadata.permissions().mode() & 0o7777)
}

fn read_text(file: &File) -> io::Result<Zeroizing<Vec<u8>>> {
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
