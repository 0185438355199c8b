//! The durable Raft log: entries, vote and purge point in one ordered stream of checksummed frames.
//!
//! ```text
//! append, save_vote, truncate_after, purge
//!   -> queue -> writer thread: one frame, one write, one fdatasync -> callbacks in order
//! read <- newest entries in memory, older ones from the segment files
//! ```
//!
//! It is *not* Raft: payloads, votes and log ids are opaque bytes, and nothing is decided here.
//!
//! Invariants:
//! - A callback gets `Ok` only after its operation, and every operation before it, is durable.
//! - Entries are consecutive: an operation that would leave a hole is refused, and a folder with one is not opened.
//! - An operation is on disk whole or not at all.
//! - Acknowledged operations survive any crash. A torn frame at the end is cut, damage before it is a loud stop.
//!
//! Limits: 256 MiB an operation, consecutive indices from 1; 8 bytes of memory an entry, and
//! [`LogOptions::tail_bytes`] of recent payloads. The queue itself has no bound, since callers cannot wait: they count
//! what they have in flight.
//!
//! Failure: the first failed write, sync, rename or removal poisons the log. Every later operation gets the error,
//! nothing is retried; the process must stop. Reads keep working.

mod check;
mod error;
mod extent;
mod files;
mod frame;
mod index;
mod operation;
mod planted;
mod reader;
mod record;
mod recovery;
mod replay;
mod segment;
mod state;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;

pub(crate) use check::check;
pub use error::LogError;
use files::{FileOps, SystemFiles, UnsyncedFiles};
pub(crate) use operation::Done;
use operation::Operation;
use planted::SyncsLate;
use recovery::Recovered;
use state::{Shared, State};
use tail::Tail;
use writer::Writer;

use crate::metrics::LogMetrics;

/// Smallest and largest segment. Offsets are 32 bits, and a segment may grow by one operation of
/// `OPERATION_BYTES_MAX`.
const SEGMENT_BYTES_RANGE: (u64, u64) = (4 * 1024, 1024 * 1024 * 1024);

/// Sizes of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOptions {
    /// Size of a segment file in bytes, the unit in which purged space comes back. Brought into 4 KiB to 1 GiB.
    pub(crate) segment_bytes: u64,
    /// Payload bytes of recent entries kept in memory for replication. Entries that are not durable are kept beyond it.
    pub(crate) tail_bytes: usize,
    /// Whether writes are synced. Without it a crash of the machine loses what was answered.
    pub(crate) sync: bool,
}

impl Default for LogOptions {
    /// 64 MiB segments, as etcd's. 16 MiB of recent entries: several seconds of writes, for followers that keep up.
    fn default() -> Self {
        LogOptions { segment_bytes: 64 * 1024 * 1024, tail_bytes: 16 * 1024 * 1024, sync: true }
    }
}

/// Where the log lies in a data directory.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("log")
}

/// A handle to the log; clones share it. The last one to go closes the log.
#[derive(Clone)]
pub(crate) struct LogStore {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    metrics: LogMetrics,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LogStore {
    /// Opens the log in `dir`, creating it if need be, and starts its writer thread. Reads every segment once.
    pub(crate) fn open(dir: &Path, options: LogOptions) -> Result<LogStore, LogError> {
        let files: Arc<dyn FileOps> = match options.sync {
            true if failpoint::planted("ack-before-sync") => Arc::new(SyncsLate::default()),
            true => Arc::new(SystemFiles),
            false => Arc::new(UnsyncedFiles),
        };
        LogStore::open_with(dir, options, files)
    }

    fn open_with(dir: &Path, options: LogOptions, files: Arc<dyn FileOps>) -> Result<LogStore, LogError> {
        let segment_bytes = options.segment_bytes.clamp(SEGMENT_BYTES_RANGE.0, SEGMENT_BYTES_RANGE.1);
        let Recovered { replay, folder, position, lock } = recovery::recover(dir, segment_bytes, files)?;
        let marks = replay.marks;
        let tail = Tail::new(options.tail_bytes);
        let state = State::new(replay.extent, marks.vote.clone(), marks.purged.clone(), replay.index, tail);
        let shared = Arc::new(Shared::new(state));
        let metrics = LogMetrics::new();
        let writer =
            Writer { shared: shared.clone(), folder, position, marks, segment_bytes, metrics: metrics.clone(), lock };
        let thread = thread::Builder::new().name("raft-log".into()).spawn(move || writer.run());
        let thread = thread.map_err(LogError::io("start the writer thread of", dir))?;
        Ok(LogStore { inner: Arc::new(Inner { shared, metrics, thread: Mutex::new(Some(thread)) }) })
    }

    /// What the log tells of itself.
    pub(crate) fn metrics(&self) -> &LogMetrics {
        &self.inner.metrics
    }

    /// For how long the write that is under way has been, if one is.
    pub(crate) fn stalled(&self) -> Option<Duration> {
        self.inner.shared.writing_since().map(|since| since.elapsed())
    }

    /// Index of the oldest entry, if there is any.
    pub(crate) fn first_index(&self) -> Option<u64> {
        self.inner.shared.lock().extent.entries().map(|(first, _)| first)
    }

    /// Index of the newest entry, durable or not, if there is any.
    pub(crate) fn last_index(&self) -> Option<u64> {
        self.inner.shared.lock().extent.entries().map(|(_, last)| last)
    }

    /// The vote saved last, durable or not.
    pub(crate) fn vote(&self) -> Option<Bytes> {
        self.inner.shared.lock().vote.clone()
    }

    /// The purge point: index and encoded log id.
    pub(crate) fn purged(&self) -> Option<(u64, Bytes)> {
        self.inner.shared.lock().purged.clone()
    }

    /// Consecutive entries of `range`, from the first that exists, up to about `bytes_max` of payload but at least one.
    /// Sees entries that are not durable yet. May read from the disk.
    pub(crate) fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<(u64, Bytes)>, LogError> {
        let sources = self.inner.shared.lock().plan(&range, bytes_max);
        reader::read(sources)
    }

    /// Adds entries behind the newest one; a new log may begin at any index from 1. They can be read as soon as this
    /// returns.
    pub(crate) fn append(&self, entries: Vec<(u64, Bytes)>, done: Done) {
        self.inner.shared.enqueue(Operation::Append(entries), done);
    }

    /// Replaces the vote.
    pub(crate) fn save_vote(&self, vote: Bytes, done: Done) {
        self.inner.shared.enqueue(Operation::SaveVote(vote), done);
    }

    /// Drops entries behind `keep`; 0 drops all. Refused behind the purge point.
    pub(crate) fn truncate_after(&self, keep: u64, done: Done) {
        self.inner.shared.enqueue(Operation::TruncateAfter((keep > 0).then_some(keep)), done);
    }

    /// Drops entries up to `index`, which may lie beyond the newest one (a snapshot was installed). Segments without
    /// entries are recycled. An index at or before the purge point changes nothing.
    pub(crate) fn purge(&self, index: u64, log_id: Bytes, done: Done) {
        self.inner.shared.enqueue(Operation::Purge(index, log_id), done);
    }

    /// Goes on in a file that nothing was ever written to. What was written before can be read on the disk until it is purged,
    /// and not after that.
    pub(crate) fn start_afresh(&self, done: Done) {
        self.inner.shared.enqueue(Operation::StartAfresh, done);
    }

    /// Writes what is queued, then stops the thread. Operations through other clones are refused from now on, reads are
    /// not.
    pub(crate) fn close(self) {
        self.inner.stop();
    }
}

impl Inner {
    fn stop(&self) {
        self.shared.close();
        let thread = self.thread.lock().map(|mut thread| thread.take()).unwrap_or_default();
        // The last clone may be dropped by a callback, which runs on that very thread: it ends by itself then.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the raft log's writer thread panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
