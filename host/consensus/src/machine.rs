//! openraft's state machine on top of [`store::Store`]: commit, apply, publish.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt as _};
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder, StoredMembership,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::SnapshotOf,
};
use prost::Message as _;
use store::{LogEntry, MembershipEntry, Outcome, Store, StoreError};
use watch::Hub;

use crate::{
    ConsensusConfig,
    blocking::blocking,
    codec,
    farewell::Farewell,
    lease_clock::Clock,
    metrics::ConsensusMetrics,
    outcomes::Outcomes,
    raft_types::{Entry, LogId, SnapshotMeta, TypeConfig},
    request::Origin,
    roster,
    snapshots::{Checkpoint, Snapshots},
};

/// Most entries applied in one batch: bounds the memory a batch stages and the time between two answers.
const BATCH_ENTRIES_MAX: usize = 1024;

/// Bytes of commands after which a batch is applied, however few entries it has.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// The replicated state of this member, as openraft drives it.
#[derive(Clone)]
pub(crate) struct StateMachine {
    store: Store,
    hub: Arc<Hub>,
    outcomes: Outcomes,
    clock: Clock,
    snapshots: Snapshots,
    /// Where the members are noted beside the state.
    roster: PathBuf,
    warning_apply_duration: Duration,
    metrics: ConsensusMetrics,
    farewell: Farewell,
}

fn failed(error: StoreError) -> io::Error {
    io::Error::other(error)
}

impl StateMachine {
    pub(crate) fn open(
        store: Store,
        hub: Arc<Hub>,
        outcomes: Outcomes,
        clock: Clock,
        config: &ConsensusConfig,
        metrics: ConsensusMetrics,
        farewell: Farewell,
    ) -> io::Result<Self> {
        let snapshots = Snapshots::open(&config.snapshot_dir())?;
        let (roster, warning_apply_duration) = (config.dir.clone(), config.warning_apply_duration);
        Ok(Self { store, hub, outcomes, clock, snapshots, roster, warning_apply_duration, metrics, farewell })
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(batch.len());
        let mut origins = Vec::with_capacity(batch.len());
        let mut responders = Vec::with_capacity(batch.len());
        for (entry, responder) in batch {
            if let EntryPayload::Membership(membership) = &entry.payload {
                roster::note(&self.roster, membership.nodes());
            }
            let (entry, origin) = log_entry(entry);
            entries.push(entry);
            origins.push(origin);
            responders.extend(responder);
        }
        let (started, count) = (Instant::now(), entries.len());
        failpoint::reached("apply.before");
        let done = blocking(|| self.store.apply(entries)).map_err(failed)?;
        failpoint::reached("apply.after");
        self.metrics.apply_batch_seconds.observe(started.elapsed().as_secs_f64());
        self.warn_if_slow(started.elapsed(), count);
        if let Some(last) = done.applied.last() {
            self.hub.publish(done.events, last.revision);
        }
        for applied in &done.applied {
            match &applied.result {
                Ok(Outcome::LeaseGranted(lease)) => self.clock.granted(*lease),
                // What is kept in memory may name data keys that are gone; the state has the same values under others.
                Ok(Outcome::PolicyChanged { .. }) => self.hub.forget(),
                _ => {}
            }
        }
        // First the outcomes: a proposer that hears of the commit finds its own there.
        self.outcomes.tell(origins.into_iter().zip(done.applied));
        responders.into_iter().for_each(|responder| responder.send(()));
        Ok(())
    }
}

impl StateMachine {
    /// Hands leadership over before openraft is told of an error, since it stops at once then.
    async fn or_farewell<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if outcome.is_err() {
            self.farewell.say().await;
        }
        outcome
    }

    /// etcd's message. What was asked for is not logged: it may hold values.
    fn warn_if_slow(&self, took: Duration, entries: usize) {
        let expected = self.warning_apply_duration;
        if took > expected {
            self.metrics.slow_applies.inc();
            tracing::warn!(?took, expected_duration = ?expected, entries, "apply request took too long");
        }
    }
}

fn weight(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(request) => request.command.encoded_len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

fn log_entry(entry: Entry) -> (LogEntry, Option<Origin>) {
    let applied = codec::encode_log_id(&entry.log_id);
    match entry.payload {
        EntryPayload::Blank => (LogEntry { applied, membership: None, command: None }, None),
        EntryPayload::Normal(request) => {
            (LogEntry { applied, membership: None, command: Some(request.command) }, request.origin)
        }
        EntryPayload::Membership(membership) => {
            let members = membership.nodes().map(|(id, _)| *id).collect();
            let stored = StoredMembership::new(Some(entry.log_id), membership);
            let membership = MembershipEntry { encoded: codec::encode_membership(&stored), members };
            (LogEntry { applied, membership: Some(membership), command: None }, None)
        }
    }
}

/// How far the log is applied, and who the members are by then.
pub(crate) fn state_of(
    store: &Store,
) -> io::Result<(Option<LogId>, openraft::type_config::alias::StoredMembershipOf<TypeConfig>)> {
    let state = store.view(|view| view.applied_state()).map_err(failed)?;
    let applied = state.applied.map(codec::decode_log_id).transpose()?;
    let membership = state.membership.map(codec::decode_membership).transpose()?.unwrap_or_default();
    Ok((applied, membership))
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Checkpoint;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId>, openraft::type_config::alias::StoredMembershipOf<TypeConfig>), io::Error> {
        state_of(&self.store)
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut ready = entries.ready_chunks(BATCH_ENTRIES_MAX);
        while let Some(chunk) = ready.next().await {
            let (mut batch, mut bytes) = (Vec::with_capacity(chunk.len()), 0);
            for entry in chunk {
                let entry = entry?;
                bytes += weight(&entry.0);
                batch.push(entry);
                if bytes >= BATCH_BYTES_MAX {
                    let full = self.apply_batch(std::mem::take(&mut batch));
                    self.or_farewell(full).await?;
                    bytes = 0;
                }
            }
            let rest = self.apply_batch(batch);
            self.or_farewell(rest).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Checkpoint) -> Result<(), io::Error> {
        blocking(|| {
            // No snapshot is made of the state that is being replaced.
            let _alone = self.snapshots.alone();
            let kept = self.snapshots.adopt(meta, &snapshot)?;
            failpoint::reached("snapshot.install");
            self.store.install(&kept.dir).map_err(failed)
        })?;
        roster::note(&self.roster, meta.last_membership.membership().nodes());
        let revision = self.store.view(|view| view.revision()).map_err(failed)?;
        self.hub.reset(revision);
        self.outcomes.forget();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<TypeConfig, Checkpoint>>, io::Error> {
        Ok(self.snapshots.current().map(|(meta, snapshot)| SnapshotOf::<TypeConfig, _> { meta, snapshot }))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for StateMachine {
    type SnapshotData = Checkpoint;

    /// A checkpoint makes the state durable up to where it is applied; only then is the log behind it purged.
    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, Checkpoint>, io::Error> {
        let (store, snapshots) = (self.store.clone(), self.snapshots.clone());
        let built = tokio::task::spawn_blocking(move || snapshots.build(&store)).await;
        let (meta, snapshot) = self.or_farewell(built.map_err(io::Error::other)?).await?;
        Ok(SnapshotOf::<TypeConfig, _> { meta, snapshot })
    }
}
