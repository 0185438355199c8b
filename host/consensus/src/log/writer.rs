//! The writer thread: queue -> one frame -> one write -> one fdatasync -> callbacks in order.
//!
//! A failed write or sync is final. After a failed fsync the kernel may have dropped the dirty pages and report success
//! the next time, while the cache shows bytes that are not on disk ("Can Applications Recover from fsync Failures?",
//! USENIX ATC 2020). So nothing is retried: the log is poisoned, and the next start writes the last frame again before
//! it believes it (see `recovery`).

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::error::LogError;
use super::files::write_zeros;
use super::frame::{FRAME_HEADER_BYTES, FrameBuilder, SEGMENT_HEADER_BYTES, Slot, aligned};
use super::operation::{Operation, Queued};
use super::record::Record;
use super::segment::{Folder, Segment};
use super::state::Shared;
use crate::metrics::LogMetrics;

/// How far ahead of the tail a new segment is filled with zeros. A sync of blocks that were written before costs no
/// file system journal commit. In steps, because filling 64 MiB at once would hold up callers for a good part of a
/// second.
pub(super) const FILL_BYTES: u64 = 4 * 1024 * 1024;

/// Where the next frame goes.
pub(super) struct Position {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: u64,
    /// Bytes of the file up to here were written before.
    pub(super) filled: u64,
    /// Sequence number of the next frame.
    pub(super) sequence: u64,
}

/// Vote and purge point as they are on disk.
#[derive(Clone, Default)]
pub(super) struct Marks {
    pub(super) vote: Option<Bytes>,
    pub(super) purged: Option<(u64, Bytes)>,
}

impl Marks {
    /// The frame that opens a segment: so that all older segments may go.
    pub(super) fn frame(&self, salt: u64, sequence: u64) -> Vec<u8> {
        let mut buffer = Vec::new();
        let mut frame = FrameBuilder::new(&mut buffer, salt, sequence);
        if let Some(vote) = &self.vote {
            frame.record(&Record::Vote(vote));
        }
        if let Some((index, id)) = &self.purged {
            frame.record(&Record::Purged { index: *index, id });
        }
        frame.finish();
        buffer
    }
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Folder,
    pub(super) position: Position,
    pub(super) marks: Marks,
    pub(super) segment_bytes: u64,
    pub(super) metrics: LogMetrics,
    /// Held, not read: other processes keep out while it is open.
    pub(super) lock: File,
}

impl Writer {
    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let _guard = AbandonOnExit(&shared);
        let (mut buffer, mut poison) = (Vec::new(), None);
        while let Some(batch) = shared.next_batch() {
            let failed = match &poison {
                Some(first) => finish(batch, Err(Arc::new(LogError::Poisoned(Arc::clone(first))))),
                None => self.commit(batch, &mut buffer).err(),
            };
            if let (None, Some(error)) = (&poison, failed) {
                tracing::error!(error = %error, "raft log write failed, the log accepts nothing more");
                poison = Some(error);
            }
        }
        drop(self.lock);
    }

    fn commit(&mut self, batch: Vec<Queued>, buffer: &mut Vec<u8>) -> Result<(), Arc<LogError>> {
        self.shared.writing(Some(Instant::now()));
        let written = self.write(&batch, buffer);
        self.shared.writing(None);
        match written {
            Ok(slots) => {
                let retired = self.shared.publish(&batch, &slots);
                finish(batch, Ok(()));
                self.folder.retire(retired, self.segment_bytes).map_err(Arc::new)
            }
            Err(error) => finish(batch, Err(Arc::new(error))).map_or(Ok(()), Err),
        }
    }

    /// Makes the batch durable; returns where its entries lie.
    fn write(&mut self, batch: &[Queued], buffer: &mut Vec<u8>) -> Result<Vec<Slot>, LogError> {
        if batch.iter().any(|queued| matches!(queued.operation, Operation::StartAfresh)) {
            self.folder.forget(self.position.segment.header.number)?;
            self.roll(0)?;
        }
        if batch.iter().all(|queued| queued.operation.records() == 0) {
            return Ok(Vec::new());
        }
        let payload: usize = batch.iter().map(|queued| queued.bytes).sum();
        let frame_bytes = aligned(FRAME_HEADER_BYTES + payload) as u64;
        if self.position.offset + frame_bytes > self.position.segment.header.capacity {
            self.roll(frame_bytes)?;
        }
        let slots = self.encode(batch, buffer);
        assert_eq!(buffer.len() as u64, frame_bytes, "room was made for exactly this frame");
        self.put(buffer)?;
        batch.iter().for_each(|queued| self.mark(&queued.operation));
        Ok(slots)
    }

    fn encode(&self, batch: &[Queued], buffer: &mut Vec<u8>) -> Vec<Slot> {
        let mut slots = Vec::new();
        let base = u32::try_from(self.position.offset).expect("capacities are below SEGMENT_BYTES_MAX");
        let mut frame = FrameBuilder::new(buffer, self.position.segment.header.salt, self.position.sequence);
        for queued in batch {
            queued.operation.for_each_record(|record| {
                let slot = frame.record(&record);
                if let Record::Entry { .. } = record {
                    slots.push(Slot { offset: base + slot.offset, bytes: slot.bytes });
                }
            });
        }
        frame.finish();
        slots
    }

    fn put(&mut self, frame: &[u8]) -> Result<(), LogError> {
        failpoint::reached("log.before-write");
        let Position { segment, offset, filled, sequence } = &mut self.position;
        let files = self.folder.files();
        let end = *offset + frame.len() as u64;
        if end > *filled {
            *filled = (end + FILL_BYTES).min(segment.header.capacity);
            write_zeros(files, &segment.file, end, *filled).map_err(LogError::io("fill", &segment.path))?;
        }
        let written = self.metrics.write_seconds.start_timer();
        files.write_all_at(&segment.file, frame, *offset).map_err(LogError::io("write", &segment.path))?;
        written.stop_and_record();
        let synced = self.metrics.sync_seconds.start_timer();
        files.sync_data(&segment.file).map_err(LogError::io("sync", &segment.path))?;
        synced.stop_and_record();
        self.metrics.written_bytes.add(i64::try_from(frame.len()).unwrap_or(i64::MAX));
        (*offset, *sequence) = (end, *sequence + 1);
        Ok(())
    }

    /// Starts the next segment, larger than usual if one frame needs it.
    fn roll(&mut self, frame_bytes: u64) -> Result<(), LogError> {
        let number = self.position.segment.header.number + 1;
        self.position = start_segment(
            &mut self.folder,
            &self.marks,
            number,
            self.position.sequence,
            self.segment_bytes,
            frame_bytes,
        )?;
        self.shared.lock().index.add_segment(self.position.segment.clone());
        Ok(())
    }

    fn mark(&mut self, operation: &Operation) {
        match operation {
            Operation::SaveVote(vote) => self.marks.vote = Some(vote.clone()),
            Operation::Purge(index, id) if self.marks.purged.as_ref().is_none_or(|(old, _)| old < index) => {
                self.marks.purged = Some((*index, id.clone()));
            }
            _ => {}
        }
    }
}

/// Creates segment `number`, opened by a frame of `marks`, with room for at least `frame_bytes` more.
pub(super) fn start_segment(
    folder: &mut Folder,
    marks: &Marks,
    number: u64,
    sequence: u64,
    segment_bytes: u64,
    frame_bytes: u64,
) -> Result<Position, LogError> {
    let offset = SEGMENT_HEADER_BYTES as u64 + marks.frame(0, sequence).len() as u64;
    let capacity = segment_bytes.max(offset + frame_bytes);
    let segment = Arc::new(folder.create(number, sequence, capacity, |salt| marks.frame(salt, sequence))?);
    let filled = if segment.header.recycled { capacity } else { offset };
    Ok(Position { segment, offset, filled, sequence: sequence + 1 })
}

/// Answers every caller of the batch in order; hands the error back.
fn finish(batch: Vec<Queued>, outcome: Result<(), Arc<LogError>>) -> Option<Arc<LogError>> {
    batch.into_iter().for_each(|queued| queued.finish(outcome.clone()));
    outcome.err()
}

/// Nobody waits for ever: whatever ends the thread, later operations are answered.
struct AbandonOnExit<'a>(&'a Shared);

impl Drop for AbandonOnExit<'_> {
    fn drop(&mut self) {
        let closed = Arc::new(LogError::Closed);
        self.0.abandon().into_iter().for_each(|queued| queued.finish(Err(closed.clone())));
    }
}
