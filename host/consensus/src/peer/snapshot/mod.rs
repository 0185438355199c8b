//! Snapshots on the peer link: the files of a checkpoint, each with its hash.
//!
//! ```text
//!  leader:  manifest ->            chunks ->
//!  member:            <- wanted                -> verified -> installed
//! ```
//!
//! A transfer that broke goes on where it stopped: what arrived stays in [`receiving`](crate::snapshots::receiving) and is not
//! wanted again. A member whose own state cannot be used asks for the leader's by a call of its own, with the same parts in
//! them the other way round ([`Serving`]).

mod files;
mod receive;
mod send;
mod serve;

pub(super) use receive::receive;
pub(crate) use receive::{Receiving, take_in};
pub(super) use send::send;
pub(crate) use serve::{Serving, StateOf};

/// Bytes in one chunk: large enough to be cheap, small enough that a busy link stays quick.
const CHUNK_BYTES: usize = 256 << 10;

/// Most files in a manifest: far more than a state of terabytes has.
const FILES_MAX: usize = 1 << 20;
