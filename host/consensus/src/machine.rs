//! openraft's state machine on top of [`store::Store`]: commit, apply, publish.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt as _};
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder, StoredMembership,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::SnapshotOf,
};
use prost::Message as _;
use store::{LogEntry, Outcome, Store, StoreError};
use watch::Hub;

use crate::{
    blocking::blocking,
    codec,
    lease_clock::Clock,
    metrics::ConsensusMetrics,
    outcomes::Outcomes,
    raft_types::{Entry, LogId, SnapshotMeta, TypeConfig},
    request::Origin,
};

/// Most entries applied in one batch: bounds the memory a batch stages and the time between two answers.
const BATCH_ENTRIES_MAX: usize = 1024;

/// Bytes of commands after which a batch is applied, however few entries it has.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// A snapshot: a checkpoint of the state in a folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) dir: PathBuf,
}

/// The replicated state of this member, as openraft drives it.
#[derive(Clone)]
pub(crate) struct StateMachine {
    store: Store,
    hub: Arc<Hub>,
    outcomes: Outcomes,
    clock: Clock,
    snapshots: Snapshots,
    warning_apply_duration: Duration,
    metrics: ConsensusMetrics,
}

/// The folder of snapshots; at most one is kept.
#[derive(Clone)]
struct Snapshots {
    dir: PathBuf,
    /// Held while one is made or taken over, so that an older one never replaces a newer one.
    making: Arc<Mutex<()>>,
    current: Arc<Mutex<Option<(SnapshotMeta, Checkpoint)>>>,
}

const POISONED: &str = "a panic while a snapshot was made or taken over";

fn failed(error: StoreError) -> io::Error {
    io::Error::other(error)
}

impl StateMachine {
    pub(crate) fn open(
        store: Store,
        hub: Arc<Hub>,
        outcomes: Outcomes,
        clock: Clock,
        snapshot_dir: &Path,
        warning_apply_duration: Duration,
        metrics: ConsensusMetrics,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(snapshot_dir)?;
        let snapshots = Snapshots { dir: snapshot_dir.to_path_buf(), making: Arc::default(), current: Arc::default() };
        snapshots.recover()?;
        Ok(Self { store, hub, outcomes, clock, snapshots, warning_apply_duration, metrics })
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(batch.len());
        let mut origins = Vec::with_capacity(batch.len());
        let mut responders = Vec::with_capacity(batch.len());
        for (entry, responder) in batch {
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
            if let Ok(Outcome::LeaseGranted(lease)) = &applied.result {
                self.clock.granted(*lease);
            }
        }
        // First the outcomes: a proposer that hears of the commit finds its own there.
        self.outcomes.tell(origins.into_iter().zip(done.applied));
        responders.into_iter().for_each(|responder| responder.send(()));
        Ok(())
    }
}

impl StateMachine {
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
            let stored = StoredMembership::new(Some(entry.log_id), membership);
            (LogEntry { applied, membership: Some(codec::encode_membership(&stored)), command: None }, None)
        }
    }
}

fn state_of(
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
                    self.apply_batch(std::mem::take(&mut batch))?;
                    bytes = 0;
                }
            }
            self.apply_batch(batch)?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Checkpoint) -> Result<(), io::Error> {
        blocking(|| {
            // No snapshot is made of the state that is being replaced.
            let _alone = self.snapshots.making.lock().expect(POISONED);
            let kept = self.snapshots.adopt(meta, &snapshot)?;
            failpoint::reached("snapshot.install");
            self.store.install(&kept.dir).map_err(failed)
        })?;
        let revision = self.store.view(|view| view.revision()).map_err(failed)?;
        self.hub.reset(revision);
        self.outcomes.forget();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<TypeConfig, Checkpoint>>, io::Error> {
        let current = self.snapshots.current.lock().expect(POISONED).clone();
        Ok(current.map(|(meta, snapshot)| SnapshotOf::<TypeConfig, _> { meta, snapshot }))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for StateMachine {
    type SnapshotData = Checkpoint;

    /// A checkpoint makes the state durable up to where it is applied; only then is the log behind it purged.
    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, Checkpoint>, io::Error> {
        let (store, snapshots) = (self.store.clone(), self.snapshots.clone());
        let built = tokio::task::spawn_blocking(move || snapshots.build(&store)).await;
        let (meta, snapshot) = built.map_err(io::Error::other)??;
        Ok(SnapshotOf::<TypeConfig, _> { meta, snapshot })
    }
}

/// A checkpoint that is being made; RocksDB begins it under this name with an ending of its own.
const UNFINISHED: &str = "unfinished";

impl Snapshots {
    /// Finds the snapshot that an earlier run left, and removes what it did not finish.
    fn recover(&self) -> io::Result<()> {
        let mut newest = None;
        for entry in std::fs::read_dir(&self.dir)? {
            let dir = entry?.path();
            if !is_finished(&dir) {
                remove(&dir)?;
                continue;
            }
            let (applied, meta) = meta_of(&dir)?;
            if newest.as_ref().is_none_or(|(other, _, _)| *other < applied) {
                newest = Some((applied, meta, Checkpoint { dir }));
            }
        }
        if let Some((_, meta, checkpoint)) = newest {
            self.replace(meta, checkpoint)?;
        }
        Ok(())
    }

    fn build(&self, store: &Store) -> io::Result<(SnapshotMeta, Checkpoint)> {
        let _alone = self.making.lock().expect(POISONED);
        let unfinished = self.dir.join(UNFINISHED);
        remove(&unfinished)?;
        failpoint::reached("snapshot.build");
        store.checkpoint(&unfinished).map_err(failed)?;
        failpoint::reached("snapshot.built");
        self.finish(&unfinished)
    }

    /// Takes over a checkpoint that was received.
    fn adopt(&self, meta: &SnapshotMeta, checkpoint: &Checkpoint) -> io::Result<Checkpoint> {
        let current = self.current.lock().expect(POISONED).clone();
        if let Some((own, kept)) = current
            && own == *meta
        {
            return Ok(kept);
        }
        Ok(self.finish(&checkpoint.dir)?.1)
    }

    fn finish(&self, unfinished: &Path) -> io::Result<(SnapshotMeta, Checkpoint)> {
        let (applied, meta) = meta_of(unfinished)?;
        let index = applied.map_or(0, |log_id| log_id.index + 1);
        let dir = self.dir.join(format!("{index:020}"));
        remove(&dir)?;
        std::fs::rename(unfinished, &dir)?;
        std::fs::File::open(&self.dir)?.sync_all()?;
        let checkpoint = Checkpoint { dir };
        self.replace(meta.clone(), checkpoint.clone())?;
        Ok((meta, checkpoint))
    }

    /// Makes this the one snapshot that is kept.
    fn replace(&self, meta: SnapshotMeta, checkpoint: Checkpoint) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.dir)? {
            let dir = entry?.path();
            if is_finished(&dir) && dir != checkpoint.dir {
                remove(&dir)?;
            }
        }
        *self.current.lock().expect(POISONED) = Some((meta, checkpoint));
        Ok(())
    }
}

/// A snapshot that another member sent, before it is installed.
pub(crate) fn received(dir: &Path) -> io::Result<SnapshotOf<TypeConfig, Checkpoint>> {
    let (_, meta) = meta_of(dir)?;
    Ok(SnapshotOf::<TypeConfig, _> { meta, snapshot: Checkpoint { dir: dir.to_owned() } })
}

/// A finished snapshot is named by its index alone; whatever else a crash left behind is not one.
fn is_finished(dir: &Path) -> bool {
    let name = dir.file_name().and_then(std::ffi::OsStr::to_str);
    name.is_some_and(|name| name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a checkpoint says of itself.
fn meta_of(dir: &Path) -> io::Result<(Option<LogId>, SnapshotMeta)> {
    let state = Store::read_checkpoint(dir).map_err(failed)?;
    let last_log_id = state.applied.map(codec::decode_log_id).transpose()?;
    let last_membership = state.membership.map(codec::decode_membership).transpose()?.unwrap_or_default();
    Ok((last_log_id, SnapshotMeta { last_log_id, last_membership }))
}

fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
