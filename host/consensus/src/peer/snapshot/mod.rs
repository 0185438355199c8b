//! Snapshots on the peer link: the files of a checkpoint, each with its hash.
//!
//! ```text
//!  leader:  manifest ->            chunks ->
//!  member:            <- wanted                -> verified -> installed
//! ```
//!
//! A transfer that broke goes on where it stopped: what arrived stays in [`RECEIVING`] and is not wanted again.

mod files;
mod receive;
mod send;

pub(crate) use receive::Receiving;
pub(super) use receive::receive;
pub(super) use send::send;

/// Bytes in one chunk: large enough to be cheap, small enough that a busy link stays quick.
const CHUNK_BYTES: usize = 256 << 10;

/// Most files in a manifest: far more than a state of terabytes has.
const FILES_MAX: usize = 1 << 20;

/// The folder, among those of snapshots, in which one arrives.
const RECEIVING: &str = "receiving";
