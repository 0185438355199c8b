//! Files that a command makes, where nothing may be yet.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::client::ClientError;

/// For private keys.
pub(super) const OWNER_ONLY: u32 = 0o600;
pub(super) const READABLE: u32 = 0o644;

/// Refuses a path where something is: for who writes another file first.
///
/// # Errors
///
/// [`ClientError::Unusable`].
pub(super) fn check_vacant(path: &Path) -> Result<(), ClientError> {
    if !path.exists() {
        return Ok(());
    }
    let reason = "it is there already; take it away, or choose another name".to_owned();
    Err(ClientError::Unusable { path: path.to_owned(), reason })
}

/// Writes a file that is not there.
///
/// # Errors
///
/// [`ClientError::Unwritable`], also when it is there.
pub(super) fn write_new(path: &Path, contents: &[u8], mode: u32) -> Result<(), ClientError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(contents));
    written.map_err(ClientError::unwritable(path))
}
