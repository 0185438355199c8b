//! The handle on this member's consensus: start, how it stands, stop.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use openraft::{Raft, RaftMetrics, async_runtime::watch::WatchReceiver as _, type_config::alias::WatchReceiverOf};
use store::Store;
use tokio::sync::watch as signal;
use watch::Hub;

use crate::{
    Bootstrap, ConsensusConfig, LeaseClock, Membership, PeerNode, Preparation, StartError, alone,
    ask::Ask,
    farewell::Farewell,
    lead::Lead,
    leadership::{self, Contact, Leadership},
    log::{self, LogStore},
    log_storage::LogStorage,
    machine::StateMachine,
    metrics::ConsensusMetrics,
    outcomes::Outcomes,
    peer::{self, Introduction, PeerLinks, PeerService, Peers, Receiving, Serving},
    raft_types::TypeConfig,
    read_gate::ReadGate,
};

pub(crate) type Member = Raft<TypeConfig, StateMachine>;

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
    pub(crate) raft: Member,
    /// How it stands, to be looked at for each call of a client.
    seen: WatchReceiverOf<TypeConfig, RaftMetrics<TypeConfig>>,
    pub(crate) ask: Ask,
    pub(crate) outcomes: Outcomes,
    pub(crate) reads: ReadGate,
    pub(crate) metrics: ConsensusMetrics,
    pub(crate) log: LogStore,
    pub(crate) store: Store,
    /// The folder of snapshots.
    pub(crate) snapshots: PathBuf,
    bootstrap: Bootstrap,
    routes: axum::Router,
}

impl Consensus {
    /// Opens the log. The member takes part once its [`Consensus::peer_routes`] are served, and serves its clients once
    /// it has [joined](Consensus::join).
    ///
    /// # Errors
    /// When the disk fails, or what is on it does not fit together.
    pub async fn open(
        config: ConsensusConfig,
        store: Store,
        hub: Arc<Hub>,
        clock: Arc<dyn LeaseClock>,
        preparation: Arc<dyn Preparation>,
    ) -> Result<Self, StartError> {
        let file = |path: PathBuf| move |source| StartError::File { path, source };
        let log = LogStore::open(&log::folder(&config.dir), config.log_options())?;
        let metrics = ConsensusMetrics::new(log.metrics().clone(), config.member_id);
        let outcomes = Outcomes::new(config.member_id);
        let farewell = Farewell::default();
        let (states, waiting, clocks, counts) = (store.clone(), outcomes.clone(), clock.clone(), metrics.clone());
        let machine = StateMachine::open(states, hub, waiting, clocks, &config, counts, farewell.clone());
        let machine = machine.map_err(file(config.snapshot_dir()))?;
        let introduction = Introduction { cluster_id: config.cluster_id, member_id: config.member_id };
        let dialer = peer::Dialer::new(config.peer_tls.clone(), config.election());
        let peers = Arc::new(Peers::new(introduction, dialer));
        let links = PeerLinks {
            peers: peers.clone(),
            patience: config.election(),
            metrics: metrics.peers.clone(),
            store: store.clone(),
        };
        let mut storage = LogStorage::new(log.clone(), farewell.clone());
        if let Some(node) = &config.force_alone {
            alone::go_alone(config.member_id, node, &store, &mut storage).await.map_err(file(config.dir.clone()))?;
        }
        let options = Arc::new(config.raft_options()?);
        let raft = Raft::new(config.member_id, options, links, storage, machine).await.map_err(refused)?;
        config.pace().keep(raft.clone(), store.clone(), config.heartbeat());
        farewell.attend(raft.clone(), log.clone(), config.heartbeat(), config.election());
        let (lead, contact) = (Lead::new(raft.clone(), clock, config.election()), Contact::new());
        let leadership = leadership::observe(raft.clone(), contact.clone(), config.heartbeat(), config.election());
        let snapshots = config.snapshot_dir();
        let (receiving, serving) = (Receiving::new(&snapshots), Serving::new(&snapshots));
        let service = PeerService {
            introduction,
            raft: raft.clone(),
            lead: lead.clone(),
            contact,
            receiving,
            serving,
            preparation,
            store: store.clone(),
            metrics: metrics.peers.clone(),
        };
        let ask = Ask { member_id: config.member_id, lead, peers, leadership, election: config.election() };
        let (reads, bootstrap, routes) = (ReadGate::start(ask.clone()), config.bootstrap, peer::routes(service));
        Ok(Self { seen: raft.metrics(), raft, ask, outcomes, reads, metrics, log, store, snapshots, bootstrap, routes })
    }

    /// What other members ask of this one, for its peer listener.
    pub fn peer_routes(&self) -> axum::Router {
        self.routes.clone()
    }

    /// Founds the cluster if that is how this member begins and its log is empty, and waits until everything that was
    /// committed is applied here.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn join(&self) -> Result<(), StartError> {
        self.found().await?;
        let written = self.raft.metrics().borrow_watched().last_log_index;
        let raft = self.raft.wait(None);
        // What is written after this moment need not be waited for.
        let known = raft.metrics(
            |metrics| {
                let committed = metrics.cluster_committed.map(|log_id| log_id.index);
                committed.is_some() && committed >= written.min(metrics.last_log_index)
            },
            "the leader has told what is committed",
        );
        let target = known.await.map_err(refused)?.cluster_committed.map(|log_id| log_id.index);
        raft.applied_index_at_least(target, "what was committed is applied").await.map_err(refused)?;
        Ok(())
    }

    async fn found(&self) -> Result<(), StartError> {
        let Bootstrap::Found(founders) = &self.bootstrap else { return Ok(()) };
        if self.raft.is_initialized().await.map_err(refused)? {
            return Ok(());
        }
        let node = |urls: &Vec<String>| PeerNode { peer_urls: urls.clone() };
        let members: BTreeMap<_, _> = founders.iter().map(|founder| (founder.id, node(&founder.peer_urls))).collect();
        use openraft::errors::{InitializeError, RaftError};
        match self.raft.initialize(members).await {
            // Another founder was quicker, and leads already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    /// What consensus tells of itself.
    #[must_use]
    pub fn metrics(&self) -> &ConsensusMetrics {
        &self.metrics
    }

    /// How this member sees the cluster.
    #[must_use]
    pub fn status(&self) -> ConsensusStatus {
        let leader = self.leadership().leader;
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        ConsensusStatus {
            leader,
            term: metrics.current_term,
            last_index: metrics.last_log_index.unwrap_or(0),
            applied_index: metrics.last_applied.map_or(0, |log_id| log_id.index),
        }
    }

    /// For how long the disk has not answered what the log asked of it, if that is longer than an election timeout.
    #[must_use]
    pub fn disk_stalled(&self) -> Option<Duration> {
        self.log.stalled().filter(|stalled| *stalled > self.ask.election)
    }

    /// Index of the oldest entry that is still in the log, zero when there is none.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        // The log store counts from 1.
        self.log.first_index().map_or(0, |first| first - 1)
    }

    /// Current term.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.seen.borrow_watched().current_term
    }

    /// Who leads now.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        *self.ask.leadership.borrow()
    }

    /// Tells of each change of who leads.
    #[must_use]
    pub fn watch_leadership(&self) -> signal::Receiver<Leadership> {
        self.ask.leadership.clone()
    }

    /// Whether this member leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leadership().leader == Some(self.ask.member_id)
    }

    /// The members of the cluster, as of the newest entry of the log.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership::of(&self.raft.metrics().borrow_watched().membership_config)
    }

    /// Whether this member is known to have no vote.
    #[must_use]
    pub fn is_learner(&self) -> bool {
        let metrics = self.seen.borrow_watched();
        let (id, membership) = (self.ask.member_id, metrics.membership_config.membership());
        membership.get_node(&id).is_some() && !membership.get_joint_config().iter().any(|voters| voters.contains(&id))
    }

    /// How far each member's log matches this one's; empty unless this member leads.
    #[must_use]
    pub fn progress(&self) -> BTreeMap<u64, u64> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let matched = metrics.replication.iter().flatten();
        matched.map(|(id, log_id)| (*id, log_id.map_or(0, |log_id| log_id.index))).collect()
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

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Raft(error.to_string())
}
