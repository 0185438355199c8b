//! What callers and the writer thread share: the log as it will be, the queue that makes it so, and where entries lie.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::error::LogError;
use super::extent::Extent;
use super::frame::Slot;
use super::index::Index;
use super::operation::{Done, Operation, Queued};
use super::segment::Segment;
use super::tail::Tail;

/// One batch: what fits into a frame of this many bytes. Larger ones delay the first caller without saving many syncs.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// One batch: this many records, so that a frame of tiny entries stays quick to build.
const BATCH_RECORDS_MAX: usize = 4096;

/// The log as callers see it, ahead of the disk by what is queued.
pub(super) struct State {
    pub(super) extent: Extent,
    pub(super) vote: Option<Bytes>,
    pub(super) purged: Option<(u64, Bytes)>,
    pub(super) tail: Tail,
    pub(super) index: Index,
    queue: VecDeque<Queued>,
    ticket_last: u64,
    closing: bool,
}

/// Where a read finds an entry.
pub(super) enum Source {
    Memory(u64, Bytes),
    Disk(u64, Arc<Segment>, Slot),
}

impl State {
    pub(super) fn new(
        extent: Extent,
        vote: Option<Bytes>,
        purged: Option<(u64, Bytes)>,
        index: Index,
        tail: Tail,
    ) -> Self {
        let (queue, ticket_last, closing) = (VecDeque::new(), 0, false);
        State { extent, vote, purged, tail, index, queue, ticket_last, closing }
    }

    /// Changes the log in memory; nothing changes when the operation is refused.
    fn apply(&mut self, ticket: u64, operation: &Operation) -> Result<(), String> {
        let mut extent = self.extent;
        match operation {
            Operation::Append(entries) => {
                entries.iter().try_for_each(|(index, _)| extent.push(*index))?;
                entries.iter().for_each(|(index, payload)| self.tail.push(ticket, *index, payload.clone()));
            }
            Operation::TruncateAfter(keep) => {
                extent.truncate_after(*keep)?;
                self.tail.truncate_after(*keep);
            }
            Operation::SaveVote(vote) => self.vote = Some(vote.clone()),
            Operation::Purge(index, id) => {
                if extent.purge(*index)? {
                    self.purged = Some((*index, id.clone()));
                    self.tail.purge(*index);
                }
            }
            Operation::StartAfresh | Operation::Refused(_) => {}
        }
        self.extent = extent;
        Ok(())
    }

    fn next_batch(&mut self) -> Vec<Queued> {
        let (mut bytes, mut records, mut count) = (0, 0, 0);
        for queued in &self.queue {
            bytes += queued.bytes;
            records += queued.operation.records();
            if count > 0 && (bytes > BATCH_BYTES_MAX || records > BATCH_RECORDS_MAX) {
                break;
            }
            count += 1;
        }
        self.queue.drain(..count).collect()
    }

    /// Sources of consecutive entries from the first that exists in `range`, up to `bytes_max` but at least one.
    pub(super) fn plan(&self, range: &Range<u64>, bytes_max: usize) -> Vec<Source> {
        let mut sources = Vec::new();
        let Some((first, last)) = self.extent.entries() else { return sources };
        let mut bytes = 0;
        for index in range.start.max(first)..range.end.min(last + 1) {
            let (source, length) = match self.tail.get(index) {
                Some(payload) => (Source::Memory(index, payload.clone()), payload.len()),
                None => {
                    let (segment, slot) = self.index.locate(index).expect("entries outside the tail are on disk");
                    (Source::Disk(index, segment.clone(), slot), slot.bytes as usize)
                }
            };
            bytes += length;
            if bytes > bytes_max && !sources.is_empty() {
                break;
            }
            sources.push(source);
        }
        sources
    }
}

/// [`State`] behind its lock.
pub(super) struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// When the writer thread turned to the disk, while it waits for it.
    writing: Mutex<Option<Instant>>,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Shared { state: Mutex::new(state), work: Condvar::new(), writing: Mutex::new(None) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the log's lock, except on a broken invariant")
    }

    /// For the way out, which must not panic a second time.
    fn lock_even_if_broken(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the log in memory and queues the same change for the disk, in one step.
    pub(super) fn enqueue(&self, operation: Operation, done: Done) {
        let mut state = self.lock();
        if state.closing {
            drop(state);
            return done(Err(Arc::new(LogError::Closed)));
        }
        let ticket = state.ticket_last + 1;
        let verdict = operation.check_size().and_then(|()| state.apply(ticket, &operation));
        let operation = match verdict {
            Ok(()) => operation,
            Err(reason) => Operation::Refused(Arc::new(LogError::Refused(reason))),
        };
        let bytes = operation.bytes();
        state.ticket_last = ticket;
        state.queue.push_back(Queued { ticket, bytes, operation, done });
        drop(state);
        self.work.notify_one();
    }

    /// Waits for work; `None` once the log is closed and the queue is empty.
    pub(super) fn next_batch(&self) -> Option<Vec<Queued>> {
        let state = self.lock();
        let idle = |state: &mut State| state.queue.is_empty() && !state.closing;
        let mut state = self.work.wait_while(state, idle).expect("see lock");
        let batch = state.next_batch();
        (!batch.is_empty()).then_some(batch)
    }

    /// Records that a batch is durable, its entries at `slots`. Returns segments that are no longer needed.
    pub(super) fn publish(&self, batch: &[Queued], slots: &[Slot]) -> Vec<Arc<Segment>> {
        let mut state = self.lock();
        let mut retired = Vec::new();
        let mut slots = slots.iter().copied();
        for queued in batch {
            match &queued.operation {
                Operation::Append(entries) => {
                    entries.iter().zip(&mut slots).for_each(|((index, _), slot)| state.index.push(*index, slot));
                }
                Operation::TruncateAfter(keep) => state.index.truncate_after(*keep),
                Operation::Purge(index, _) => {
                    state.index.purge(*index);
                    retired.extend(state.index.retire());
                }
                Operation::SaveVote(_) | Operation::StartAfresh | Operation::Refused(_) => {}
            }
        }
        if let Some(newest) = batch.last() {
            state.tail.evict(newest.ticket);
        }
        retired
    }

    /// Notes that the writer thread waits for the disk, or does so no longer.
    pub(super) fn writing(&self, since: Option<Instant>) {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    pub(super) fn writing_since(&self) -> Option<Instant> {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        self.lock_even_if_broken().closing = true;
        self.work.notify_all();
    }

    /// Closes and hands out what nobody will write any more.
    pub(super) fn abandon(&self) -> Vec<Queued> {
        let mut state = self.lock_even_if_broken();
        state.closing = true;
        state.queue.drain(..).collect()
    }
}
