//! The handle on this member's consensus: start, propose, confirm leadership, stop.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use openraft::{
    Config, Raft, SnapshotPolicy,
    async_runtime::watch::WatchReceiver as _,
    errors::{ClientWriteError, RaftError},
    impls::BasicNode,
};
use prost::Message as _;
use store::{Applied, Command, Store};
use tokio::{sync::Semaphore, time::timeout};
use watch::Hub;

use crate::{
    ConsensusError, Proposal, StartError,
    log::{LogOptions, LogStore},
    log_storage::LogStorage,
    machine::StateMachine,
    metrics::{ConsensusMetrics, Pending},
    network::NoPeers,
    raft_types::TypeConfig,
    read_gate::ReadGate,
};

/// How long a proposal may take before its caller is told that it timed out: etcd's five seconds and two election timeouts.
pub const PROPOSAL_TIME_MAX: Duration = Duration::from_secs(7);

/// Most bytes of proposals under way; further ones wait. Bounds memory whatever the number of clients.
const IN_FLIGHT_BYTES_MAX: usize = 256 << 20;

/// What one permit of the bound stands for.
const PERMIT_BYTES: usize = 1024;

/// Log entries kept behind a snapshot, for members that lag a little (etcd's `--snapshot-catchup-entries`).
const CATCH_UP_ENTRIES: u64 = 5000;

pub(crate) type Member = Raft<TypeConfig, StateMachine>;

/// How to start a member.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// Folder for the log and the snapshots.
    pub dir: PathBuf,
    /// This member's id.
    pub member_id: u64,
    /// This member's peer URL.
    pub peer_url: String,
    /// Milliseconds between heartbeats.
    pub heartbeat_ms: u64,
    /// Milliseconds without a heartbeat after which an election is held.
    pub election_ms: u64,
    /// Log entries between two snapshots.
    pub snapshot_entries: u64,
    /// Whether the log is written without syncing it, so that a crash of the machine loses what was answered.
    pub unsafe_no_fsync: bool,
    /// How long a batch of entries may take to apply before a warning is logged.
    pub warning_apply_duration: Duration,
}

/// How this member sees the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsensusStatus {
    /// The leader, if one is known.
    pub leader: Option<u64>,
    /// Current term.
    pub term: u64,
    /// Index of the newest log entry.
    pub last_index: u64,
    /// Index of the last applied entry.
    pub applied_index: u64,
}

/// This member's part in the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Consensus {
    raft: Member,
    log: LogStore,
    reads: ReadGate,
    in_flight: Arc<Semaphore>,
    metrics: ConsensusMetrics,
}

impl Consensus {
    /// Opens the log, founds the cluster if this is its first start, and waits until everything committed is applied.
    ///
    /// # Errors
    /// When the disk fails, or what is on it does not fit together.
    pub async fn start(config: ConsensusConfig, store: Store, hub: Arc<Hub>) -> Result<Self, StartError> {
        let file = |path: PathBuf| move |source| StartError::File { path, source };
        let log = LogStore::open(&config.dir.join("log"), log_options(&config))?;
        let snapshot_dir = config.dir.join("snapshot");
        let metrics = ConsensusMetrics::new(log.metrics().clone());
        let machine = StateMachine::open(store, hub, &snapshot_dir, config.warning_apply_duration, metrics.clone())
            .map_err(file(snapshot_dir))?;
        let options = Arc::new(raft_options(&config)?);
        let storage = LogStorage::new(log.clone());
        let raft = Raft::new(config.member_id, options, NoPeers, storage, machine).await.map_err(refused)?;
        found(&raft, &config).await?;
        raft.wait_for_recovery(None).await.map_err(refused)?;
        let reads = ReadGate::start(raft.clone());
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX / PERMIT_BYTES));
        Ok(Self { raft, log, reads, in_flight, metrics })
    }

    /// Puts a proposal into the log and waits for its outcome: by then a majority has it on disk, and it is applied here.
    ///
    /// # Errors
    /// After [`ConsensusError::Timeout`] and [`ConsensusError::LeaderChanged`] it may still have been carried out.
    pub async fn propose(&self, proposal: Proposal) -> Result<Applied, ConsensusError> {
        let command = proposal.into_command();
        let _pending = Pending::one_more(&self.metrics.pending);
        let written = timeout(PROPOSAL_TIME_MAX, self.write(command)).await;
        written.unwrap_or(Err(ConsensusError::Timeout)).inspect_err(|_| self.metrics.failed.inc())
    }

    async fn write(&self, command: Command) -> Result<Applied, ConsensusError> {
        let permits = u32::try_from(command.encoded_len() / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
        let permit = self.in_flight.clone().acquire_many_owned(permits).await.map_err(|_| ConsensusError::Stopped)?;
        let raft = self.raft.clone();
        // A caller that gives up does not take its entry out of the queue: the permit stays with the entry.
        let written = tokio::spawn(async move {
            let _permit = permit;
            raft.client_write(command).await
        });
        Ok(written.await.map_err(|_| ConsensusError::Stopped)?.map_err(not_written)?.data)
    }

    /// Returns once this member is known to be as new as every write answered before the call.
    ///
    /// # Errors
    /// When there is no leader to confirm it.
    pub async fn confirm_read(&self) -> Result<(), ConsensusError> {
        let confirmed = timeout(PROPOSAL_TIME_MAX, self.reads.pass()).await;
        confirmed.unwrap_or(Err(ConsensusError::Timeout)).inspect_err(|_| self.metrics.failed_reads.inc())
    }

    /// What consensus tells of itself.
    #[must_use]
    pub fn metrics(&self) -> &ConsensusMetrics {
        &self.metrics
    }

    /// How this member sees the cluster.
    #[must_use]
    pub fn status(&self) -> ConsensusStatus {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        ConsensusStatus {
            leader: metrics.current_leader,
            term: metrics.current_term,
            last_index: metrics.last_log_index.unwrap_or(0),
            applied_index: metrics.last_applied.map_or(0, |log_id| log_id.index),
        }
    }

    /// Current term.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.raft.metrics().borrow_watched().current_term
    }

    /// Returns when this member can go on no longer, with the reason: a disk that failed, above all.
    pub async fn failed(&self) -> String {
        let mut metrics = self.raft.metrics();
        loop {
            if let Err(fatal) = &metrics.borrow_and_update().running_state {
                return fatal.to_string();
            }
            if metrics.changed().await.is_err() {
                return "consensus has stopped".to_owned();
            }
        }
    }

    /// Stops taking part and closes the log.
    pub async fn shutdown(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "consensus did not stop cleanly");
        }
        let log = self.log.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || log.close()).await {
            tracing::warn!(%error, "the log was not closed cleanly");
        }
    }
}

fn log_options(config: &ConsensusConfig) -> LogOptions {
    if config.unsafe_no_fsync {
        tracing::warn!("the log is not synced: a crash of the machine loses writes that were answered");
    }
    LogOptions { sync: !config.unsafe_no_fsync, ..LogOptions::default() }
}

fn raft_options(config: &ConsensusConfig) -> Result<Config, StartError> {
    let options = Config {
        cluster_name: "strongroom".to_owned(),
        heartbeat_interval: config.heartbeat_ms,
        election_timeout_min: config.election_ms,
        election_timeout_max: config.election_ms * 2,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_entries),
        max_in_snapshot_log_to_keep: CATCH_UP_ENTRIES,
        purge_batch_size: CATCH_UP_ENTRIES,
        enable_pre_vote: Some(true),
        ..Config::default()
    };
    options.validate().map_err(|error| StartError::Timing(error.to_string()))
}

/// Founds the cluster of one on the first start.
async fn found(raft: &Member, config: &ConsensusConfig) -> Result<(), StartError> {
    if raft.is_initialized().await.map_err(refused)? {
        return Ok(());
    }
    let members = BTreeMap::from([(config.member_id, BasicNode::new(&config.peer_url))]);
    raft.initialize(members).await.map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Raft(error.to_string())
}

fn not_written(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> ConsensusError {
    match error {
        RaftError::Fatal(_) => ConsensusError::Stopped,
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) if to.leader_id.is_some() => {
            ConsensusError::NotLeader
        }
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => ConsensusError::NoLeader,
        RaftError::APIError(_) => ConsensusError::LeaderChanged,
    }
}
