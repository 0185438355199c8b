//! Telling watchers what happened: the newest events from memory, older ones from the store's history.
//!
//! Watchers *pull*: each holds a [`Cursor`] with the next revision it needs, and the [`Hub`] holds the newest events in a
//! bounded ring. Nothing is queued per watcher, so a slow one costs no memory, delays nobody and loses nothing: when the
//! ring has moved on without it, it reads from the store until it has caught up.
//!
//! This crate is *not* the Watch service (see `api`) and opens no sealed value (see `flow`).
//!
//! Invariants:
//! - Events of one revision are handed over together, and revisions in order, each once.
//! - Only what is applied and committed to the store is published.
//!
//! Limits: [`RING_REVISIONS_MAX`] revisions or [`RING_BYTES_MAX`] bytes in memory; one pull hands over at most
//! [`PULL_BYTES_MAX`] bytes (and at least one revision).
//!
//! Failure: a cursor that points before the last compaction gets [`Pulled::Compacted`]; an error of the disk is returned to
//! the watcher that met it.

mod cursor;
mod hub;

pub use cursor::{Cursor, Pulled};
pub use hub::Hub;

/// Most revisions kept in memory: seconds of a busy cluster's writes.
pub const RING_REVISIONS_MAX: usize = 16_384;

/// Most bytes of keys and values kept in memory for watchers.
pub const RING_BYTES_MAX: usize = 64 << 20;

/// Most bytes that one pull hands over, so that one watcher far behind does not hold the others of its stream up.
pub const PULL_BYTES_MAX: usize = 1 << 20;

/// Most entries of history that one pull looks at, however few of them are wanted.
pub const PULL_ENTRIES_MAX: usize = 10_000;
