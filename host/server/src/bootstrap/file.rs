//! Files that are there whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::ServerError;

/// For private keys.
pub(crate) const OWNER_ONLY: u32 = 0o600;

/// For what everybody may read.
pub(crate) const READABLE: u32 = 0o644;

/// As [`replace`], for the files of a member.
///
/// # Errors
///
/// [`ServerError::File`].
pub(crate) fn write_whole(path: &Path, contents: &str, mode: u32) -> Result<(), ServerError> {
    replace(path, contents, mode).map_err(ServerError::file("write", path))
}

/// Writes the file under another name, syncs it, and renames it into place: whoever reads it meanwhile finds the one before.
///
/// # Errors
///
/// When the disk says so.
pub(crate) fn replace(path: &Path, contents: &str, mode: u32) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = Path::new(&draft);
    write_draft(draft, contents, mode).and_then(|()| fs::rename(draft, path))
}

fn write_draft(draft: &Path, contents: &str, mode: u32) -> io::Result<()> {
    // A draft left by a crash may have another mode: the mode below only holds for a file that is made anew.
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(draft)?;
    file.write_all(contents.as_bytes())?;
    file.sync_all()
}

/// Reads a text file.
///
/// # Errors
///
/// [`ServerError::File`].
pub(super) fn read(path: &Path) -> Result<String, ServerError> {
    fs::read_to_string(path).map_err(ServerError::file("read", path))
}
