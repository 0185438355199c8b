//! What can go wrong between a proposal and its outcome.

use std::path::PathBuf;

/// A proposal or a read could not be carried through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsensusError {
    /// No leader is known: ask again.
    #[error("no leader")]
    NoLeader,
    /// Another member leads.
    #[error("not leader")]
    NotLeader,
    /// The leader changed while the proposal was under way: it may or may not have been carried out.
    #[error("leader changed")]
    LeaderChanged,
    /// It took longer than [`crate::PROPOSAL_TIME_MAX`]: it may or may not have been carried out.
    #[error("request timed out")]
    Timeout,
    /// Another change of the membership is under way.
    #[error("the membership is changing")]
    MembershipChanging,
    /// No member has this id.
    #[error("no such member")]
    NoSuchMember,
    /// The member has a vote already.
    #[error("not a learner")]
    NotLearner,
    /// The learner lacks too much of the log to be given a vote.
    #[error("the learner is not in sync with the leader")]
    LearnerNotReady,
    /// Nobody with a vote would be left.
    #[error("the last member with a vote")]
    LastVoter,
    /// Too few members with a vote answer the leader for a change that was to be strict about it.
    #[error("too few members answer the leader")]
    Unhealthy,
    /// This member is stopping or has stopped: its disk failed, or it was told to.
    #[error("server stopped")]
    Stopped,
}

/// The member could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// A file operation failed.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state cannot be opened.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The state is damaged, and there is nobody to get it from.
    #[error(
        "the state in {} is damaged, and there is neither another member nor a sound snapshot to get it from; restore this \
         member from a backup", state.display()
    )]
    Unrecoverable {
        /// Where the state is.
        state: PathBuf,
    },
    /// The timing options contradict each other.
    #[error("{0}; the election timeout must be at least five times the heartbeat interval")]
    Timing(String),
    /// openraft refused to start on what is on the disk.
    #[error("consensus cannot start: {0}")]
    Raft(String),
}
