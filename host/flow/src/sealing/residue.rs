//! What lies in this member's files otherwise than the rules want it.
//!
//! What a compaction has removed and a sweep has not reached yet is not counted, nor what was purged from the log and is not written
//! over yet: whether that is gone, `forget` says.

use std::{cell::RefCell, collections::BTreeMap, io, sync::Arc};

use bytes::Bytes;
use consensus::{Consensus, at_leisure};
use seal::{Keyring, Sealed};
use store::{Step, Store, StoreError, View, Walk};
use tokio::sync::Semaphore;

use crate::FlowError;

/// Longer walks are cut, so that none of them holds back the database's clean-up for long.
const STEP: Step = Step { values: usize::MAX, bytes: usize::MAX, entries: 10_000 };

/// How often a snapshot is looked at that is gone before it was read: a newer one has taken its place.
const TRIES: usize = 3;

/// Who reads files: one at a time in a process.
static READING: Semaphore = Semaphore::const_new(1);

/// How many records, and the bytes of their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, value: &[u8]) {
        self.records += 1;
        self.bytes += value.len() as u64;
    }
}

/// What lies under a prefix otherwise than its rule wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Residue {
    /// The prefix.
    pub prefix: Bytes,
    /// In plain text under a sealed prefix, now and in history.
    pub plain: Tally,
    /// Of those, what is in history alone.
    pub past: Tally,
    /// Under another data key than the active one, or sealed although the prefix is not.
    pub outdated: Tally,
    /// In plain text in entries of this member's log, although the prefix is sealed.
    pub logged: Tally,
    /// In plain text in the snapshot that this member keeps, although the prefix is sealed.
    pub snapshot: Tally,
}

impl Residue {
    fn none(prefix: Bytes) -> Self {
        Self { prefix, ..Self::default() }
    }
}

/// What was counted.
#[derive(Default)]
pub(super) struct Tallies {
    by_key: BTreeMap<u32, Tally>,
    by_prefix: BTreeMap<Bytes, Residue>,
}

impl Tallies {
    /// Counts what lies in the state.
    pub(super) fn of_state(store: &Store, keyring: &Keyring) -> Result<Self, StoreError> {
        let mut tallies = Self::default();
        let mut count = |key: &[u8], is_past: bool, value: &Sealed| tallies.count(keyring, key, is_past, value);
        for prefix in keyring.concerned() {
            let mut next = Some(Walk::over(&prefix));
            while let Some(walk) = next {
                next = store.view_once(|view| step(view, walk, &mut count))?;
            }
        }
        Ok(tallies)
    }

    /// Counts what lies in plain text in log and snapshot.
    pub(super) async fn add_files(&mut self, consensus: &Consensus, keyring: &Arc<Keyring>) -> Result<(), FlowError> {
        let turn = READING.acquire().await.map_err(|error| FlowError::Files(io::Error::other(error)))?;
        let (log, rules) = (consensus.clone(), Arc::clone(keyring));
        // Not at the lowest priority: who appends to the log waits for the lock that is held while it is read.
        let logged = tokio::task::spawn_blocking(move || of_log(&log, &rules)).await?.map_err(FlowError::Files)?;
        let (consensus, rules) = (consensus.clone(), Arc::clone(keyring));
        let snapshot = at_leisure(move || {
            // It goes with the work, also if nobody waits for it any more.
            let _turn = turn;
            of_snapshot(&consensus, &rules)
        });
        let snapshot = snapshot.await.map_err(FlowError::Files)?;
        for (prefix, residue) in logged.by_prefix {
            self.of(prefix).logged = residue.logged;
        }
        for (prefix, residue) in snapshot.by_prefix {
            self.of(prefix).snapshot = residue.plain;
        }
        Ok(())
    }

    /// Counts a value of the state, or of one.
    fn count(&mut self, keyring: &Keyring, key: &[u8], is_past: bool, value: &Sealed) {
        let Some(id) = value.key_id() else {
            self.count_plain(keyring, key, value.bytes(), |residue| &mut residue.plain);
            if is_past {
                self.count_plain(keyring, key, value.bytes(), |residue| &mut residue.past);
            }
            return;
        };
        self.by_key.entry(id).or_default().add(value.bytes());
        if !keyring.is_current(key, value) {
            self.of(prefix(keyring, key)).outdated.add(value.bytes());
        }
    }

    /// Counts a value in plain text, if its key is to be sealed. An empty one is a deleted key's.
    fn count_plain(&mut self, keyring: &Keyring, key: &[u8], value: &[u8], tally: impl Fn(&mut Residue) -> &mut Tally) {
        if !value.is_empty() && keyring.covers(key) {
            tally(self.of(prefix(keyring, key))).add(value);
        }
    }

    fn of(&mut self, prefix: Bytes) -> &mut Residue {
        self.by_prefix.entry(prefix.clone()).or_insert_with(|| Residue::none(prefix))
    }

    /// What lies under a data key.
    pub(super) fn under(&self, id: u32) -> Tally {
        self.by_key.get(&id).copied().unwrap_or_default()
    }

    /// For each rule, and for what has none if there is something of it.
    pub(super) fn residue(&self, keyring: &Keyring) -> Vec<Residue> {
        let of = |prefix: &Bytes| self.by_prefix.get(prefix).cloned().unwrap_or_else(|| Residue::none(prefix.clone()));
        let ruled = keyring.rules().map(|rule| &rule.prefix).filter(|prefix| !prefix.is_empty()).map(of);
        ruled.chain(self.by_prefix.get(&Bytes::new()).cloned()).collect()
    }
}

/// Counts what lies in plain text in the log.
fn of_log(consensus: &Consensus, keyring: &Keyring) -> io::Result<Tallies> {
    let mut tallies = Tallies::default();
    consensus.each_logged(&mut |command| {
        command.each_plain(&mut |key, value| {
            tallies.count_plain(keyring, key, value, |residue| &mut residue.logged);
        });
    })?;
    Ok(tallies)
}

/// Counts what lies in the snapshot that is kept.
fn of_snapshot(consensus: &Consensus, keyring: &Keyring) -> io::Result<Tallies> {
    let mut tried = 0;
    while let Some(path) = consensus.kept_snapshot()? {
        let mut tallies = Tallies::default();
        let mut count = |key: &[u8], is_past: bool, value: &Sealed| tallies.count(keyring, key, is_past, value);
        let walked = Store::view_checkpoint(&path, |view| {
            for prefix in keyring.concerned() {
                let mut next = Some(Walk::over(&prefix));
                while let Some(walk) = next {
                    next = step(view, walk, &mut count)?;
                }
            }
            Ok(())
        });
        tried += 1;
        match walked {
            Ok(()) => return Ok(tallies),
            Err(_) if tried < TRIES => {}
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(Tallies::default())
}

/// Takes a step of a walk; each value is told of with its key and whether it lies in history.
fn step(view: &View<'_>, walk: Walk, each: &mut impl FnMut(&[u8], bool, &Sealed)) -> Result<Option<Walk>, StoreError> {
    let (is_past, each) = (walk.is_in_past(), RefCell::new(each));
    let tell = |key: &[u8], value: &Sealed| {
        each.borrow_mut()(key, is_past, value);
        false
    };
    Ok(view.walk(walk, STEP, &tell)?.next)
}

/// Of the rule that counts for a key; empty where there is none.
fn prefix(keyring: &Keyring, key: &[u8]) -> Bytes {
    keyring.rules().find(|rule| key.starts_with(&rule.prefix)).map(|rule| rule.prefix.clone()).unwrap_or_default()
}
