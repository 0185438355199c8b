//! What happened since a revision, for watchers that are behind.

use std::{ops::ControlFlow, sync::Arc};

use seal::Sealed;
use types::{Event, EventKind, KeyValue};

use crate::{
    ReadError, Refusal, StoreError,
    family::Family,
    layout::{Change, Record, event_key, event_revision},
    range::record_written_at,
    read::{self, Read},
};

/// Everything that happened at one revision.
#[derive(Clone, Debug)]
pub struct RevisionEvents {
    /// The revision.
    pub revision: i64,
    /// Its events in order.
    pub events: Arc<[Event<Sealed>]>,
}

/// Which past events are wanted.
pub struct HistoryQuery<'a> {
    /// First revision.
    pub from: i64,
    /// Last revision.
    pub to: i64,
    /// Whether an event of this key at this revision is wanted; others are not read from disk.
    pub wants: &'a dyn Fn(&[u8], EventKind, i64) -> bool,
    /// Whether the records before are wanted too.
    pub prev_kv: bool,
    /// Most bytes of keys and values to gather; one whole revision is always given.
    pub bytes_max: usize,
    /// Most revisions with a wanted event to gather.
    pub revisions_max: usize,
    /// Most entries to look at, so that one answer stays short however little of it is wanted.
    pub entries_max: usize,
}

/// A stretch of history.
#[derive(Debug, Default)]
pub struct History {
    /// Revisions with at least one wanted event, in order.
    pub revisions: Vec<RevisionEvents>,
    /// Where to go on: everything before this revision has been looked at.
    pub next: i64,
}

pub(crate) fn history(read: &dyn Read, query: &HistoryQuery<'_>) -> Result<History, ReadError> {
    let compacted = read::compacted(read)?;
    if query.from < compacted {
        return Err(Refusal::Compacted.into());
    }
    let mut gathered =
        Gathered { query, compacted, history: History::default(), open: Vec::new(), at: query.from, bytes: 0 };
    let mut entries = 0_usize;
    let to = event_key(query.to.saturating_add(1), 0);
    let mut next = query.to.saturating_add(1);
    read.scan(Family::Events, &event_key(query.from, 0), Some(&to), &mut |key, value| {
        let (revision, _) = event_revision(key)?;
        if revision != gathered.at {
            gathered.close();
            gathered.at = revision;
            if gathered.is_full() || entries >= query.entries_max {
                next = revision;
                return Ok(ControlFlow::Break(()));
            }
        }
        entries += 1;
        gathered.take(read, revision, Change::decode(value)?)?;
        Ok(ControlFlow::Continue(()))
    })?;
    gathered.close();
    Ok(History { next, ..gathered.history })
}

struct Gathered<'q, 'w> {
    query: &'q HistoryQuery<'w>,
    compacted: i64,
    history: History,
    /// Events of the revision being read.
    open: Vec<Event<Sealed>>,
    at: i64,
    bytes: usize,
}

impl Gathered<'_, '_> {
    fn take(&mut self, read: &dyn Read, revision: i64, change: Change) -> Result<(), StoreError> {
        if !(self.query.wants)(&change.key, change.kind, revision) {
            return Ok(());
        }
        // What was there before the compacted revision is gone, whether or not it was swept away yet; etcd's rule.
        let prev_kv = self.query.prev_kv && revision > self.compacted;
        let event = event(read, revision, change, prev_kv)?;
        self.bytes += event.kv.key.len() + event.kv.value.bytes().len();
        self.open.push(event);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= self.query.bytes_max || self.history.revisions.len() >= self.query.revisions_max
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let events = std::mem::take(&mut self.open).into();
            self.history.revisions.push(RevisionEvents { revision: self.at, events });
        }
    }
}

fn event(read: &dyn Read, revision: i64, change: Change, prev_kv: bool) -> Result<Event<Sealed>, StoreError> {
    let kv = match change.kind {
        EventKind::Delete => deleted(change.key.clone(), revision),
        EventKind::Put => match change.replaced {
            Some(record) => Record::decode(record)?,
            None => record_written_at(read, &change.key, revision)?,
        }
        .ok_or_else(|| StoreError::damaged(format!("no record for the event at revision {revision}")))?
        .into_key_value(change.key.clone()),
    };
    let prev = match change.superseded {
        0 => None,
        at if prev_kv => record_written_at(read, &change.key, at)?.map(|record| record.into_key_value(change.key)),
        _ => None,
    };
    Ok(Event { kind: change.kind, kv, prev })
}

/// A deleted key as a watcher is shown it: only key and revision.
pub(crate) fn deleted(key: bytes::Bytes, revision: i64) -> KeyValue<Sealed> {
    KeyValue { key, create_revision: 0, mod_revision: revision, version: 0, lease: 0, value: Sealed::empty() }
}
