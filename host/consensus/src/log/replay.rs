//! Rebuilds the log in memory from its segments, in order, refusing whatever does not follow from what came before.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::error::LogError;
use super::extent::Extent;
use super::frame::{FRAME_HEADER_BYTES, Frame, SEGMENT_HEADER_BYTES, SegmentHeader, Slot, frame_at};
use super::index::Index;
use super::record::Record;
use super::segment::Segment;
use super::writer::Marks;

/// The log so far.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) extent: Extent,
    pub(super) marks: Marks,
    pub(super) index: Index,
    /// Sequence number of the next frame.
    pub(super) sequence: u64,
    begun: bool,
}

/// Where the sound frames of a segment stop.
#[derive(Clone, Copy)]
pub(super) struct Walked {
    /// Start of the last sound frame.
    pub(super) last: usize,
    /// End of the last sound frame.
    pub(super) end: usize,
}

impl Replay {
    /// Takes every frame of one segment up to the first that is not sound.
    pub(super) fn segment(&mut self, segment: &Arc<Segment>, bytes: &[u8]) -> Result<Walked, LogError> {
        let (header, path) = (&segment.header, segment.path.as_path());
        let mut at = SEGMENT_HEADER_BYTES;
        let opening = frame_at(bytes, at, header.salt).filter(|frame| frame.sequence == header.first_sequence);
        let opening = opening.ok_or_else(|| LogError::damaged(path, at as u64, "the opening frame is not sound"))?;
        self.index.add_segment(segment.clone());
        self.open(header, &opening).map_err(|reason| LogError::damaged(path, at as u64, reason))?;
        let mut walked = Walked { last: at, end: opening.end };
        while let Some(frame) = frame_at(bytes, walked.end, header.salt) {
            at = walked.end;
            walked = Walked { last: at, end: frame.end };
            self.frame(header, &frame, at).map_err(|(offset, reason)| damaged(path, offset, reason))?;
        }
        Ok(walked)
    }

    /// The opening frame restates the marks: they are the start of the oldest segment, and must agree in every other.
    fn open(&mut self, header: &SegmentHeader, frame: &Frame<'_>) -> Result<(), String> {
        let mut marks = Marks::default();
        let mut rest = frame.payload;
        while !rest.is_empty() {
            let (record, length) =
                Record::decode(header.salt, rest).ok_or("a record of the opening frame is not sound")?;
            match record {
                Record::Vote(vote) => marks.vote = Some(Bytes::copy_from_slice(vote)),
                Record::Purged { index, id } => marks.purged = Some((index, Bytes::copy_from_slice(id))),
                _ => return Err("the opening frame holds more than vote and purge point".into()),
            }
            rest = &rest[length..];
        }
        if self.begun && (marks.vote != self.marks.vote || marks.purged != self.marks.purged) {
            return Err("vote or purge point differ from the end of the segment before".into());
        }
        if !self.begun {
            self.extent = Extent::replay(marks.purged.as_ref().map(|(index, _)| *index), header.number > 1);
            (self.marks, self.begun) = (marks, true);
        }
        self.sequence = frame.sequence + 1;
        Ok(())
    }

    fn frame(&mut self, header: &SegmentHeader, frame: &Frame<'_>, at: usize) -> Result<(), (usize, String)> {
        if frame.sequence != self.sequence {
            return Err((at, format!("frame {} where frame {} is due", frame.sequence, self.sequence)));
        }
        self.sequence += 1;
        let mut offset = at + FRAME_HEADER_BYTES;
        let mut rest = frame.payload;
        while !rest.is_empty() {
            let (record, length) =
                Record::decode(header.salt, rest).ok_or_else(|| (offset, "a record is not sound".to_string()))?;
            let slot = Slot { offset: offset as u32, bytes: length as u32 };
            self.record(record, slot).map_err(|reason| (offset, reason))?;
            rest = &rest[length..];
            offset += length;
        }
        Ok(())
    }

    fn record(&mut self, record: Record<'_>, slot: Slot) -> Result<(), String> {
        match record {
            Record::Entry { index, .. } => {
                self.extent.push(index)?;
                self.index.push(index, slot);
            }
            Record::TruncateAfter { index } => {
                self.extent.truncate_after(Some(index))?;
                self.index.truncate_after(Some(index));
            }
            Record::TruncateAll => {
                self.extent.truncate_after(None)?;
                self.index.truncate_after(None);
            }
            Record::Vote(vote) => self.marks.vote = Some(Bytes::copy_from_slice(vote)),
            Record::Purged { index, id } => {
                if self.extent.purge(index)? {
                    self.index.purge(index);
                    self.marks.purged = Some((index, Bytes::copy_from_slice(id)));
                }
            }
        }
        Ok(())
    }
}

fn damaged(path: &Path, offset: usize, reason: String) -> LogError {
    LogError::damaged(path, offset as u64, reason)
}
