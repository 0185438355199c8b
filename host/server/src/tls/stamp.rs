//! Whether a file is still the one that was read.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Stands for the contents of some files: another inode, time or size means others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl Stamp {
    /// The stamp of the files as they are. One that is missing has a stamp as well.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let stamp = |path: &Path| {
            let file = std::fs::metadata(path).ok()?;
            let modified = (file.mtime(), file.mtime_nsec());
            Some(FileStamp { device: file.dev(), inode: file.ino(), modified, size: file.size() })
        };
        Self(paths.into_iter().map(stamp).collect())
    }
}
