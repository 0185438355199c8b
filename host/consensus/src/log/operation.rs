//! What callers ask of the log, on its way through the queue.

use std::sync::Arc;

use bytes::Bytes;

use super::error::LogError;
use super::record::{RECORD_HEADER_BYTES, Record};

/// Called once, on the writer thread, in the order of the operations, when the outcome is known. It must not block.
pub(crate) type Done = Box<dyn FnOnce(Result<(), Arc<LogError>>) + Send>;

/// Largest operation in bytes: far above any batch of client writes or plugin upload, far below the 32-bit offsets on
/// disk.
pub(super) const OPERATION_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One change to the log. Atomic: it lies in one frame.
pub(super) enum Operation {
    Append(Vec<(u64, Bytes)>),
    TruncateAfter(Option<u64>),
    SaveVote(Bytes),
    Purge(u64, Bytes),
    /// Starts a segment in a file that nothing was ever written to; those before it are not written again, once purged, but
    /// removed.
    StartAfresh,
    /// Keeps its place in the order of callbacks, writes nothing.
    Refused(Arc<LogError>),
}

/// An operation with its callback.
pub(super) struct Queued {
    pub(super) ticket: u64,
    /// Encoded size.
    pub(super) bytes: usize,
    pub(super) operation: Operation,
    pub(super) done: Done,
}

impl Queued {
    /// Tells the caller. A refused operation is refused even if the batch around it was written.
    pub(super) fn finish(self, outcome: Result<(), Arc<LogError>>) {
        match self.operation {
            Operation::Refused(error) => (self.done)(Err(error)),
            _ => (self.done)(outcome),
        }
    }
}

impl Operation {
    /// Calls `each` with the records of this operation in order.
    pub(super) fn for_each_record<'a>(&'a self, mut each: impl FnMut(Record<'a>)) {
        match self {
            Operation::Append(entries) => {
                entries.iter().for_each(|(index, payload)| each(Record::Entry { index: *index, payload }));
            }
            Operation::TruncateAfter(Some(index)) => each(Record::TruncateAfter { index: *index }),
            Operation::TruncateAfter(None) => each(Record::TruncateAll),
            Operation::SaveVote(vote) => each(Record::Vote(vote)),
            Operation::Purge(index, id) => each(Record::Purged { index: *index, id }),
            Operation::StartAfresh | Operation::Refused(_) => {}
        }
    }

    pub(super) fn records(&self) -> usize {
        match self {
            Operation::Append(entries) => entries.len(),
            Operation::StartAfresh | Operation::Refused(_) => 0,
            _ => 1,
        }
    }

    /// Encoded size of all records.
    pub(super) fn bytes(&self) -> usize {
        let payload: usize = match self {
            Operation::Append(entries) => entries.iter().map(|(_, payload)| payload.len()).sum(),
            Operation::SaveVote(bytes) | Operation::Purge(_, bytes) => bytes.len(),
            Operation::TruncateAfter(_) | Operation::StartAfresh | Operation::Refused(_) => 0,
        };
        payload + self.records() * RECORD_HEADER_BYTES
    }

    pub(super) fn check_size(&self) -> Result<(), String> {
        match self.bytes() {
            bytes if bytes > OPERATION_BYTES_MAX => {
                Err(format!("an operation of {bytes} bytes is over the bound of {OPERATION_BYTES_MAX}"))
            }
            _ => Ok(()),
        }
    }
}
