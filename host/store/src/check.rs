//! Looking over a whole state at rest: every block, and whether what is in one family fits what is in the others.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::Path,
};

use bytes::Bytes;
use seal::{DataKeyRecord, SealError, SealRule, Sealed};
use types::EventKind;

use crate::{
    StoreError, View,
    checkpoint::open_read_only,
    counts,
    family::Family,
    index, kept, keyring,
    layout::{Change, Record, event_revision, lease_attachment, lease_key, number, past_key, split_past_key},
    lease,
    read::{self, Read as _, meta},
    users,
};

/// Most faults that are told; where there are more, the first say enough.
const FAULTS_MAX: usize = 20;

/// What was found in a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The newest revision.
    pub revision: i64,
    /// The revision of the last compaction, -1 for none.
    pub compacted: i64,
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values as they are stored.
    pub bytes: u64,
    /// Records of the past, tombstones among them.
    pub past: u64,
    /// Events in history.
    pub events: u64,
    /// Leases.
    pub leases: u64,
    /// Users.
    pub users: u64,
    /// Values that are sealed, now and in history.
    pub sealed: u64,
    /// Of those the ones that were opened.
    pub opened: u64,
    /// What is wrong, up to twenty of it, by family.
    pub faults: Vec<String>,
    /// How much is wrong.
    pub fault_count: u64,
}

impl Findings {
    /// Notes that the state cannot be read any further.
    pub fn note_damage(&mut self, error: &StoreError) {
        let what = match error {
            // It says what to do.
            StoreError::Damaged(_) => error.to_string(),
            _ => format!("{error}; restore this member from a snapshot or from its peers"),
        };
        self.fault(format!("{what} (no more of the state was looked at)"));
    }

    fn fault(&mut self, what: String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(what);
        }
    }
}

/// Opens a sealed value, to see whether it can be; `None` without a root key.
pub type Opens<'o> = Option<&'o dyn Fn(&[u8], Sealed) -> Result<(), SealError>>;

/// Looks over the database at `path`, which nobody has open.
///
/// # Errors
/// When it cannot be opened at all, or the disk fails.
pub fn check(path: &Path, opens: Opens<'_>) -> Result<Findings, StoreError> {
    let database = open_read_only(path)?;
    let view = View::uncached(&database);
    let mut check =
        Check { view: &view, opens, data_keys: BTreeMap::new(), settled_rules: Vec::new(), found: Findings::default() };
    match check.run(&|family| database.cf_handle(family.name()).is_some()) {
        Err(error) if error.is_damage() => check.found.note_damage(&error),
        done => done?,
    }
    Ok(check.found)
}

struct Check<'c> {
    view: &'c View<'c>,
    opens: Opens<'c>,
    data_keys: BTreeMap<u32, DataKeyRecord>,
    /// The rules, longest prefix first, if every record is known to follow them.
    settled_rules: Vec<SealRule>,
    found: Findings,
}

impl Check<'_> {
    fn run(&mut self, is_present: &dyn Fn(Family) -> bool) -> Result<(), StoreError> {
        self.found.revision = read::revision(self.view)?;
        self.found.compacted = read::compacted(self.view)?;
        let (revision, compacted) = (self.found.revision, self.found.compacted);
        if compacted > revision {
            self.fault(
                "meta",
                format!("compacted up to {compacted}, which is newer than the newest revision {revision}"),
            );
        }
        self.data_keys = keyring::keys(self.view)?.into_iter().map(|record| (record.id, record)).collect();
        if keyring::settled(self.view)? {
            self.settled_rules = keyring::rules(self.view)?;
            self.settled_rules.sort_by_key(|rule| Reverse(rule.prefix.len()));
        }
        self.found.users = users::users(self.view)?.len() as u64;
        self.live()?;
        // A state of an earlier version has none yet.
        if is_present(Family::Index) && index::is_whole(self.view)? {
            self.index()?;
        }
        self.past()?;
        self.events()?;
        self.leases()?;
        // The rest has nothing to be compared with; that its blocks can be read is what there is to see.
        let looked_at = [Family::Live, Family::Index, Family::Counts, Family::Past, Family::Events, Family::Lease];
        for family in Family::ALL.into_iter().filter(|family| !looked_at.contains(family) && is_present(*family)) {
            self.view.scan(family, &[], None, &mut |_, _| Ok(ControlFlow::Continue(())))?;
        }
        Ok(())
    }

    fn fault(&mut self, family: &str, what: String) {
        self.found.fault(format!("{family}: {what}"));
    }

    fn live(&mut self) -> Result<(), StoreError> {
        let view = self.view;
        view.scan(Family::Live, &[], None, &mut |key, value| {
            self.found.keys += 1;
            self.found.bytes += (key.len() + value.len()) as u64;
            match Record::decode(Bytes::copy_from_slice(value)) {
                Ok(Some(record)) => self.record("live", key, &record, Some(record.lease))?,
                Ok(None) => self.fault("live", format!("{} is a tombstone", shown(key))),
                Err(error) => self.fault("live", format!("{}: {error}", shown(key))),
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// It holds the live keys, all of them and no others, each with its revision; and so many there are between fences.
    fn index(&mut self) -> Result<(), StoreError> {
        let (view, mut entries) = (self.view, 0);
        view.scan(Family::Index, &[], None, &mut |key, entry| {
            entries += 1;
            let live = view.get(Family::Live, key)?.map(|bytes| Record::mod_revision_of(&bytes)).transpose()?;
            match (index::revision(entry)?, live) {
                (written, Some(live)) if written == live => {}
                (written, Some(live)) => {
                    self.fault("index", format!("{} is at {live}, not at {written}", shown(key)));
                }
                (_, None) => self.fault("index", format!("{} is no live key", shown(key))),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if entries < self.found.keys {
            self.fault("index", format!("{} of {} live keys are missing", self.found.keys - entries, self.found.keys));
        }
        counts::check(view, &mut |fence, said, found| {
            self.fault("counts", format!("there are {found} keys from {} on, not {said}", shown(fence)));
        })
    }

    fn past(&mut self) -> Result<(), StoreError> {
        let view = self.view;
        view.scan(Family::Past, &[], None, &mut |key, value| {
            self.found.past += 1;
            let Ok((user_key, at)) = split_past_key(key) else {
                self.fault("past", format!("{} is no key of a record", shown(key)));
                return Ok(ControlFlow::Continue(()));
            };
            match Record::decode(Bytes::copy_from_slice(value)) {
                Ok(Some(record)) if record.mod_revision == at => self.record("past", &user_key, &record, None)?,
                Ok(None) if Record::mod_revision_of(value)? == at => {}
                Ok(_) => self.fault("past", format!("{} at {at} holds another revision", shown(&user_key))),
                Err(error) => self.fault("past", format!("{} at {at}: {error}", shown(&user_key))),
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// One record by itself; `lease` where it has to be known under one.
    fn record(&mut self, family: &str, key: &[u8], record: &Record, lease: Option<i64>) -> Result<(), StoreError> {
        let Record { create_revision, mod_revision, version, .. } = *record;
        if create_revision > mod_revision || mod_revision > self.found.revision || create_revision < 1 || version < 1 {
            let numbers = format!("created {create_revision}, modified {mod_revision}, version {version}");
            self.fault(family, format!("{} has numbers that cannot be: {numbers}", shown(key)));
        }
        if let Some(id) = lease.filter(|id| *id != 0)
            && self.view.get(Family::Lease, &lease_attachment(id, key))?.is_none()
        {
            self.fault("lease", format!("{} is not known to be under its lease {id:016x}", shown(key)));
        }
        if record.value.is_sealed() {
            self.sealed(family, key, &record.value);
        } else if self.is_out_of_place(family, key, record)? {
            let what = "lies in plain text though everything under its prefix was sealed: Strongroom has not put it there; delete it";
            self.fault(family, format!("{} {what}", shown(key)));
        }
        Ok(())
    }

    /// Whether it is in plain text, and under a prefix that is sealed whole. What a compaction removes was left as it is.
    fn is_out_of_place(&self, family: &str, key: &[u8], record: &Record) -> Result<bool, StoreError> {
        let rule = self.settled_rules.iter().find(|rule| key.starts_with(&rule.prefix));
        if record.value.bytes().is_empty() || rule.is_none_or(|rule| !rule.sealed) {
            return Ok(false);
        }
        let compacted = self.found.compacted;
        Ok(family == "live" || kept::keeps_record(self.view, compacted, key, record.mod_revision)?)
    }

    fn sealed(&mut self, family: &str, key: &[u8], value: &Sealed) {
        let Some(id) = value.key_id() else { return };
        self.found.sealed += 1;
        match self.data_keys.get(&id).map(DataKeyRecord::is_kept) {
            Some(true) => {}
            Some(false) => {
                return self.fault(family, format!("{} is sealed with data key {id}, destroyed", shown(key)));
            }
            None => {
                return self.fault(family, format!("{} is sealed with data key {id}, which is missing", shown(key)));
            }
        }
        match self.opens.map(|open| open(key, value.clone())) {
            Some(Ok(())) => self.found.opened += 1,
            Some(Err(error)) => self.fault(family, format!("{}: {error}", shown(key))),
            None => {}
        }
    }

    /// Every event has left its record where it belongs, and what it superseded is there until it is swept.
    fn events(&mut self) -> Result<(), StoreError> {
        let (view, swept) = (self.view, read::meta_number(self.view, meta::SWEPT)?.unwrap_or(0));
        view.scan(Family::Events, &[], None, &mut |key, value| {
            self.found.events += 1;
            let (Ok((revision, sub)), Ok(change)) = (event_revision(key), Change::decode(value)) else {
                self.fault("events", format!("{} is no event", shown(key)));
                return Ok(ControlFlow::Continue(()));
            };
            let name = shown(&change.key);
            if revision > self.found.revision {
                self.fault("events", format!("{name} at {revision}.{sub} is newer than the newest revision"));
            }
            if change.replaced.is_none() && revision > swept && !self.has_left(&change, revision)? {
                self.fault("events", format!("{name} at {revision}.{sub} has left no record"));
            }
            let superseded = (change.superseded != 0).then(|| past_key(&change.key, change.superseded));
            if let Some(superseded) = superseded.filter(|_| revision > swept)
                && view.get(Family::Past, &superseded)?.is_none()
            {
                let what =
                    format!("the record of {name} at {} that {revision}.{sub} superseded is gone", change.superseded);
                self.fault("events", what);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn has_left(&self, change: &Change, revision: i64) -> Result<bool, StoreError> {
        let past = self.view.get(Family::Past, &past_key(&change.key, revision))?;
        if change.kind == EventKind::Delete {
            return Ok(past.is_some_and(|bytes| Record::is_tombstone(&bytes)));
        }
        let live =
            self.view.get(Family::Live, &change.key)?.map(|bytes| Record::mod_revision_of(&bytes)).transpose()?;
        Ok(live == Some(revision) || past.is_some_and(|bytes| !Record::is_tombstone(&bytes)))
    }

    fn leases(&mut self) -> Result<(), StoreError> {
        let known: BTreeSet<i64> = lease::all(self.view)?.iter().map(|lease| lease.id).collect();
        self.found.leases = known.len() as u64;
        let (view, head) = (self.view, lease_key(0).len());
        view.scan(Family::Lease, b"K", Some(b"L"), &mut |at, _| {
            let Some(key) = at.get(head..) else {
                self.fault("lease", format!("{} is no key under a lease", shown(at)));
                return Ok(ControlFlow::Continue(()));
            };
            let id = number(at, 1);
            if !known.contains(&id) {
                self.fault("lease", format!("{} is under lease {id:016x}, which is missing", shown(key)));
            }
            let live = view.get(Family::Live, key)?.map(Record::decode).transpose()?.flatten();
            if live.is_none_or(|record| record.lease != id) {
                self.fault("lease", format!("{} is said to be under lease {id:016x} and is not", shown(key)));
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// A key, fit to be printed.
fn shown(key: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(key))
}
