//! Agreement on one order of commands, by Raft; behind this crate nothing names openraft.
//!
//! A [`Proposal`] goes in and comes out applied: by then a majority has its log entry on disk (fsync), and this
//! member has applied it and told its watchers.
//!
//! It is *not* the state (see `store`) and decides nothing about who may write: what may be proposed is decided by the
//! types that a [`Proposal`] is made from.
//!
//! Invariants:
//! - One ordered stream to disk for entries and votes, synced in groups; a callback only after its sync.
//! - The log is purged only behind a snapshot, and a snapshot is durable.
//! - A failed write or sync ends this member: it stops, loudly, and nothing is tried again.
//!
//! Limits: [`PROPOSAL_TIME_MAX`] per proposal, 256 MiB of proposals under way.

mod blocking;
mod codec;
#[cfg(test)]
mod conformance_tests;
mod consensus;
mod error;
mod identity;
mod log;
mod log_storage;
mod machine;
mod metrics;
mod network;
mod proposal;
mod raft_types;
mod read_gate;

pub use blocking::blocking;
pub use consensus::{Consensus, ConsensusConfig, ConsensusStatus, PROPOSAL_TIME_MAX};
pub use error::{ConsensusError, StartError};
pub use identity::{IDENTITY_FILE, Identity, IdentityError};
pub use log::LogError;
pub use metrics::ConsensusMetrics;
pub use proposal::Proposal;
