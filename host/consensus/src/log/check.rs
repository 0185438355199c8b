//! Looking over a log that nobody has open.

use std::{fs, io, path::Path, sync::Arc};

use super::{LogError, SEGMENT_BYTES_RANGE, files::UntouchedFiles, recovery};

/// Reads the whole log in `dir`, and changes nothing. Returns the index of the newest entry that is in it, or was before it was purged;
/// `None` if there never was one.
///
/// # Errors
/// [`LogError::Missing`] when there is none; when it is damaged, or somebody has it open.
pub(crate) fn check(dir: &Path) -> Result<Option<u64>, LogError> {
    if !has_segments(dir).map_err(LogError::io("list", dir))? {
        return Err(LogError::Missing(dir.to_owned()));
    }
    let replay = recovery::recover(dir, SEGMENT_BYTES_RANGE.0, Arc::new(UntouchedFiles))?.replay;
    let newest = replay.extent.entries().map(|(_, last)| last);
    Ok(newest.or(replay.marks.purged.map(|(index, _)| index)))
}

fn has_segments(dir: &Path) -> io::Result<bool> {
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        files => files?,
    };
    let paths = files.map(|file| Ok(file?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.iter().any(|path| path.extension().is_some_and(|extension| extension == "log")))
}
