//! This member: everything that a door needs, in one handle.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use admission::Engine;
use auth::{TokenOptions, Warden};
use consensus::{Bootstrap, Consensus, ConsensusConfig, Founder, Identity, PeerNode, PeerTls};
use seal::{RootKeyProvider, SealConfig};
use store::Store;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watch::Hub;

use crate::{
    AutoCompaction, CorruptionChecks, Header, StartError,
    defragment::Defragmenter,
    ending, join,
    lessor::Lessor,
    metrics::FlowMetrics,
    policy::PolicyKeeper,
    quota::Quota,
    sealing,
    snapshot::Snapshots,
    sweeper::Sweeper,
    users::{self, Passwords},
};

/// How to start a member.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Its name, for people.
    pub name: String,
    /// Where its data lies.
    pub data_dir: PathBuf,
    /// Tells clusters with the same peer URLs apart.
    pub cluster_token: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Name and peer URLs of every founding member, this one's among them. Empty for this member alone.
    pub initial_cluster: Vec<(String, Vec<String>)>,
    /// Whether a member without data joins a cluster that runs, rather than founding one.
    pub join: bool,
    /// Whether this member, which has data, goes on alone because the others are lost for good.
    pub force_new_cluster: bool,
    /// Whether a member asks if it could win before it holds an election.
    pub pre_vote: bool,
    /// Whether a change that would leave too few working members is refused.
    pub strict_reconfig_check: bool,
    /// Most learners at a time.
    pub max_learners: usize,
    /// Whether learners that are in sync are promoted without being asked.
    pub auto_promote: bool,
    /// Log entries kept behind a snapshot for members that lag a little.
    pub catch_up_entries: u64,
    /// TLS of connections to other members.
    pub peer_tls: Option<PeerTls>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Time between heartbeats.
    pub heartbeat_interval: Duration,
    /// Time without a heartbeat after which an election is held.
    pub election_timeout: Duration,
    /// Log entries between two snapshots.
    pub snapshot_entries: u64,
    /// Most operations in one transaction (`--max-txn-ops`), [`types::TXN_OPS_MAX`] unless the operator says otherwise.
    pub max_txn_ops: usize,
    /// Largest request in bytes (`--max-request-bytes`), [`types::REQUEST_BYTES_MAX`] unless the operator says otherwise.
    pub max_request_bytes: usize,
    /// Which prefixes are sealed, and where the root key is; without it the member is keyless.
    pub seal: Option<SealConfig>,
    /// Most bytes the state may have before writes are refused: zero for etcd's default, less for no limit.
    pub quota_backend_bytes: i64,
    /// Which history is compacted without being asked.
    pub auto_compaction: AutoCompaction,
    /// Whether the log is written without syncing it, so that a crash of the machine loses what was answered.
    pub unsafe_no_fsync: bool,
    /// Which tokens clients get for their passwords.
    pub auth_token: TokenOptions,
    /// How long a simple token lives after its last use.
    pub auth_token_ttl: Duration,
    /// The cost of new password hashes; one more doubles the work.
    pub bcrypt_cost: u32,
    /// How members that hold other data than the rest are looked for.
    pub corruption_checks: CorruptionChecks,
    /// How long applying may take before a warning is logged.
    pub warning_apply_duration: Duration,
    /// How long a unary call may take before a warning is logged.
    pub warning_unary_request_duration: Duration,
}

impl Default for MemberConfig {
    /// etcd's defaults.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            data_dir: PathBuf::from("default.etcd"),
            cluster_token: "etcd-cluster".to_owned(),
            peer_urls: vec!["http://localhost:2380".to_owned()],
            initial_cluster: Vec::new(),
            join: false,
            force_new_cluster: false,
            pre_vote: true,
            strict_reconfig_check: true,
            max_learners: 1,
            auto_promote: false,
            catch_up_entries: 5000,
            peer_tls: None,
            client_urls: vec!["http://localhost:2379".to_owned()],
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_millis(1000),
            snapshot_entries: 10_000,
            max_txn_ops: types::TXN_OPS_MAX,
            max_request_bytes: types::REQUEST_BYTES_MAX,
            seal: None,
            quota_backend_bytes: 0,
            auto_compaction: AutoCompaction::Off,
            unsafe_no_fsync: false,
            auth_token: TokenOptions::Simple,
            auth_token_ttl: users::TOKEN_TTL,
            bcrypt_cost: users::BCRYPT_COST,
            corruption_checks: CorruptionChecks::default(),
            warning_apply_duration: Duration::from_millis(100),
            warning_unary_request_duration: Duration::from_millis(300),
        }
    }
}

impl MemberConfig {
    /// The peer URLs of each member that the configuration names.
    pub(crate) fn founding_urls(&self) -> Vec<Vec<String>> {
        match self.initial_cluster.is_empty() {
            true => vec![self.peer_urls.clone()],
            false => self.initial_cluster.iter().map(|(_, urls)| urls.clone()).collect(),
        }
    }

    /// The peer URLs under which the configuration names this member.
    pub(crate) fn own_urls(&self) -> &[String] {
        let named = self.initial_cluster.iter().find(|(name, _)| *name == self.name);
        named.map_or(&self.peer_urls, |(_, urls)| urls)
    }
}

/// A member that runs. Cheap to clone.
#[derive(Clone)]
pub struct Member {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: MemberConfig,
    pub(crate) identity: Identity,
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) consensus: Consensus,
    pub(crate) policy: PolicyKeeper,
    pub(crate) lessor: Arc<Lessor>,
    pub(crate) sweeper: Sweeper,
    pub(crate) quota: Quota,
    pub(crate) defragmenter: Defragmenter,
    pub(crate) snapshots: Snapshots,
    pub(crate) warden: Warden,
    pub(crate) passwords: Passwords,
    pub(crate) metrics: FlowMetrics,
    /// Whether an alarm says that this member holds other data than the rest.
    pub(crate) diverged: AtomicBool,
    /// Told when the state is to be replaced, because it does.
    pub(crate) replaced: Notify,
    /// Whether that was done at this start.
    pub(crate) was_rebuilt: bool,
    pub(crate) consensus_config: ConsensusConfig,
    background: TaskTracker,
    stopping: CancellationToken,
}

impl Member {
    /// Opens the data, joins the log, and brings the seal policy in line with the configuration.
    ///
    /// # Errors
    /// [`StartError`]: what is wrong, and what to do about it.
    pub async fn start(config: MemberConfig) -> Result<Self, StartError> {
        Self::start_among_peers(config, drop).await
    }

    /// The same for a member of many. `serve` is given what the others ask of this one, to be served from that moment
    /// on: without them there is no leader, and without a leader no start.
    ///
    /// # Errors
    /// [`StartError`]: what is wrong, and what to do about it.
    pub async fn start_among_peers(config: MemberConfig, serve: impl FnOnce(axum::Router)) -> Result<Self, StartError> {
        let identity = join::identity(&config).await?;
        let provider = open_provider(config.seal.as_ref())?;
        let consensus_config = consensus_config(&config, identity);
        let (store, was_rebuilt) = ending::open_state(&consensus_config).await?;
        let ground = Ground { identity, consensus_config: consensus_config.clone(), store: store.clone(), was_rebuilt };
        let started = Self::start_on(config, ground, provider, serve).await;
        started.map_err(|error| ending::failed_start(error, &store, &consensus_config))
    }

    async fn start_on(
        config: MemberConfig,
        ground: Ground,
        provider: Option<Box<dyn RootKeyProvider>>,
        serve: impl FnOnce(axum::Router),
    ) -> Result<Self, StartError> {
        let Ground { identity, consensus_config, store, .. } = ground.clone();
        let warden = users::warden(&store, &config.auth_token, config.auth_token_ttl)?;
        let hub = Arc::new(Hub::new(store.view(|view| view.revision())?));
        let engine = Engine::new()?;
        let lessor = Arc::new(Lessor::new(config.election_timeout));
        let consensus = Consensus::open(consensus_config.clone(), store.clone(), hub.clone(), lessor.clone()).await?;
        serve(consensus.peer_routes());
        let removed = join::removed(&consensus, identity, config.peer_tls.as_ref(), config.election_timeout);
        let joined = tokio::select! {
            joined = consensus.join() => joined.map_err(StartError::from),
            reason = removed => Err(StartError::Removed { reason }),
        };
        if joined.is_err() {
            consensus.shutdown().await;
            store.close()?;
        }
        joined?;
        let lower = Lower { ground, hub, consensus: consensus.clone(), warden, lessor };
        let started = Self::with_policy(config, lower, engine, provider).await;
        if started.is_err() {
            consensus.shutdown().await;
            store.close()?;
        }
        started
    }

    async fn with_policy(
        config: MemberConfig,
        lower: Lower,
        engine: Engine,
        provider: Option<Box<dyn RootKeyProvider>>,
    ) -> Result<Self, StartError> {
        let Lower { ground, hub, consensus, warden, lessor } = lower;
        let Ground { identity, consensus_config, store, was_rebuilt } = ground;
        let policy = PolicyKeeper::load(store.clone(), engine, identity.cluster_id, provider).await;
        let policy = policy.map_err(StartError::of_policy)?;
        sealing::bring_in_line(&config, identity, &store, &consensus, &policy).await?;
        let snapshots = Snapshots::open(&config.data_dir)
            .map_err(|source| StartError::File { path: config.data_dir.clone(), source })?;
        let shared = Shared {
            identity,
            store,
            hub,
            consensus,
            policy,
            lessor,
            sweeper: Sweeper::default(),
            quota: Quota::new(config.quota_backend_bytes),
            defragmenter: Defragmenter::default(),
            snapshots,
            warden,
            passwords: Passwords::new(config.bcrypt_cost),
            metrics: FlowMetrics::new(),
            diverged: AtomicBool::new(false),
            replaced: Notify::new(),
            was_rebuilt,
            consensus_config,
            background: TaskTracker::new(),
            stopping: CancellationToken::new(),
            config,
        };
        let member = Self { shared: Arc::new(shared) };
        member.check_initially().await?;
        member.start_background();
        member.publish_until_done().await;
        Ok(member)
    }

    /// Header of an answer made now.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header_at(self.shared.hub.newest())
    }

    pub(crate) fn header_at(&self, revision: i64) -> Header {
        Header {
            cluster_id: self.shared.identity.cluster_id,
            member_id: self.shared.identity.member_id,
            revision,
            raft_term: self.shared.consensus.term(),
        }
    }

    /// Most operations that one transaction may have.
    #[must_use]
    pub fn max_txn_ops(&self) -> usize {
        self.shared.config.max_txn_ops
    }

    /// Largest request that is carried out, in bytes.
    #[must_use]
    pub fn max_request_bytes(&self) -> usize {
        self.shared.config.max_request_bytes
    }

    /// Hands leadership, if this member has it, to another one, and what leases have left with it.
    pub async fn hand_over(&self) {
        self.note_leases().await;
        self.shared.consensus.hand_over().await;
    }

    /// Stops, and makes what is applied durable so that the next start is quick.
    pub async fn shutdown(&self) {
        self.note_leases().await;
        self.shared.stopping.cancel();
        self.shared.background.close();
        self.shared.background.wait().await;
        self.shared.consensus.shutdown().await;
        let store = self.shared.store.clone();
        match tokio::task::spawn_blocking(move || store.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the state was not flushed; the next start applies the log again"),
            Err(error) => tracing::warn!(%error, "the state was not flushed; the next start applies the log again"),
        }
    }

    /// As in etcd, clients are served once the others know of this member.
    async fn publish_until_done(&self) {
        while let Err(error) = self.publish().await {
            tracing::warn!(%error, "failed to publish local member to cluster through raft");
            tokio::time::sleep(self.shared.config.heartbeat_interval).await;
        }
    }

    fn start_background(&self) {
        self.spawn(self.clone().expire_leases_forever());
        self.spawn(self.clone().promote_forever());
        self.spawn(self.clone().sweep_forever());
        self.spawn(self.clone().check_corruption_forever());
        self.spawn(self.clone().watch_own_alarm_forever());
        self.spawn(self.clone().monitor_version_forever());
        self.spawn(self.clone().compact_forever(self.shared.config.auto_compaction));
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.shared.stopping.clone();
        self.shared.background.spawn(async move {
            let _ = stopping.run_until_cancelled(task).await;
        });
    }
}

/// What a member has on its disk.
#[derive(Clone)]
struct Ground {
    identity: Identity,
    consensus_config: ConsensusConfig,
    store: Store,
    was_rebuilt: bool,
}

/// What a member stands on before it has a policy.
struct Lower {
    ground: Ground,
    hub: Arc<Hub>,
    consensus: Consensus,
    warden: Warden,
    lessor: Arc<Lessor>,
}

fn open_provider(config: Option<&SealConfig>) -> Result<Option<Box<dyn RootKeyProvider>>, StartError> {
    Ok(config.map(|config| config.provider.open()).transpose()?)
}

fn consensus_config(config: &MemberConfig, identity: Identity) -> ConsensusConfig {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    ConsensusConfig {
        dir: config.data_dir.clone(),
        cluster_id: identity.cluster_id,
        member_id: identity.member_id,
        bootstrap: if config.join { Bootstrap::Join } else { Bootstrap::Found(founders(config)) },
        force_alone: config.force_new_cluster.then(|| PeerNode { peer_urls: config.peer_urls.clone() }),
        peer_tls: config.peer_tls.clone(),
        pre_vote: config.pre_vote,
        heartbeat_ms: ms(config.heartbeat_interval),
        election_ms: ms(config.election_timeout),
        snapshot_entries: config.snapshot_entries,
        catch_up_entries: config.catch_up_entries,
        unsafe_no_fsync: config.unsafe_no_fsync,
        warning_apply_duration: config.warning_apply_duration,
    }
}

fn founders(config: &MemberConfig) -> Vec<Founder> {
    let cluster = config.founding_urls();
    let id = |urls: &[String]| Identity::of_founder(urls, &cluster, &config.cluster_token).member_id;
    cluster.iter().map(|urls| Founder { id: id(urls), peer_urls: urls.clone() }).collect()
}
