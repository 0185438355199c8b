//! Forgetting history: removes exactly what each event up to the compaction superseded.
//!
//! The compaction itself is one number in the log's order; the removal follows in the background, in small
//! batches, and never touches `live`. Its cost follows the number of revisions, not the number of keys.

use std::ops::ControlFlow;

use rocksdb::{DB, WriteBatch};
use types::EventKind;

use crate::{
    Store, StoreError, View,
    db::{self, family_handle},
    family::Family,
    layout::{Change, event_key, event_revision, past_key},
    read::{self, Read as _, meta},
};

/// Most events handled in one batch: keeps each batch short beside the writes that go on.
const SWEEP_EVENTS_MAX: usize = 250;

impl Store {
    /// Removes a bounded part of what the last compaction allows to remove.
    ///
    /// # Errors
    /// When the disk does.
    ///
    /// Returns whether there is more to do.
    pub fn sweep(&self) -> Result<bool, StoreError> {
        // As one: what was found in one state must not be removed from another that took its place.
        self.with_database(|database| {
            let view = View::new(database);
            let compacted = view.compacted()?;
            let swept = read::meta_number(&view, meta::SWEPT)?.unwrap_or(0);
            if swept >= compacted {
                return Ok(false);
            }
            let sweep = Sweep::collect(&view, swept, compacted)?;
            failpoint::reached("compaction.sweep");
            self.remove(database, &sweep)?;
            Ok(sweep.reached < compacted)
        })
    }

    fn remove(&self, database: &DB, sweep: &Sweep) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for key in &sweep.past {
            batch.delete_cf(family_handle(database, Family::Past), key);
        }
        for key in &sweep.events {
            batch.delete_cf(family_handle(database, Family::Events), key);
        }
        batch.put_cf(family_handle(database, Family::Meta), meta::SWEPT, sweep.reached.to_be_bytes());
        db::write(database, batch)?;
        self.shared.metrics.compacted_keys.inc_by(sweep.past.len() as u64);
        Ok(())
    }
}

/// What one batch removes.
struct Sweep {
    past: Vec<Vec<u8>>,
    events: Vec<Vec<u8>>,
    /// Every event up to this revision is done.
    reached: i64,
}

impl Sweep {
    fn collect(view: &View<'_>, swept: i64, compacted: i64) -> Result<Self, StoreError> {
        let mut sweep = Self { past: Vec::new(), events: Vec::new(), reached: compacted };
        let (from, to) = (event_key(swept, 0), event_key(compacted.saturating_add(1), 0));
        let mut last = swept;
        let mut seen = 0_usize;
        view.scan(Family::Events, &from, Some(&to), &mut |key, value| {
            let (revision, _) = event_revision(key)?;
            if seen >= SWEEP_EVENTS_MAX && revision != last {
                sweep.reached = last;
                return Ok(ControlFlow::Break(()));
            }
            seen += 1;
            last = revision;
            sweep.take(key, revision, compacted, &Change::decode(value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(sweep)
    }

    fn take(&mut self, key: &[u8], revision: i64, compacted: i64, change: &Change) {
        if change.superseded != 0 {
            self.past.push(past_key(&change.key, change.superseded));
        }
        if change.kind == EventKind::Delete && change.replaced.is_none() {
            self.past.push(past_key(&change.key, revision));
        }
        // A watch may still start at the compacted revision itself.
        if revision < compacted {
            self.events.push(key.to_vec());
        }
    }
}
