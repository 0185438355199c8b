//! The database on disk: opening, views, checkpoints, and taking over a checkpoint from elsewhere.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use auth::Realm;
use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, CompactOptions, DB, DBRawIterator, FlushOptions, checkpoint::Checkpoint,
};

use crate::{
    AppliedState, StoreError, StoreMetrics, View,
    bystanders::Bystanders,
    family::{Family, database_options, descriptors, descriptors_of},
    read::Visit,
    users::realm_state,
};

/// The replicated state on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    dir: PathBuf,
    /// Swapped as a whole when a snapshot is installed; `None` once the store is closed.
    database: RwLock<Option<DB>>,
    /// Held while a batch is applied: there is one writer.
    pub(crate) writer: Mutex<()>,
    /// What the state says of users and roles, ready to be asked.
    pub(crate) realm: Arc<ArcSwap<Realm>>,
    pub(crate) metrics: StoreMetrics,
    /// Whether the realm is ahead of the state: its batch is not committed yet.
    pub(crate) realm_is_ahead: AtomicBool,
    pub(crate) bystanders: Bystanders,
}

const POISONED: &str = "a panic while the state was being written: its memory cannot be trusted";

impl Store {
    /// Opens the state under `dir`, making it if it is not there.
    ///
    /// # Errors
    /// When RocksDB cannot open it, or a half-finished installation of a snapshot cannot be completed.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::file("create", dir))?;
        recover_swap(dir)?;
        let database = open_database(&dir.join(CURRENT))?;
        let realm = Arc::new(ArcSwap::from_pointee(realm_of(&database)?));
        Ok(Self {
            shared: Arc::new(Shared {
                dir: dir.to_path_buf(),
                database: RwLock::new(Some(database)),
                writer: Mutex::new(()),
                realm,
                metrics: StoreMetrics::new(),
                realm_is_ahead: AtomicBool::new(false),
                bystanders: Bystanders::default(),
            }),
        })
    }

    /// The rules of users and roles as of the newest applied state: those by which a view that is taken now is judged.
    #[must_use]
    pub fn realm(&self) -> Arc<ArcSwap<Realm>> {
        Arc::clone(&self.shared.realm)
    }

    /// What the state tells of itself.
    #[must_use]
    pub fn metrics(&self) -> &StoreMetrics {
        &self.shared.metrics
    }

    /// Runs `read` on a consistent view of the newest applied state.
    ///
    /// # Errors
    /// What `read` answers, or [`StoreError::Closed`].
    pub fn view<T, E: From<StoreError>>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        // Whoever was permitted by new rules must not see what was there before them: that is a commit away.
        if self.shared.realm_is_ahead.load(Ordering::SeqCst) {
            drop(self.shared.writer.lock().expect(POISONED));
        }
        self.with_database(|database| read(&View::new(database)))
    }

    /// The same for a walk over much that is read once: what it reads is not kept in memory.
    ///
    /// # Errors
    /// As for [`Store::view`].
    pub fn view_once<T, E: From<StoreError>>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with_database(|database| read(&View::uncached(database)))
    }

    pub(crate) fn with_database<T, E: From<StoreError>>(&self, run: impl FnOnce(&DB) -> Result<T, E>) -> Result<T, E> {
        let guard = self.shared.database.read().expect(POISONED);
        run(guard.as_ref().ok_or(StoreError::Closed)?)
    }

    /// Makes everything applied so far durable and lets go of the files, whoever still holds this store.
    ///
    /// # Errors
    /// When the disk does; the files are let go of all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        let flushed = self.flush();
        // A compaction under way holds on to the database; it ends early now.
        self.with_database(|database| {
            database.cancel_all_background_work(false);
            Ok::<_, StoreError>(())
        })?;
        *self.shared.database.write().expect(POISONED) = None;
        flushed
    }

    /// Makes everything applied so far durable.
    ///
    /// # Errors
    /// When the disk does.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.with_database(|database| {
            let mut options = FlushOptions::default();
            options.set_wait(true);
            let handles: Vec<_> = Family::ALL.iter().map(|family| family_handle(database, *family)).collect();
            Ok(database.flush_cfs_opt(&handles, &options)?)
        })
    }

    /// Rewrites every file of the state without what was deleted or overwritten, beside writes that go on. Slow.
    ///
    /// # Errors
    /// When the disk does.
    pub fn defragment(&self) -> Result<(), StoreError> {
        self.flush()?;
        self.with_database(|database| {
            let mut options = CompactOptions::default();
            options.set_exclusive_manual_compaction(false);
            options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
            for family in Family::ALL {
                let handle = family_handle(database, family);
                database.compact_range_cf_opt(handle, None::<&[u8]>, None::<&[u8]>, &options);
            }
            Ok(())
        })
    }

    /// About how many keys there are: RocksDB counts an overwritten key again until it has merged its files.
    ///
    /// # Errors
    /// When RocksDB does.
    pub fn keys_estimate(&self) -> Result<u64, StoreError> {
        self.with_database(|database| {
            let live = family_handle(database, Family::Live);
            Ok(database.property_int_value_cf(live, "rocksdb.estimate-num-keys")?.unwrap_or_default())
        })
    }

    /// Writes a durable copy of the state to `to` (hard links to the immutable files), without stopping writers.
    ///
    /// # Errors
    /// When `to` exists, or the disk fails.
    pub fn checkpoint(&self, to: &Path) -> Result<(), StoreError> {
        self.with_database(|database| Ok(Checkpoint::new(database)?.create_checkpoint(to)?))
    }

    /// How far the log was applied when the checkpoint at `path` was made.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn read_checkpoint(path: &Path) -> Result<AppliedState, StoreError> {
        // A checkpoint of an earlier version lacks the families that came later.
        let present = DB::list_cf(&database_options(), path)?;
        let families = descriptors_of(|name| present.iter().any(|has| has == name));
        let database = DB::open_cf_descriptors_read_only(&database_options(), path, families, false)?;
        View::new(&database).applied_state()
    }

    /// The newest revision in the checkpoint at `path`.
    ///
    /// # Errors
    /// When it is not a checkpoint, or the disk fails.
    pub fn checkpoint_revision(path: &Path) -> Result<i64, StoreError> {
        let database = DB::open_cf_descriptors_read_only(&database_options(), path, descriptors(), false)?;
        View::new(&database).revision()
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
        let mut slot = self.shared.database.write().expect(POISONED);
        *slot = None;
        swap(&self.shared.dir)?;
        let database = open_database(&self.shared.dir.join(CURRENT))?;
        self.shared.realm.store(Arc::new(realm_of(&database)?));
        *slot = Some(database);
        Ok(())
    }

    /// Bytes of the state on disk, and of those the ones that hold live data.
    ///
    /// # Errors
    /// When RocksDB does.
    pub fn size_bytes(&self) -> Result<(u64, u64), StoreError> {
        self.with_database(|database| {
            let mut total = 0;
            let mut in_use = 0;
            for family in Family::ALL {
                let handle = family_handle(database, family);
                let property = |name| database.property_int_value_cf(handle, name).map(Option::unwrap_or_default);
                let buffered = property("rocksdb.cur-size-all-mem-tables")?;
                total += property("rocksdb.total-sst-files-size")? + buffered;
                in_use += property("rocksdb.estimate-live-data-size")? + buffered;
            }
            Ok((total, in_use.min(total)))
        })
    }
}

/// The state in use.
const CURRENT: &str = "current";
/// A copy of a snapshot that is about to become the state.
const INCOMING: &str = "incoming";
/// The state that a snapshot replaced, for the moment between two renames.
const OUTGOING: &str = "outgoing";

fn open_database(path: &Path) -> Result<DB, StoreError> {
    Ok(DB::open_cf_descriptors(&database_options(), path, descriptors())?)
}

fn realm_of(database: &DB) -> Result<Realm, StoreError> {
    Ok(Realm::new(realm_state(&View::new(database))?))
}

pub(crate) fn family_handle(database: &DB, family: Family) -> &ColumnFamily {
    database.cf_handle(family.name()).expect("every family is opened with the database")
}

/// Walks an iterator over `[from, to)`.
pub(crate) fn scan_database(
    mut iterator: DBRawIterator<'_>,
    from: &[u8],
    to: Option<&[u8]>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    iterator.seek(from);
    while let Some((key, value)) = iterator.item() {
        if to.is_some_and(|to| key >= to) || visit(key, value)? == ControlFlow::Break(()) {
            break;
        }
        iterator.next();
    }
    Ok(iterator.status()?)
}

/// Finishes or undoes a swap that a crash interrupted.
fn recover_swap(dir: &Path) -> Result<(), StoreError> {
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
