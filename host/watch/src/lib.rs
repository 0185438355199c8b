//! Telling watchers what happened: the newest events from memory, older ones from the store's history.
//!
//! Watchers *pull*: the watches of one stream are a [`Group`] that knows where each of them stands, and the [`Hub`] holds
//! the newest events in a bounded ring. Nothing is queued per watch, so a slow stream costs no memory, delays nobody and
//! loses nothing: when the ring has moved on without it, it reads from the store until it has caught up. An event is
//! matched against all watches of a stream at once.
//!
//! This crate is *not* the Watch service (see `api`) and opens no sealed value (see `flow`).
//!
//! Invariants:
//! - Events of one revision are handed over together, and revisions in order, each once.
//! - Only what is applied and committed to the store is published.
//!
//! Limits: [`RING_REVISIONS_MAX`] revisions or [`RING_BYTES_MAX`] bytes in memory; one stretch of history is at most
//! [`PULL_BYTES_MAX`] bytes, [`PULL_REVISIONS_MAX`] revisions or [`PULL_ENTRIES_MAX`] entries looked at (and at least one
//! revision).
//!
//! Failure: a watch that needs history from before the last compaction gets [`Pulled::Compacted`]; an error of the disk
//! is returned to the stream that met it.

mod group;
mod hub;
mod interests;

pub use group::{Group, Progress, Pulled, Wanted};
pub use hub::Hub;

/// Most revisions kept in memory: seconds of a busy cluster's writes.
pub const RING_REVISIONS_MAX: usize = 16_384;

/// Most bytes of keys and values kept in memory for watchers.
pub const RING_BYTES_MAX: usize = 64 << 20;

/// Most bytes of one stretch of history, so that a watch far behind does not hold the others of its stream up.
pub const PULL_BYTES_MAX: usize = 1 << 20;

/// Most revisions of one stretch of history: what etcd sends at once to a watch that is behind (`watchBatchMaxRevs`).
pub const PULL_REVISIONS_MAX: usize = 1000;

/// Most entries of history that one pull looks at, however few of them are wanted.
pub const PULL_ENTRIES_MAX: usize = 10_000;
