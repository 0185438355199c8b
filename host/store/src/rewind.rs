//! A state that becomes what it was at an earlier revision.

use std::{collections::BTreeSet, ops::ControlFlow};

use bytes::Bytes;
use rocksdb::DB;

use crate::{
    LeaseRecord, ReadError, Refusal, Store, StoreError, View,
    db::POISONED,
    family::Family,
    layout::{Change, Record, event_key, past_key, past_prefix, prefix_end, split_past_key},
    lease,
    range::{self, check_within},
    read::{self, Read as _, meta},
    stage::Stage,
};

/// Events that are taken back in one batch.
const EVENTS_MAX: usize = 1000;

/// Time to live of a lease that a key was under at the revision and that has ended since: what it was granted is not known any more.
/// Long enough to be looked at, and renewed by whoever it is of.
const LEASE_TTL_SECONDS: i64 = 3600;

/// What was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewound {
    /// Events.
    pub events: u64,
    /// Leases that had ended since, and are there again because a key was under them.
    pub leases: u64,
}

impl Store {
    /// Makes the key space what it was at `revision`: every key with its revisions, version and lease, and history up to there. What
    /// has no revision stays as it is: users, roles, plugins, what is sealed, and leases that were granted since. Nobody may use the
    /// state meanwhile; it is durable only once it is flushed.
    ///
    /// # Errors
    /// A compacted or future revision, or the disk. After an error of the disk the state is good for nothing.
    pub fn rewind(&self, revision: i64) -> Result<Rewound, ReadError> {
        let _writer = self.shared.writer.lock().expect(POISONED);
        self.with_database(|database| {
            let view = View::uncached(database);
            let newest = read::revision(&view)?;
            if revision < 1 {
                return Err(Refusal::Compacted.into());
            }
            check_within(&view, revision, newest)?;
            let mut rewound = Rewound::default();
            while rewind_some(database, revision, &mut rewound)? {}
            let mut stage = Stage::new(database);
            stage.put_number(meta::REVISION, revision);
            stage.commit()?;
            Ok(rewound)
        })
    }
}

/// Takes back the first events behind the revision, with everything that was done to their keys since. Returns whether there were any.
fn rewind_some(database: &DB, revision: i64, rewound: &mut Rewound) -> Result<bool, StoreError> {
    let view = View::uncached(database);
    let mut stage = Stage::new(database);
    let (mut keys, mut events) = (BTreeSet::new(), 0);
    view.scan(Family::Events, &event_key(revision.saturating_add(1), 0), None, &mut |at, value| {
        keys.insert(Change::decode(value)?.key);
        stage.delete(Family::Events, Bytes::copy_from_slice(at));
        events += 1;
        Ok(if events < EVENTS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    for key in &keys {
        rewound.leases += u64::from(rewind_key(&mut stage, key, revision)?);
    }
    stage.commit()?;
    rewound.events += events as u64;
    Ok(events > 0)
}

/// Puts the record of the revision in the place of the newest one. Returns whether its lease was made again. Of a key that this was
/// done to already, nothing changes.
fn rewind_key(stage: &mut Stage<'_>, key: &Bytes, revision: i64) -> Result<bool, StoreError> {
    let newest = range::live(stage, key)?;
    if newest.as_ref().is_some_and(|newest| newest.mod_revision <= revision) {
        return Ok(false);
    }
    let (mut newer, mut then) = (Vec::new(), None);
    let prefix = past_prefix(key);
    stage.scan(Family::Past, &prefix, prefix_end(&prefix).as_deref(), &mut |at, value| {
        if split_past_key(at)?.1 > revision {
            newer.push(Bytes::copy_from_slice(at));
            return Ok(ControlFlow::Continue(()));
        }
        then = Record::decode(Bytes::copy_from_slice(value))?;
        Ok(ControlFlow::Break(()))
    })?;
    newer.into_iter().for_each(|at| stage.delete(Family::Past, at));
    let lease = then.as_ref().map_or(0, |then| then.lease);
    lease::move_key(stage, key, newest.as_ref().map_or(0, |newest| newest.lease), lease);
    if let Some(then) = &then {
        stage.delete(Family::Past, past_key(key, then.mod_revision));
    }
    stage.set_live(key, newest.as_ref(), then.as_ref());
    if lease == 0 || lease::find(stage, lease)?.is_some() {
        return Ok(false);
    }
    lease::put(stage, LeaseRecord { id: lease, ttl_seconds: LEASE_TTL_SECONDS, remaining_seconds: 0 });
    Ok(true)
}
