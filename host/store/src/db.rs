//! The database on disk: opening, views, and what else is asked of it as a whole.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use auth::Realm;
use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, CompactOptions, DB, DBRawIterator, FlushOptions, WriteBatch, WriteOptions,
};
use rustix::fs::statvfs;
use tokio::sync::watch;

use crate::{
    StoreError, StoreFailure, StoreMetrics, View,
    bystanders::Bystanders,
    checkpoint,
    family::{Family, database_options, descriptors},
    index,
    read::{Read as _, Visit},
    usage::PrefixUsage,
    users::realm_state,
};

/// The replicated state on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    /// Swapped as a whole when a snapshot is installed; `None` once the store is closed.
    pub(crate) database: RwLock<Option<DB>>,
    /// Held while a batch is applied: there is one writer.
    pub(crate) writer: Mutex<()>,
    /// What the state says of users and roles, ready to be asked.
    pub(crate) realm: Arc<ArcSwap<Realm>>,
    /// What it says of the policy: its epoch.
    pub(crate) policy_epoch: AtomicU64,
    pub(crate) metrics: StoreMetrics,
    /// Whether realm and epoch are ahead of the state: their batch is not committed yet.
    pub(crate) rules_are_ahead: AtomicBool,
    /// Whether the database is to be let go of: walks that are in no hurry rest no more.
    pub(crate) hurry: AtomicBool,
    pub(crate) bystanders: Bystanders,
    /// The prefixes that are counted.
    pub(crate) counted: ArcSwap<Vec<PrefixUsage>>,
    /// What was found to be damaged, once something was.
    damage: watch::Sender<Option<String>>,
}

/// What has to be free beside what a flush writes, for its tables' indices and for what is logged meanwhile: 16 MiB.
const FLUSH_SPARE_BYTES: u64 = 16 << 20;

/// What every database of RocksDB has.
const DEFAULT: &str = "default";

pub(crate) const POISONED: &str = "a panic while the state was being written: its memory cannot be trusted";

impl Store {
    /// Opens the state under `dir`, making it if it is not there.
    ///
    /// # Errors
    /// When RocksDB cannot open it, or a half-finished installation of a snapshot cannot be completed.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::file("create", dir))?;
        checkpoint::recover_swap(dir)?;
        let database = open_database(&dir.join(checkpoint::CURRENT))?;
        let realm = Arc::new(ArcSwap::from_pointee(realm_of(&database)?));
        let policy_epoch = AtomicU64::new(View::new(&database).policy_epoch()?);
        Ok(Self {
            shared: Arc::new(Shared {
                dir: dir.to_path_buf(),
                database: RwLock::new(Some(database)),
                writer: Mutex::new(()),
                realm,
                policy_epoch,
                metrics: StoreMetrics::new(),
                rules_are_ahead: AtomicBool::new(false),
                hurry: AtomicBool::new(false),
                bystanders: Bystanders::default(),
                counted: ArcSwap::default(),
                damage: watch::Sender::new(None),
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
    pub fn view<T, E: StoreFailure>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        // Whoever was permitted by new rules must not see what was there before them.
        self.wait_for_rules();
        self.with_database(|database| read(&View::new(database)))
    }

    /// The policy epoch as it was opened, taken over or applied, at least as new as everything that was read of the state before. Asked for each answer that opens
    /// values, so it is kept in memory.
    #[must_use]
    pub fn policy_epoch(&self) -> u64 {
        self.wait_for_rules();
        self.shared.policy_epoch.load(Ordering::SeqCst)
    }

    /// The rules that are ahead are a commit away.
    fn wait_for_rules(&self) {
        if self.shared.rules_are_ahead.load(Ordering::SeqCst) {
            drop(self.shared.writer.lock().expect(POISONED));
        }
    }

    /// The same for a walk over much that is read once: what it reads is not kept in memory.
    ///
    /// # Errors
    /// As for [`Store::view`].
    pub fn view_once<T, E: StoreFailure>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with_database(|database| read(&View::uncached(database)))
    }

    /// The same for a walk over most of the state that is in no hurry: it rests now and then, so that others do not notice it. Blocks
    /// its thread meanwhile.
    ///
    /// # Errors
    /// As for [`Store::view`].
    pub fn view_unhurried<T, E: StoreFailure>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with_database(|database| read(&View::unhurried(database, &self.shared.hurry)))
    }

    pub(crate) fn with_database<T, E: StoreFailure>(&self, run: impl FnOnce(&DB) -> Result<T, E>) -> Result<T, E> {
        let guard = self.shared.database.read().expect(POISONED);
        let outcome = run(guard.as_ref().ok_or(StoreError::Closed)?);
        if let Err(error) = &outcome
            && let Some(error) = error.of_store().filter(|error| error.is_damage())
        {
            self.tell_damage(error.to_string());
        }
        outcome
    }

    /// Notes that something of the state was found damaged that was read outside of it: a copy, above all.
    pub fn tell_damage(&self, found: String) {
        self.shared.damage.send_if_modified(|known| known.replace(found).is_none());
    }

    /// Tells, once, of bytes in the state that are not what was written there.
    #[must_use]
    pub fn damage(&self) -> watch::Receiver<Option<String>> {
        self.shared.damage.subscribe()
    }

    /// Makes everything applied so far durable and lets go of the files, whoever still holds this store.
    ///
    /// # Errors
    /// When the disk does; the files are let go of all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        self.shared.hurry.store(true, Ordering::Relaxed);
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
        self.disk()?.check_room_for(self.size_bytes()?.1)?;
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

    /// How many keys there are.
    ///
    /// # Errors
    /// When the disk does.
    pub fn keys(&self) -> Result<u64, StoreError> {
        self.view(|view| view.count(&[], None))
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
                let buffered = number(database, family, "rocksdb.cur-size-all-mem-tables")?;
                total += number(database, family, "rocksdb.total-sst-files-size")? + buffered;
                in_use += number(database, family, "rocksdb.estimate-live-data-size")? + buffered;
            }
            Ok((total, in_use.min(total)))
        })
    }

    /// How full the disk of the state is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn disk(&self) -> Result<Disk, StoreError> {
        self.with_database(|database| {
            let disk = statvfs(database.path());
            let disk = disk.map_err(|error| StoreError::file("measure the disk of", database.path())(error.into()))?;
            let (free, whole) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
            let buffered =
                Family::ALL.iter().map(|family| number(database, *family, "rocksdb.cur-size-all-mem-tables"));
            Ok(Disk { free, whole, unflushed: buffered.sum::<Result<u64, _>>()? })
        })
    }
}

/// One of RocksDB's figures about a family.
fn number(database: &DB, family: Family, name: &str) -> Result<u64, StoreError> {
    Ok(database.property_int_value_cf(family_handle(database, family), name)?.unwrap_or_default())
}

/// The disk of the state, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What is free of it.
    pub free: u64,
    /// What there is of it.
    pub whole: u64,
    /// What lies in memory and comes to it with the next flush.
    pub unflushed: u64,
}

impl Disk {
    /// Whether the next flush will find room.
    #[must_use]
    pub fn has_room_to_flush(self) -> bool {
        self.check_room_for(0).is_ok()
    }

    /// Running out of room half-way would end the member, so it is asked before.
    pub(crate) fn check_room_for(self, bytes: u64) -> Result<(), StoreError> {
        let needed = bytes.saturating_add(self.unflushed).saturating_add(FLUSH_SPARE_BYTES);
        if self.free < needed { Err(StoreError::NoRoom { needed, free: self.free }) } else { Ok(()) }
    }
}

pub(crate) fn open_database(path: &Path) -> Result<DB, StoreError> {
    // One that was not made to the end has none.
    if path.join("CURRENT").exists() {
        known_parts(path)?;
    }
    let database = DB::open_cf_descriptors(&database_options()?, path, descriptors())?;
    index::complete(&database)?;
    Ok(database)
}

/// The parts of the state at `path`, all of them known here.
pub(crate) fn known_parts(path: &Path) -> Result<Vec<String>, StoreError> {
    let present = DB::list_cf(&database_options()?, path)?;
    let is_known = |part: &String| *part == DEFAULT || Family::ALL.iter().any(|family| family.name() == part);
    match present.iter().find(|part| !is_known(part)) {
        Some(part) => Err(StoreError::UnknownPart { part: part.clone() }),
        None => Ok(present),
    }
}

/// Writes a batch at once. Durability is the log's business: the state keeps no write-ahead log.
pub(crate) fn write(database: &DB, batch: WriteBatch) -> Result<(), StoreError> {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    Ok(database.write_opt(batch, &options)?)
}

pub(crate) fn realm_of(database: &DB) -> Result<Realm, StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_with_a_part_of_a_later_version_is_left_alone_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.close().unwrap();
        let current = Store::current(dir.path());
        let mut database = DB::open_cf_descriptors(&database_options().unwrap(), &current, descriptors()).unwrap();
        database.create_cf("later", &database_options().unwrap()).unwrap();
        drop(database);
        for opened in [Store::open(dir.path()).map(drop), checkpoint::open_read_only(&current).map(drop)] {
            let refused = opened.unwrap_err();
            assert!(matches!(&refused, StoreError::UnknownPart { part } if part == "later"), "{refused}");
            assert!(!refused.is_damage(), "or it would be rebuilt");
        }
    }
}
