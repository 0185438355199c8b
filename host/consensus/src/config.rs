//! How a member is started, and what that means for openraft.

use std::{path::PathBuf, sync::Arc, time::Duration};

use openraft::{Config, SnapshotPolicy};

use crate::{Bootstrap, PeerNode, PeerTls, StartError, log::LogOptions, pace::Pace};

/// Entries that are purged at once: segments of the log come back in larger pieces anyway.
const PURGE_ENTRIES: u64 = 1000;

/// Most entries of one request to another member. What bounds a request in practice is its size.
const APPEND_ENTRIES_MAX: u64 = 4096;

/// How to start a member.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// Folder for the log and the snapshots.
    pub dir: PathBuf,
    /// The cluster's id.
    pub cluster_id: u64,
    /// This member's id.
    pub member_id: u64,
    /// How the member comes into a cluster, if its log is empty.
    pub bootstrap: Bootstrap,
    /// This member as the others knew it, if it is to go on alone without them.
    pub force_alone: Option<PeerNode>,
    /// TLS of connections to other members that have `https` URLs.
    pub peer_tls: Option<Arc<PeerTls>>,
    /// Milliseconds between heartbeats.
    pub heartbeat_ms: u64,
    /// Milliseconds without a heartbeat after which an election is held.
    pub election_ms: u64,
    /// Whether a member asks whether it would be elected before it calls an election.
    pub pre_vote: bool,
    /// Log entries between two snapshots.
    pub snapshot_entries: u64,
    /// Log entries kept behind a snapshot, for members that lag a little.
    pub catch_up_entries: u64,
    /// Whether the log is written without syncing it, so that a crash of the machine loses what was answered.
    pub unsafe_no_fsync: bool,
    /// How long a batch of entries may take to apply before a warning is logged.
    pub warning_apply_duration: Duration,
}

impl ConsensusConfig {
    pub(crate) fn log_options(&self) -> LogOptions {
        if self.unsafe_no_fsync {
            tracing::warn!("the log is not synced: a crash of the machine loses writes that were answered");
        }
        LogOptions { sync: !self.unsafe_no_fsync, ..LogOptions::default() }
    }

    /// openraft lets the leader's lease run out (its longest election timeout) and then waits for an election timeout
    /// more. Cut so that together they are between one and one and a fifth of the operator's election timeout: no sooner
    /// than etcd, and well below the two that it takes at most.
    pub(crate) fn raft_options(&self) -> Result<Config, StartError> {
        let options = Config {
            cluster_name: "strongroom".to_owned(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_ms * 2 / 5,
            election_timeout_max: self.election_ms * 3 / 5,
            max_payload_entries: APPEND_ENTRIES_MAX,
            // See `pace`.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: self.catch_up_entries,
            purge_batch_size: PURGE_ENTRIES,
            enable_pre_vote: Some(self.pre_vote),
            // A leader that restarts does not know what became of its log; it is elected again.
            enable_leader_restore: Some(false),
            ..Config::default()
        };
        options.validate().map_err(|error| StartError::Timing(error.to_string()))
    }

    pub(crate) fn pace(&self) -> Pace {
        Pace { entries: self.snapshot_entries, kept_entries: self.catch_up_entries, election: self.election() }
    }

    pub(crate) fn snapshot_dir(&self) -> PathBuf {
        self.dir.join("snapshot")
    }

    pub(crate) fn election(&self) -> Duration {
        Duration::from_millis(self.election_ms)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }
}
