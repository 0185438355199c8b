//! Opens the folder after any crash: all acknowledged frames are there, at most one torn frame behind them is cut.
//!
//! One frame at a time is written and synced, so only the very last one can be torn. Hence: a frame that is not sound,
//! with a sound later one behind it (in the file, or because the next segment begins with a higher sequence number),
//! was durable once and is damage. Damage to the last frame alone cannot be told from a torn write. A write is taken to
//! leave the bytes around it as they were.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::error::LogError;
use super::files::{FileOps, write_zeros};
use super::frame::{
    BadHeader, FORMAT_VERSION, FRAME_ALIGN, SEGMENT_HEADER_BYTES, SegmentHeader, claimed_bytes, frame_at,
};
use super::replay::{Replay, Walked};
use super::segment::{Folder, Segment};
use super::writer::{FILL_BYTES, Position, start_segment};

/// A log ready to be written.
pub(super) struct Recovered {
    pub(super) replay: Replay,
    pub(super) folder: Folder,
    pub(super) position: Position,
    pub(super) lock: File,
}

pub(super) fn recover(dir: &Path, segment_bytes: u64, files: Arc<dyn FileOps>) -> Result<Recovered, LogError> {
    fs::create_dir_all(dir).map_err(LogError::io("create folder", dir))?;
    let lock = lock(dir)?;
    let mut folder = Folder::new(dir, files);
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.files().sync_dir(parent).map_err(LogError::io("sync folder", parent))?;
    }
    let mut replay = Replay::default();
    let numbers = folder.list()?;
    let position = match numbers.first() {
        Some(_) => replay_all(&mut folder, &mut replay, &numbers)?,
        None => {
            let position = start_segment(&mut folder, &replay.marks, 1, 1, segment_bytes, 0)?;
            replay.index.add_segment(position.segment.clone());
            position
        }
    };
    // A crash between the record of a purge and the removal of its segments leaves them: they go now.
    if replay.marks.purged.is_some() {
        folder.retire(replay.index.retire(), segment_bytes)?;
    }
    Ok(Recovered { replay, folder, position, lock })
}

fn lock(dir: &Path) -> Result<File, LogError> {
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(LogError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse(dir.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(LogError::io("lock", &path)(source)),
    }
}

fn replay_all(folder: &mut Folder, replay: &mut Replay, numbers: &[u64]) -> Result<Position, LogError> {
    let mut bytes = Vec::new();
    let mut newest: Option<(Arc<Segment>, Walked)> = None;
    for (number, due) in numbers.iter().zip(numbers[0]..) {
        if *number != due {
            return Err(LogError::damaged(&folder.segment_path(due), 0, "the file is missing"));
        }
        let segment = load(folder, *number, &mut bytes)?;
        if let Some((older, walked)) = &newest
            && segment.header.first_sequence != replay.sequence
        {
            let reason = format!(
                "the next segment begins with frame {}, but frame {} is not sound",
                segment.header.first_sequence, replay.sequence
            );
            return Err(LogError::damaged(&older.path, walked.end as u64, reason));
        }
        let walked = replay.segment(&segment, &bytes)?;
        newest = Some((segment, walked));
    }
    let (segment, walked) = newest.expect("called with at least one segment number");
    let oldest = folder.segment_path(numbers[0]);
    replay.extent.finish_replay().map_err(|reason| LogError::damaged(&oldest, 0, reason))?;
    settle(folder, replay.sequence, segment, &bytes, walked)
}

/// Opens a segment and reads it whole into `bytes`, which holds one segment at a time. Behind the end of a short file
/// there are zeros.
fn load(folder: &Folder, number: u64, bytes: &mut Vec<u8>) -> Result<Arc<Segment>, LogError> {
    let (path, file) = folder.open(number)?;
    let mut head = [0; SEGMENT_HEADER_BYTES];
    let length = file.metadata().map_err(LogError::io("inspect", &path))?.len();
    let present = length.min(SEGMENT_HEADER_BYTES as u64) as usize;
    file.read_exact_at(&mut head[..present], 0).map_err(LogError::io("read", &path))?;
    let header = SegmentHeader::decode(&head).map_err(|bad| match bad {
        BadHeader::Version(found) => LogError::Version { path: path.clone(), found, supported: FORMAT_VERSION },
        BadHeader::Damaged => LogError::damaged(&path, 0, "the segment header is not sound"),
    })?;
    if header.number != number {
        return Err(LogError::damaged(&path, 0, format!("the file holds segment {}", header.number)));
    }
    bytes.clear();
    bytes.resize(header.capacity as usize, 0);
    let present = length.min(header.capacity) as usize;
    file.read_exact_at(&mut bytes[..present], 0).map_err(LogError::io("read", &path))?;
    Ok(Arc::new(Segment { header, path, file }))
}

/// Decides about the end of the newest segment and makes it durable as it was read.
fn settle(
    folder: &Folder,
    sequence: u64,
    segment: Arc<Segment>,
    bytes: &[u8],
    walked: Walked,
) -> Result<Position, LogError> {
    let salt = segment.header.salt;
    if let Some(later) = later_frame(bytes, walked.end, salt, sequence) {
        let reason = format!("frame {sequence} is not sound, but a later one at byte {later} is");
        return Err(LogError::damaged(&segment.path, walked.end as u64, reason));
    }
    let torn = torn_bytes(bytes, walked.end, &segment.header);
    if torn > 0 {
        tracing::warn!(
            segment = segment.header.number,
            offset = walked.end,
            bytes = torn,
            "cut a torn frame off the raft log"
        );
    }
    let filled = make_durable(folder, &segment, bytes, walked, torn)?;
    folder.sync()?;
    Ok(Position { segment, offset: walked.end as u64, filled, sequence })
}

/// What was read may be in the page cache only: a write that was never synced, or one whose sync failed and left clean
/// pages behind. Writing the last frame again makes its pages dirty, so that this sync is about them. Zeros behind it
/// remove the torn frame.
fn make_durable(
    folder: &Folder,
    segment: &Segment,
    bytes: &[u8],
    walked: Walked,
    torn: usize,
) -> Result<u64, LogError> {
    let (files, header) = (folder.files(), &segment.header);
    let from = if walked.last == SEGMENT_HEADER_BYTES { 0 } else { walked.last };
    let end = walked.end as u64;
    let zeroed = (end + FILL_BYTES.max(torn as u64)).min(header.capacity);
    files
        .write_all_at(&segment.file, &bytes[from..walked.end], from as u64)
        .and_then(|()| write_zeros(files, &segment.file, end, zeroed))
        .and_then(|()| files.sync_data(&segment.file))
        .map_err(LogError::io("settle", &segment.path))?;
    Ok(if header.recycled { header.capacity } else { zeroed })
}

fn later_frame(bytes: &[u8], from: usize, salt: u64, sequence: u64) -> Option<usize> {
    let sound = |at: &usize| frame_at(bytes, *at, salt).is_some_and(|frame| frame.sequence >= sequence);
    (from..bytes.len()).step_by(FRAME_ALIGN).find(sound)
}

/// How many bytes behind the last sound frame are remains of another one.
fn torn_bytes(bytes: &[u8], end: usize, header: &SegmentHeader) -> usize {
    match claimed_bytes(bytes, end, header.salt) {
        Some(claimed) => claimed.min(bytes.len() - end),
        None if header.recycled => 0,
        None => bytes[end..].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1),
    }
}
