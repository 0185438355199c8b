//! Copies of the whole state: making one, reading one, and taking one over.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use rocksdb::{DB, checkpoint::Checkpoint};
use seal::{DataKeyRecord, SealRule};

use crate::{
    AppliedState, Store, StoreError, View,
    db::{POISONED, known_parts, open_database, realm_of},
    family::{Family, database_options, descriptors_of},
    read::Read as _,
    usage,
};

/// The state in use.
pub(crate) const CURRENT: &str = "current";
/// A copy of a snapshot that is about to become the state.
const INCOMING: &str = "incoming";
/// The state that a snapshot replaced, for the moment between two renames.
const OUTGOING: &str = "outgoing";
/// A state that differed from that of the other members, kept to be looked at.
const SET_ASIDE: &str = "set-aside";

impl Store {
    /// Where the files of the state under `dir` lie: a checkpoint that is put there is its state.
    #[must_use]
    pub fn current(dir: &Path) -> PathBuf {
        dir.join(CURRENT)
    }

    /// Where its files lie. A state that is installed takes the place of the whole folder, whatever else lies there.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        Self::current(&self.shared.dir)
    }

    /// Where a state lies that differed from that of the other members, if there was one.
    #[must_use]
    pub fn set_aside(&self) -> PathBuf {
        self.shared.dir.join(SET_ASIDE)
    }

    /// Writes a durable copy of the state to `to` (hard links to the immutable files), without stopping writers.
    ///
    /// # Errors
    /// When `to` exists, or the disk fails. [`StoreError::NoRoom`] when what is in memory does not fit on it.
    pub fn checkpoint(&self, to: &Path) -> Result<(), StoreError> {
        self.disk()?.check_room_for(0)?;
        self.with_database(|database| Ok(Checkpoint::new(database)?.create_checkpoint(to)?))
    }

    /// How far the log was applied when the checkpoint at `path` was made.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn read_checkpoint(path: &Path) -> Result<AppliedState, StoreError> {
        Self::view_checkpoint(path, |view| view.applied_state())
    }

    /// Looks at the checkpoint at `path`, and keeps no block that was read.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn view_checkpoint<T>(
        path: &Path,
        look: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        look(&View::uncached(&open_read_only(path)?))
    }

    /// Rules and wrapped data keys in the checkpoint at `path`.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn read_keyring(path: &Path) -> Result<(Vec<SealRule>, Vec<DataKeyRecord>), StoreError> {
        Self::view_checkpoint(path, |view| Ok((view.seal_rules()?, view.data_keys()?)))
    }

    /// The revision up to which the checkpoint at `path` is compacted, -1 for none, and the newest one in it.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn checkpoint_revisions(path: &Path) -> Result<(i64, i64), StoreError> {
        Self::view_checkpoint(path, |view| Ok((view.compacted()?, view.revision()?)))
    }

    /// Reads all of the checkpoint at `path`, of which every block has a checksum.
    ///
    /// # Errors
    /// [`StoreError::is_damage`] when a block is not as it was written; otherwise when the disk fails.
    pub fn verify_checkpoint(path: &Path) -> Result<(), StoreError> {
        let database = open_read_only(path)?;
        let view = View::uncached(&database);
        let mut present = Family::ALL.into_iter().filter(|family| database.cf_handle(family.name()).is_some());
        present.try_for_each(|family| view.scan(family, &[], None, &mut |_, _| Ok(ControlFlow::Continue(()))))
    }

    /// Takes the state under `dir` out of use, so that it is opened empty. `keeps` says whether it is kept beside it, in
    /// the place of one that was kept before.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn discard(dir: &Path, keeps: bool) -> Result<(), StoreError> {
        let (current, kept) = (dir.join(CURRENT), dir.join(SET_ASIDE));
        if !keeps {
            return remove_dir(&current);
        }
        remove_dir(&kept)?;
        match fs::rename(&current, &kept) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(StoreError::file("set aside", &current)).and_then(|()| sync_dir(dir)),
        }
    }

    /// Replaces the state by the checkpoint at `from`, which stays as it is.
    ///
    /// # Errors
    /// When the copy or the swap fails; the old state is then still in place, or is put back by the next start.
    pub fn install(&self, from: &Path) -> Result<(), StoreError> {
        let incoming = self.shared.dir.join(INCOMING);
        remove_dir(&incoming)?;
        link_checkpoint(from, &incoming)?;
        let _writer = self.shared.writer.lock().expect(POISONED);
        // A compaction under way is for nothing now.
        self.with_database(|database| {
            database.cancel_all_background_work(false);
            Ok::<_, StoreError>(())
        })?;
        self.shared.hurry.store(true, Ordering::Relaxed);
        let mut slot = self.shared.database.write().expect(POISONED);
        self.shared.hurry.store(false, Ordering::Relaxed);
        *slot = None;
        swap(&self.shared.dir)?;
        let database = open_database(&self.shared.dir.join(CURRENT))?;
        self.shared.realm.store(Arc::new(realm_of(&database)?));
        self.shared.policy_epoch.store(View::new(&database).policy_epoch()?, Ordering::SeqCst);
        usage::recount(&database, &self.shared.counted.load())?;
        *slot = Some(database);
        Ok(())
    }
}

/// Opens a checkpoint. One of an earlier version lacks the families that came later.
pub(crate) fn open_read_only(path: &Path) -> Result<DB, StoreError> {
    let present = known_parts(path)?;
    let families = descriptors_of(|name| present.iter().any(|has| has == name));
    Ok(DB::open_cf_descriptors_read_only(&database_options()?, path, families, false)?)
}

/// Finishes or undoes a swap that a crash interrupted.
pub(crate) fn recover_swap(dir: &Path) -> Result<(), StoreError> {
    let (current, outgoing) = (dir.join(CURRENT), dir.join(OUTGOING));
    if outgoing.exists() && !current.exists() {
        fs::rename(&outgoing, &current).map_err(StoreError::file("put back", &outgoing))?;
    }
    remove_dir(&outgoing)?;
    remove_dir(&dir.join(INCOMING))
}

fn swap(dir: &Path) -> Result<(), StoreError> {
    let (current, outgoing, incoming) = (dir.join(CURRENT), dir.join(OUTGOING), dir.join(INCOMING));
    fs::rename(&current, &outgoing).map_err(StoreError::file("move aside", &current))?;
    fs::rename(&incoming, &current).map_err(StoreError::file("move in", &incoming))?;
    sync_dir(dir)?;
    remove_dir(&outgoing)
}

/// Immutable files are linked, the few others copied: they are rewritten in place when the copy is opened.
fn link_checkpoint(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(to).map_err(StoreError::file("create", to))?;
    for entry in fs::read_dir(from).map_err(StoreError::file("read", from))? {
        let source = entry.map_err(StoreError::file("read", from))?.path();
        let Some(name) = source.file_name() else { continue };
        let target = to.join(name);
        if source.extension().is_some_and(|extension| extension == "sst") {
            fs::hard_link(&source, &target).map_err(StoreError::file("link", &target))?;
        } else {
            fs::copy(&source, &target).map_err(StoreError::file("copy", &target))?;
            fs::File::open(&target).and_then(|file| file.sync_all()).map_err(StoreError::file("sync", &target))?;
        }
    }
    sync_dir(to)
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    fs::File::open(dir).and_then(|file| file.sync_all()).map_err(StoreError::file("sync", dir))
}

fn remove_dir(dir: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::file("remove", dir)(error)),
        _ => Ok(()),
    }
}
