//! Giving something that is whole its name.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Renames a file or a folder that was synced, and makes that durable.
///
/// # Errors
/// When the disk fails, or a folder with something in it has the name.
pub fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
