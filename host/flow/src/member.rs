//! This member: everything that a door needs, in one handle.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use admission::Engine;
use audit::Journal;
use auth::Warden;
use consensus::{Bootstrap, Consensus, ConsensusConfig, Founder, Identity, PeerNode};
use seal::Providers;
use store::Store;
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watch::Hub;

use crate::{
    Header, IdentityLimits, MemberConfig, StartError,
    backup::BackupMetrics,
    defragment::Defragmenter,
    ending, join,
    lessor::Lessor,
    limits::PrefixLimits,
    metrics::FlowMetrics,
    moments::Moments,
    plugins::REPLAYS_MAX,
    policy::{self, PolicyKeeper, Workbench},
    quota::Quota,
    sealing::{self, Copies, ProviderHealth, Reserving, Rewrapper, SealMetrics},
    snapshot::Snapshots,
    sweeper::Sweeper,
    users::{self, Passwords},
};

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
    pub(crate) reserving: Reserving,
    pub(crate) rewrapper: Rewrapper,
    pub(crate) copies: Copies,
    pub(crate) provider_health: ProviderHealth,
    pub(crate) seal_metrics: SealMetrics,
    pub(crate) lessor: Arc<Lessor>,
    pub(crate) sweeper: Sweeper,
    pub(crate) quota: Quota,
    pub(crate) limits: Arc<PrefixLimits>,
    pub(crate) identity_limits: Option<Arc<IdentityLimits>>,
    pub(crate) defragmenter: Defragmenter,
    pub(crate) snapshots: Snapshots,
    pub(crate) moments: Moments,
    pub(crate) backup_metrics: BackupMetrics,
    pub(crate) journal: Journal,
    /// Turns of those who replay a plugin.
    pub(crate) replays: Arc<Semaphore>,
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
        let providers = sealing::open_providers(config.seal.as_ref())?;
        let consensus_config = consensus_config(&config, identity);
        let (store, was_rebuilt) = ending::open_state(&consensus_config).await?;
        let ground = Ground { identity, consensus_config: consensus_config.clone(), store: store.clone(), was_rebuilt };
        let started = Self::start_on(config, ground, providers, serve).await;
        started.map_err(|error| ending::failed_start(error, &store, &consensus_config))
    }

    async fn start_on(
        config: MemberConfig,
        ground: Ground,
        providers: Option<Arc<Providers>>,
        serve: impl FnOnce(axum::Router),
    ) -> Result<Self, StartError> {
        let Ground { identity, consensus_config, store, .. } = ground.clone();
        let warden = users::warden(&store, &config.auth_token, config.auth_token_ttl)?;
        let hub = Arc::new(Hub::new(store.view(|view| view.revision())?));
        let engine = Arc::new(policy::engine(&config)?);
        let workbench = Workbench {
            store: store.clone(),
            engine: engine.clone(),
            cluster_id: identity.cluster_id,
            providers: providers.clone(),
        };
        let lessor = Arc::new(Lessor::new(config.election_timeout));
        let consensus =
            Consensus::open(consensus_config.clone(), store.clone(), hub.clone(), lessor.clone(), Arc::new(workbench))
                .await?;
        serve(consensus.peer_routes());
        let removed = join::removed(&consensus, identity, &config);
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
        // Boxed: a member and its configuration are large until they are in their place.
        let started = Box::pin(Self::with_policy(config, lower, engine, providers)).await;
        if started.is_err() {
            consensus.shutdown().await;
            store.close()?;
        }
        started
    }

    async fn with_policy(
        config: MemberConfig,
        lower: Lower,
        engine: Arc<Engine>,
        providers: Option<Arc<Providers>>,
    ) -> Result<Self, StartError> {
        let Lower { ground, hub, consensus, warden, lessor } = lower;
        let Ground { identity, consensus_config, store, was_rebuilt } = ground;
        let policy =
            PolicyKeeper::load(store.clone(), engine, identity.cluster_id, providers, config.seal_recovering).await;
        let policy = policy.map_err(StartError::of_policy)?;
        sealing::bring_in_line(config.seal.as_ref(), &consensus, &policy).await?;
        if policy.providers().is_some() {
            sealing::give_missing_keys(&consensus, &policy).await;
        }
        if config.force_new_cluster {
            sealing::renew_all(&consensus, &policy).await;
        }
        let snapshots = Snapshots::open(&config.data_dir)
            .map_err(|source| StartError::File { path: config.data_dir.clone(), source })?;
        let moments = Moments::open(&config.data_dir);
        let journal = Journal::open(config.audit_log())?;
        let limits = PrefixLimits::new(&config.limits, &store)?;
        let shared = Shared {
            identity,
            store,
            hub,
            consensus,
            policy,
            reserving: Reserving::default(),
            rewrapper: Rewrapper::default(),
            copies: Copies::default(),
            provider_health: ProviderHealth::default(),
            seal_metrics: SealMetrics::new(),
            lessor,
            sweeper: Sweeper::default(),
            quota: Quota::new(config.quota_backend_bytes),
            limits,
            identity_limits: IdentityLimits::new(&config.limits).map(Arc::new),
            defragmenter: Defragmenter::default(),
            snapshots,
            moments,
            backup_metrics: BackupMetrics::new(),
            journal,
            replays: Arc::new(Semaphore::new(REPLAYS_MAX)),
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
        match member.publish_until_done().await {
            Ok(()) => Ok(member),
            Err(error) => {
                member.shutdown().await;
                Err(error)
            }
        }
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

    /// How often each caller may ask; `None` where nobody is limited.
    #[must_use]
    pub fn identity_limits(&self) -> Option<Arc<IdentityLimits>> {
        self.shared.identity_limits.clone()
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
        self.shared.journal.close().await;
        self.save_moments().await;
        let store = self.shared.store.clone();
        match tokio::task::spawn_blocking(move || store.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the state was not flushed; the next start applies the log again"),
            Err(error) => tracing::warn!(%error, "the state was not flushed; the next start applies the log again"),
        }
    }

    /// As in etcd, clients are served once the others know of this member, unless they know it no longer. A member that can go on
    /// no longer for another reason is served as it is: see [`Member::ended`].
    async fn publish_until_done(&self) -> Result<(), StartError> {
        let publish = async {
            while let Err(error) = self.publish().await {
                tracing::warn!(%error, "failed to publish local member to cluster through raft");
                tokio::time::sleep(self.shared.config.heartbeat_interval).await;
            }
        };
        tokio::select! {
            () = publish => Ok(()),
            reason = self.removed() => Err(StartError::Removed { reason }),
            _ = self.shared.consensus.failed() => Ok(()),
        }
    }

    /// Returns when this member was removed from the cluster.
    pub(crate) async fn removed(&self) -> String {
        let Shared { consensus, identity, config, .. } = &*self.shared;
        join::removed(consensus, *identity, config).await
    }

    fn start_background(&self) {
        self.spawn(self.clone().expire_leases_forever());
        self.spawn(self.clone().promote_forever());
        self.spawn(self.clone().sweep_forever());
        self.spawn(self.clone().rewrap_forever());
        self.spawn(self.clone().keep_keys_forever());
        self.spawn(self.clone().forget_forever());
        self.spawn(self.clone().write_down_forever());
        self.spawn(self.clone().note_moments_forever());
        self.spawn(self.clone().check_corruption_forever());
        self.spawn(self.clone().back_up_forever());
        self.spawn(self.clone().watch_room_forever());
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
