//! A log file that is rotated by its size, with the names and rules that etcd's rotation has: `log.json` is renamed to
//! `log-2026-11-22T18-15-23.000.json`, perhaps compressed, and old ones are removed by age and number.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use time::{Duration, OffsetDateTime};

use super::output::append;
use crate::config::Rotation;
use crate::error::ServerError;

/// etcd's megabyte.
const MEGABYTE: u64 = 1024 * 1024;

/// What is meant by a size of 0, as in etcd.
const DEFAULT_MEGABYTES: u64 = 100;

/// Ends the name of a compressed file.
const COMPRESSED: &str = ".gz";

/// A log file with its old ones beside it.
pub(super) struct RotatedFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl RotatedFile {
    /// Opens the file at its end.
    ///
    /// # Errors
    ///
    /// [`ServerError::File`].
    pub(super) fn open(path: &Path, rotation: Rotation) -> Result<Self, ServerError> {
        let megabytes = if rotation.size_megabytes == 0 { DEFAULT_MEGABYTES } else { rotation.size_megabytes };
        let file = append(path).map_err(ServerError::file("open the log", path))?;
        let bytes = file.metadata().map_err(ServerError::file("open the log", path))?.len();
        let bytes_max = megabytes.saturating_mul(MEGABYTE);
        Ok(Self { path: path.to_owned(), rotation, file, bytes, bytes_max })
    }

    /// Writes a line, into a new file when the old one would grow too large by it.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.bytes_max {
            self.rotate(OffsetDateTime::now_utc())?;
        }
        self.file.write_all(line)?;
        self.bytes += length;
        Ok(())
    }

    fn rotate(&mut self, now: OffsetDateTime) -> io::Result<()> {
        let backup = backup_name(&self.path, now);
        fs::rename(&self.path, &backup)?;
        self.file = append(&self.path)?;
        self.bytes = 0;
        let (path, rotation) = (self.path.clone(), self.rotation);
        // Compressing takes seconds, and a request may wait for its log line. What fails is tried again by the next rotation.
        thread::Builder::new().name("log rotation".to_owned()).spawn(move || tidy(&path, rotation, now))?;
        Ok(())
    }
}

/// Removes what is too old or too many, and compresses what is not yet.
fn tidy(path: &Path, rotation: Rotation, now: OffsetDateTime) -> io::Result<()> {
    let mut backups = backups(path)?;
    backups.sort();
    backups.reverse();
    let oldest = days(rotation.age_days).map(|age| stamp(now - age));
    for (place, backup) in backups.iter().enumerate() {
        let too_many = rotation.backups > 0 && place >= rotation.backups;
        let too_old = oldest.as_ref().is_some_and(|oldest| stamp_of(path, backup).is_some_and(|stamp| stamp < *oldest));
        if too_many || too_old {
            fs::remove_file(backup)?;
        } else if rotation.compress && !backup.to_string_lossy().ends_with(COMPRESSED) {
            compress(backup)?;
        }
    }
    Ok(())
}

/// None for "forever", and for more than the calendar has.
fn days(days: u64) -> Option<Duration> {
    const CENTURY: u64 = 36_525;
    (days > 0 && days < CENTURY).then(|| Duration::days(i64::try_from(days).unwrap_or_default()))
}

fn compress(backup: &Path) -> io::Result<()> {
    let mut name = backup.as_os_str().to_owned();
    name.push(COMPRESSED);
    let mut packed = GzEncoder::new(File::create(&name)?, Compression::default());
    io::copy(&mut File::open(backup)?, &mut packed)?;
    packed.finish()?;
    fs::remove_file(backup)
}

fn backups(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|entry| stamp_of(path, entry).is_some()).collect())
}

fn backup_name(path: &Path, now: OffsetDateTime) -> PathBuf {
    let (stem, extension) = parts(path);
    path.with_file_name(format!("{stem}-{}{extension}", stamp(now)))
}

/// The time in the name of a file that was rotated out of `path`.
fn stamp_of(path: &Path, backup: &Path) -> Option<String> {
    let (stem, extension) = parts(path);
    let name = backup.file_name()?.to_str()?;
    let name = name.strip_suffix(COMPRESSED).unwrap_or(name);
    let stamp = name.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(&extension)?;
    let like = |(c, pattern): (char, char)| if pattern == '0' { c.is_ascii_digit() } else { c == pattern };
    let pattern = "0000-00-00T00-00-00.000";
    (stamp.len() == pattern.len() && stamp.chars().zip(pattern.chars()).all(like)).then(|| stamp.to_owned())
}

fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let extension = text(path.extension()).map(|extension| format!(".{extension}"));
    (text(path.file_stem()).unwrap_or_default(), extension.unwrap_or_default())
}

/// Sorts as the time does.
fn stamp(time: OffsetDateTime) -> String {
    let (date, hour, minute) = (time.date(), time.hour(), time.minute());
    let (month, day) = (u8::from(date.month()), date.day());
    let (second, millisecond) = (time.second(), time.millisecond());
    format!("{:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{millisecond:03}", date.year())
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
