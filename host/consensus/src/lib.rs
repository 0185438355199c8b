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
//! - A proposal that may have entered a log is never proposed again; its outcome comes from this member's own apply.
//! - A read is confirmed by a leader that a majority answered after the read began.
//!
//! Limits: [`PROPOSAL_TIME_MAX`] per proposal, 256 MiB of proposals under way.

mod alone;
mod answering;
mod ask;
mod at_rest;
mod blocking;
mod codec;
mod config;
#[cfg(test)]
mod conformance_tests;
mod consensus;
mod error;
mod farewell;
mod files;
mod forget;
mod founding;
mod hashes;
mod identity;
mod lead;
mod leadership;
mod lease_clock;
mod leisure;
mod log;
mod log_storage;
mod machine;
mod membership;
mod metrics;
mod node;
mod outcomes;
mod pace;
mod peer;
mod prepare;
mod proposal;
mod propose;
mod raft_types;
mod read_gate;
mod rebuild;
mod request;
mod roster;
mod shared_question;
mod snapshots;
mod transfer;

pub use at_rest::{AppliedLog, check_log};
pub use blocking::blocking;
pub use config::ConsensusConfig;
pub use consensus::{Consensus, ConsensusStatus};
pub use error::{ConsensusError, StartError};
pub use founding::{Revisions, found_with_state};
pub use hashes::MemberHash;
pub use identity::{IDENTITY_FILE, Identity, IdentityError};
pub use leadership::Leadership;
pub use lease_clock::{LeaseClock, Renewal};
pub use leisure::{at_leisure, unhurried};
pub use log::LogError;
pub use membership::{Membership, MembershipChange};
pub use metrics::ConsensusMetrics;
pub use node::{Bootstrap, Founder, PeerNode};
pub use peer::{Doubts, MemberTrust, PEER_PROTOCOL, PeerTls};
pub use prepare::{Preparation, Unprepared};
pub use proposal::Proposal;
pub use propose::PROPOSAL_TIME_MAX;
pub use rebuild::{RebuildCause, can_rebuild, rebuild, want_rebuild, wanted_rebuild};
