//! A consistent view of the state at one moment: everything that is read without going through the log.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rocksdb::{DB, ReadOptions, Snapshot};
use seal::{DataKeyRecord, SealRule, Sealed};
use types::{KeyRange, OpOutcome, RangeOutcome, RangeQuery};

use crate::{
    ActionRecord, AlarmRecord, ClusterRecord, Command, History, HistoryQuery, LeaseRecord, Piece, PieceLimits,
    PluginRecord, ReadError, Step, StoreError, Walk, Walked, actions, alarm, cluster,
    command::{Body, ClientWrite},
    counts,
    db::{family_handle, scan_database},
    evaluate,
    family::Family,
    hash, history, kept, keyring, lease, outdated, policy, range,
    read::{self, Read, Visit, meta},
    users::{self, RoleRecord, UserRecord},
};

/// A view of the state. It holds back RocksDB's clean-up: keep it only as long as one answer takes.
pub struct View<'a> {
    database: &'a DB,
    snapshot: Snapshot<'a>,
    /// Whether what is read may take the place of something else in the block cache.
    caches: bool,
    /// For a walk that nobody is in a hurry for.
    rests: Option<Rests<'a>>,
}

/// A walk goes on for so long, and then rests for so long. At a low priority instead it would be put aside while it holds a lock of
/// the database for which somebody waits.
const STRETCH: Duration = Duration::from_millis(1);
const REST: Duration = Duration::from_millis(1);

struct Rests<'a> {
    since: Cell<Instant>,
    /// Whether somebody waits for the end of the walk.
    hurry: &'a AtomicBool,
}

impl Rests<'_> {
    fn rest_if_due(&self) {
        if self.since.get().elapsed() >= STRETCH && !self.hurry.load(Ordering::Relaxed) {
            thread::sleep(REST);
            self.since.set(Instant::now());
        }
    }
}

/// How far the log is applied, as the consensus layer encodes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedState {
    /// Log id of the last applied entry.
    pub applied: Option<Bytes>,
    /// Membership.
    pub membership: Option<Bytes>,
}

impl<'a> View<'a> {
    pub(crate) fn new(database: &'a DB) -> Self {
        Self { database, snapshot: database.snapshot(), caches: true, rests: None }
    }

    /// A view for a walk over much that is read once: it leaves the block cache to the others.
    pub(crate) fn uncached(database: &'a DB) -> Self {
        Self { caches: false, ..Self::new(database) }
    }

    /// The same for a walk over most of the state that leaves half of its time to others.
    pub(crate) fn unhurried(database: &'a DB, hurry: &'a AtomicBool) -> Self {
        Self { rests: Some(Rests { since: Cell::new(Instant::now()), hurry }), ..Self::uncached(database) }
    }

    /// Newest revision.
    ///
    /// # Errors
    /// When the disk does.
    pub fn revision(&self) -> Result<i64, StoreError> {
        read::revision(self)
    }

    /// Revision of the last compaction, -1 for none.
    ///
    /// # Errors
    /// When the disk does.
    pub fn compacted(&self) -> Result<i64, StoreError> {
        read::compacted(self)
    }

    /// The policy epoch in force.
    ///
    /// # Errors
    /// When the disk does.
    pub fn policy_epoch(&self) -> Result<u64, StoreError> {
        read::policy_epoch(self)
    }

    /// How far the log is applied.
    ///
    /// # Errors
    /// When the disk does.
    pub fn applied_state(&self) -> Result<AppliedState, StoreError> {
        Ok(AppliedState {
            applied: self.get(Family::Meta, meta::APPLIED)?,
            membership: self.get(Family::Meta, meta::MEMBERSHIP)?,
        })
    }

    /// The keys of a query, values as stored, not yet sorted or cut.
    ///
    /// # Errors
    /// A compacted or future revision, or the disk.
    pub fn range(&self, query: &RangeQuery) -> Result<RangeOutcome<Sealed>, ReadError> {
        range::range(self, query)
    }

    /// The first keys of a range as it was at `revision`, zero for the newest; values as stored.
    ///
    /// # Errors
    /// A compacted or future revision, or the disk.
    pub fn piece(&self, range: &KeyRange, revision: i64, limits: PieceLimits) -> Result<Piece, ReadError> {
        range::piece(self, range, revision, limits)
    }

    /// Answers a transaction that writes nothing.
    ///
    /// # Errors
    /// A compacted or future revision, a command that writes, or the disk.
    pub fn evaluate(&self, command: &Command) -> Result<OpOutcome<Sealed>, ReadError> {
        match &command.body {
            Some(Body::Write(ClientWrite { op: Some(op), .. })) => evaluate::evaluate(self, op),
            _ => Err(StoreError::UnknownCommand.into()),
        }
    }

    /// Takes a step of a walk over every value under a prefix, now and in history; `wants` says which are to be given.
    ///
    /// # Errors
    /// When the disk does.
    pub fn walk(&self, walk: Walk, step: Step, wants: &dyn Fn(&[u8], &Sealed) -> bool) -> Result<Walked, StoreError> {
        outdated::walk(self, walk, step, wants)
    }

    /// Past events for a watcher that is behind.
    ///
    /// # Errors
    /// A compacted revision, or the disk.
    pub fn history(&self, query: &HistoryQuery<'_>) -> Result<History, ReadError> {
        history::history(self, query)
    }

    /// Every lease.
    ///
    /// # Errors
    /// When the disk does.
    pub fn leases(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        lease::all(self)
    }

    /// Keys attached to a lease.
    ///
    /// # Errors
    /// When the disk does.
    pub fn lease_keys(&self, id: i64) -> Result<Vec<Bytes>, StoreError> {
        lease::keys(self, id)
    }

    /// Alarms that stand, by kind and member.
    ///
    /// # Errors
    /// When the disk does.
    pub fn alarms(&self) -> Result<Vec<AlarmRecord>, StoreError> {
        alarm::all(self)
    }

    /// The cluster.
    ///
    /// # Errors
    /// When the disk does.
    pub fn cluster(&self) -> Result<ClusterRecord, StoreError> {
        cluster::record(self)
    }

    /// Installed plugins, by name, without their components.
    ///
    /// # Errors
    /// When the disk does.
    pub fn plugins(&self) -> Result<Vec<PluginRecord>, StoreError> {
        policy::plugins(self)
    }

    /// The component of this digest, if some plugin has it or could go back to it.
    ///
    /// # Errors
    /// When the disk does.
    pub fn component(&self, digest: &[u8]) -> Result<Option<Bytes>, StoreError> {
        policy::component(self, digest)
    }

    /// The newest record of what administrators did.
    ///
    /// # Errors
    /// When the disk does.
    pub fn last_action(&self) -> Result<Option<ActionRecord>, StoreError> {
        actions::end(self)
    }

    /// At most `limit` records of what administrators did, from number `from` on; the oldest are not kept.
    ///
    /// # Errors
    /// When the disk does.
    pub fn actions(&self, from: u64, limit: usize) -> Result<Vec<ActionRecord>, StoreError> {
        actions::since(self, from, limit)
    }

    /// Whether users and roles are enforced.
    ///
    /// # Errors
    /// When the disk does.
    pub fn auth_enabled(&self) -> Result<bool, StoreError> {
        users::enabled(self)
    }

    /// The auth revision: how often users and roles changed.
    ///
    /// # Errors
    /// When the disk does.
    pub fn auth_revision(&self) -> Result<u64, StoreError> {
        users::revision(self)
    }

    /// One user.
    ///
    /// # Errors
    /// When the disk does.
    pub fn user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        users::user(self, name)
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// When the disk does.
    pub fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        users::users(self)
    }

    /// One role.
    ///
    /// # Errors
    /// When the disk does.
    pub fn role(&self, name: &str) -> Result<Option<RoleRecord>, StoreError> {
        users::role(self, name)
    }

    /// Every role, by name.
    ///
    /// # Errors
    /// When the disk does.
    pub fn roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        users::roles(self)
    }

    /// Wrapped data keys, by prefix and id.
    ///
    /// # Errors
    /// When the disk does.
    pub fn data_keys(&self) -> Result<Vec<DataKeyRecord>, StoreError> {
        keyring::keys(self)
    }

    /// What is sealed, by prefix.
    ///
    /// # Errors
    /// When the disk does.
    pub fn seal_rules(&self) -> Result<Vec<SealRule>, StoreError> {
        keyring::rules(self)
    }

    /// The policy epoch before which nothing is to lie in a file any more, zero for none.
    ///
    /// # Errors
    /// When the disk does.
    pub fn forget_epoch(&self) -> Result<u64, StoreError> {
        keyring::forget_epoch(self)
    }

    /// Whether every record is known to be as rules and data keys want it.
    ///
    /// # Errors
    /// When the disk does.
    pub fn is_settled(&self) -> Result<bool, StoreError> {
        keyring::settled(self)
    }

    /// Whether some values were in plain text since all were last known to be as the rules want them.
    ///
    /// # Errors
    /// When the disk does.
    pub fn some_were_plain(&self) -> Result<bool, StoreError> {
        keyring::some_were_plain(self)
    }

    /// Whether nothing is left of what compactions allow to remove.
    ///
    /// # Errors
    /// When the disk does.
    pub fn is_swept(&self) -> Result<bool, StoreError> {
        kept::is_swept(self)
    }

    /// Hash over every key and value visible at or after the last compaction and up to `revision` (zero: newest).
    ///
    /// # Errors
    /// A compacted or future revision, or the disk.
    pub fn hash_kv(&self, revision: i64) -> Result<hash::HashKv, ReadError> {
        hash::hash_kv(self, revision)
    }
}

impl Read for View<'_> {
    fn count(&self, from: &[u8], to: Option<&[u8]>) -> Result<u64, StoreError> {
        counts::sum(self, from, to)
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.snapshot.get_cf(family_handle(self.database, family), key)?.map(Bytes::from))
    }

    fn scan(&self, family: Family, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.fill_cache(self.caches);
        let iterator = self.snapshot.raw_iterator_cf_opt(family_handle(self.database, family), options);
        let Some(rests) = &self.rests else { return scan_database(iterator, from, to, visit) };
        scan_database(iterator, from, to, &mut |key, value| {
            rests.rest_if_due();
            visit(key, value)
        })
    }
}
