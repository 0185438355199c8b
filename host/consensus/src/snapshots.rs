//! The folder of snapshots: at most one is kept, found again after a restart.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use openraft::type_config::alias::SnapshotOf;
use store::{AppliedState, Store, StoreError};

use crate::{
    codec,
    raft_types::{LogId, SnapshotMeta, TypeConfig},
};

/// A checkpoint that is being made; RocksDB begins it under this name with an ending of its own.
const UNFINISHED: &str = "unfinished";

/// The folder in which a snapshot arrives.
const RECEIVING: &str = "receiving";

/// The folder of a copy that is sent to a member which asks for the state.
const SERVING: &str = "serving";

const POISONED: &str = "a panic while a snapshot was made or taken over";

/// A snapshot: a checkpoint of the state in a folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) dir: PathBuf,
}

/// The folder of snapshots.
#[derive(Clone)]
pub(crate) struct Snapshots {
    dir: PathBuf,
    /// Held while one is made or taken over, so that an older one never replaces a newer one.
    making: Arc<Mutex<()>>,
    current: Arc<Mutex<Option<(SnapshotMeta, Checkpoint)>>>,
}

impl Snapshots {
    /// Finds the snapshot that an earlier run left, and removes what it did not finish. One that is damaged is removed as well:
    /// the state is at least as new, and another one is made of it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let snapshots = Self { dir: dir.to_owned(), making: Arc::default(), current: Arc::default() };
        snapshots.recover()?;
        Ok(snapshots)
    }

    fn recover(&self) -> io::Result<()> {
        let mut newest = None;
        for entry in std::fs::read_dir(&self.dir)? {
            let dir = entry?.path();
            if !is_finished(&dir) {
                remove(&dir)?;
                continue;
            }
            let (applied, meta) = match Store::read_checkpoint(&dir) {
                Err(error) if error.is_damage() => {
                    tracing::warn!(%error, path = %dir.display(), "a snapshot is damaged and is removed");
                    remove(&dir)?;
                    continue;
                }
                state => decode(state.map_err(failed)?)?,
            };
            if newest.as_ref().is_none_or(|(other, _, _)| *other < applied) {
                newest = Some((applied, meta, Checkpoint { dir }));
            }
        }
        match newest {
            Some((_, meta, checkpoint)) => self.replace(meta, checkpoint),
            None => Ok(()),
        }
    }

    /// The snapshot that is kept.
    pub(crate) fn current(&self) -> Option<(SnapshotMeta, Checkpoint)> {
        self.current.lock().expect(POISONED).clone()
    }

    /// No snapshot is made or taken over while this is held.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.making.lock().expect(POISONED)
    }

    pub(crate) fn build(&self, store: &Store) -> io::Result<(SnapshotMeta, Checkpoint)> {
        let _alone = self.alone();
        let unfinished = self.dir.join(UNFINISHED);
        remove(&unfinished)?;
        failpoint::reached("snapshot.build");
        store.checkpoint(&unfinished).map_err(failed)?;
        failpoint::reached("snapshot.built");
        self.finish(&unfinished)
    }

    /// Takes over a checkpoint that was received.
    pub(crate) fn adopt(&self, meta: &SnapshotMeta, checkpoint: &Checkpoint) -> io::Result<Checkpoint> {
        match self.current() {
            Some((own, kept)) if own == *meta => Ok(kept),
            _ => Ok(self.finish(&checkpoint.dir)?.1),
        }
    }

    fn finish(&self, unfinished: &Path) -> io::Result<(SnapshotMeta, Checkpoint)> {
        let (meta, checkpoint) = take_over(&self.dir, unfinished)?;
        self.replace(meta.clone(), checkpoint.clone())?;
        Ok((meta, checkpoint))
    }

    /// Makes this the one snapshot that is kept.
    fn replace(&self, meta: SnapshotMeta, checkpoint: Checkpoint) -> io::Result<()> {
        keep_only(&self.dir, &checkpoint)?;
        *self.current.lock().expect(POISONED) = Some((meta, checkpoint));
        Ok(())
    }
}

/// Makes a checkpoint a snapshot in `dir`, by its name.
pub(crate) fn take_over(dir: &Path, unfinished: &Path) -> io::Result<(SnapshotMeta, Checkpoint)> {
    let (applied, meta) = meta_of(unfinished)?;
    let index = applied.map_or(0, |log_id| log_id.index + 1);
    let finished = dir.join(format!("{index:020}"));
    remove(&finished)?;
    std::fs::rename(unfinished, &finished)?;
    std::fs::File::open(dir)?.sync_all()?;
    Ok((meta, Checkpoint { dir: finished }))
}

pub(crate) fn keep_only(dir: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let other = entry?.path();
        if is_finished(&other) && other != checkpoint.dir {
            remove(&other)?;
        }
    }
    Ok(())
}

/// Where a snapshot arrives that another member sends. What is there of one that broke off is not sent again.
pub(crate) fn receiving(dir: &Path) -> PathBuf {
    dir.join(RECEIVING)
}

/// Where a copy of the state lies that is sent to a member which asks for it.
pub(crate) fn serving(dir: &Path) -> PathBuf {
    dir.join(SERVING)
}

/// The newest finished snapshot in a folder, without touching any.
pub(crate) fn newest(dir: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let finished = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(finished.into_iter().filter(|dir| is_finished(dir)).max())
}

/// A snapshot that another member sent, before it is installed.
pub(crate) fn received(dir: &Path) -> io::Result<SnapshotOf<TypeConfig, Checkpoint>> {
    let (_, meta) = meta_of(dir)?;
    Ok(SnapshotOf::<TypeConfig, _> { meta, snapshot: Checkpoint { dir: dir.to_owned() } })
}

/// How far the log was applied when a checkpoint was made.
pub(crate) fn applied_of(dir: &Path) -> io::Result<Option<LogId>> {
    Ok(meta_of(dir)?.0)
}

/// The same of any state at rest, and the ids of the members that had a vote then.
pub(crate) fn applied_with_voters(dir: &Path) -> io::Result<(Option<LogId>, BTreeSet<u64>)> {
    let (applied, meta) = meta_of(dir)?;
    let voters: BTreeSet<u64> = meta.last_membership.membership().voter_ids().collect();
    Ok((applied, voters))
}

/// A finished snapshot is named by its index alone; whatever else a crash left behind is not one.
fn is_finished(dir: &Path) -> bool {
    let name = dir.file_name().and_then(std::ffi::OsStr::to_str);
    name.is_some_and(|name| name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a checkpoint says of itself.
fn meta_of(dir: &Path) -> io::Result<(Option<LogId>, SnapshotMeta)> {
    decode(Store::read_checkpoint(dir).map_err(failed)?)
}

fn decode(state: AppliedState) -> io::Result<(Option<LogId>, SnapshotMeta)> {
    let last_log_id = state.applied.map(codec::decode_log_id).transpose()?;
    let last_membership = state.membership.map(codec::decode_membership).transpose()?.unwrap_or_default();
    Ok((last_log_id, SnapshotMeta { last_log_id, last_membership }))
}

fn failed(error: StoreError) -> io::Error {
    io::Error::other(error)
}

/// Removes a folder, if it is there.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
