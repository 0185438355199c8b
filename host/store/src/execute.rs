//! Carrying out one client write at one revision, as etcd's `apply` does.

use std::ops::ControlFlow;

use bytes::Bytes;
use seal::Sealed;
use types::{Event, EventKind, KeyRange, KeyValue, OpOutcome, RangeQuery, TxnOutcome};

use crate::{
    ReadError, Refusal, StoreError,
    command::{DeleteRange, Op, OpKind, Put},
    compare,
    family::Family,
    history::deleted,
    layout::{Change, Record, event_key, past_key, tombstone},
    lease, range,
    read::{self, Read as _, meta},
    stage::Stage,
};

/// One write under way: everything it changes gets the same main revision, and sub-revisions in order.
pub(crate) struct Execution<'s, 'd> {
    stage: &'s mut Stage<'d>,
    revision: i64,
    events: Vec<Event<Sealed>>,
    /// Whether it has deleted anything yet.
    deletes: bool,
}

impl<'s, 'd> Execution<'s, 'd> {
    pub(crate) fn new(stage: &'s mut Stage<'d>) -> Result<Self, StoreError> {
        let revision = read::revision(stage)? + 1;
        Ok(Self::at(stage, revision))
    }

    /// One at a given revision, which is newer than all before.
    pub(crate) fn at(stage: &'s mut Stage<'d>, revision: i64) -> Self {
        Self { stage, revision, events: Vec::new(), deletes: false }
    }

    /// Deletes one key if it is there.
    pub(crate) fn delete_key(&mut self, key: Bytes) -> Result<(), StoreError> {
        if let Some(record) = range::live(self.stage, &key)? {
            self.delete(key, &record)?;
        }
        Ok(())
    }

    /// The events of this write, in order.
    pub(crate) fn into_events(self) -> Vec<Event<Sealed>> {
        self.events
    }

    /// Carries out an operation. Everything that can be refused is refused before the first change.
    pub(crate) fn run(&mut self, op: &Op) -> Result<OpOutcome<Sealed>, ReadError> {
        let path = compare::path(self.stage, op)?;
        self.check(op, &mut path.iter().copied())?;
        self.carry_out(op, &mut path.into_iter())
    }

    fn check(&self, op: &Op, path: &mut impl Iterator<Item = bool>) -> Result<(), ReadError> {
        match kind(op)? {
            OpKind::Put(put) => self.check_put(put),
            OpKind::DeleteRange(_) => Ok(()),
            OpKind::Range(query) => range::check_within(self.stage, query.revision, self.revision - 1),
            OpKind::Txn(txn) => {
                let branch = compare::taken(txn, path)?.1;
                branch.iter().try_for_each(|op| self.check(op, path))
            }
        }
    }

    fn check_put(&self, put: &Put) -> Result<(), ReadError> {
        if !put.keep_lease && put.lease != 0 && lease::find(self.stage, put.lease)?.is_none() {
            return Err(Refusal::LeaseNotFound.into());
        }
        let keeps = put.value.is_none() || put.keep_lease;
        if keeps && range::live(self.stage, &put.key)?.is_none() {
            return Err(Refusal::KeyNotFound.into());
        }
        Ok(())
    }

    fn carry_out(&mut self, op: &Op, path: &mut impl Iterator<Item = bool>) -> Result<OpOutcome<Sealed>, ReadError> {
        Ok(match kind(op)? {
            OpKind::Put(put) => OpOutcome::Put { prev: self.put(put)?.filter(|_| put.prev_kv) },
            OpKind::DeleteRange(delete) => self.delete_range(delete)?,
            OpKind::Range(query) => OpOutcome::Range(range::range(self.stage, &RangeQuery::from(query))?),
            OpKind::Txn(txn) => {
                let (succeeded, branch) = compare::taken(txn, path)?;
                let mut responses = Vec::with_capacity(branch.len());
                for op in branch {
                    responses.push(self.carry_out(op, path)?);
                }
                OpOutcome::Txn(TxnOutcome { succeeded, responses })
            }
        })
    }

    fn put(&mut self, put: &Put) -> Result<Option<KeyValue<Sealed>>, StoreError> {
        let before = range::live(self.stage, &put.key)?;
        let record = self.next_record(put, before.as_ref())?;
        self.replace(&put.key, before.as_ref(), record)?;
        Ok(before.map(|before| before.into_key_value(put.key.clone())))
    }

    /// Puts a key as it is said to be at this revision.
    pub(crate) fn put_record(&mut self, key: &Bytes, record: Record) -> Result<(), StoreError> {
        let before = range::live(self.stage, key)?;
        self.replace(key, before.as_ref(), record)
    }

    fn replace(&mut self, key: &Bytes, before: Option<&Record>, record: Record) -> Result<(), StoreError> {
        lease::move_key(self.stage, key, before.map_or(0, |before| before.lease), record.lease);
        let superseded = self.retire(key, before)?;
        self.stage.set_live(key, before, Some(&record));
        self.record_event(EventKind::Put, record.into_key_value(key.clone()), superseded);
        Ok(())
    }

    fn next_record(&self, put: &Put, before: Option<&Record>) -> Result<Record, StoreError> {
        let kept = || StoreError::damaged("a put that keeps what is not there passed its check");
        let value = match &put.value {
            Some(value) => Sealed::try_from(value)?,
            None => before.ok_or_else(kept)?.value.clone(),
        };
        let lease = if put.keep_lease { before.ok_or_else(kept)?.lease } else { put.lease };
        Ok(Record {
            create_revision: before.map_or(self.revision, |before| before.create_revision),
            mod_revision: self.revision,
            version: before.map_or(1, |before| before.version + 1),
            lease,
            value,
        })
    }

    fn delete_range(&mut self, delete: &DeleteRange) -> Result<OpOutcome<Sealed>, StoreError> {
        let range = KeyRange::from(&delete.keys.clone().unwrap_or_default());
        let mut doomed = Vec::new();
        range::for_each_live(self.stage, &range, &mut |key, record| {
            doomed.push((key, record));
            Ok(ControlFlow::Continue(()))
        })?;
        let mut prevs = Vec::new();
        let deleted = i64::try_from(doomed.len()).unwrap_or(i64::MAX);
        for (key, record) in doomed {
            let prev = delete.prev_kv.then(|| record.clone().into_key_value(key.clone()));
            prevs.extend(prev);
            self.delete(key, &record)?;
        }
        Ok(OpOutcome::DeleteRange { deleted, prevs })
    }

    fn delete(&mut self, key: Bytes, record: &Record) -> Result<(), StoreError> {
        lease::move_key(self.stage, &key, record.lease, 0);
        let superseded = self.retire(&key, Some(record))?;
        self.stage.set_live(&key, Some(record), None);
        self.stage.put(Family::Past, past_key(&key, self.revision), tombstone(self.revision));
        self.deletes = true;
        self.record_event(EventKind::Delete, deleted(key, self.revision), superseded);
        Ok(())
    }

    /// Moves the record that is superseded out of the way of reads at the newest revision, and gives what watchers are
    /// told was there before.
    fn retire(&mut self, key: &Bytes, before: Option<&Record>) -> Result<Option<Record>, StoreError> {
        match before {
            Some(before) if before.mod_revision == self.revision => self.replace_own(key, before),
            Some(before) => {
                self.stage.put(Family::Past, past_key(key, before.mod_revision), before.encode());
                Ok(Some(before.clone()))
            }
            None => {
                self.undo_own_delete(key)?;
                Ok(None)
            }
        }
    }

    /// This write itself put the key: at its revision only the last change counts. As in etcd, watchers are told of each
    /// change, and of what was there before the first.
    fn replace_own(&mut self, key: &Bytes, own: &Record) -> Result<Option<Record>, StoreError> {
        let changes = self.own_changes(key)?;
        let superseded = changes.first().map_or(0, |(_, first)| first.superseded);
        self.mark_replaced(changes, own.encode());
        if superseded == 0 { Ok(None) } else { range::record_written_at(self.stage, key, superseded) }
    }

    /// This write itself may have deleted the key: its tombstone must not outlast what is now put.
    fn undo_own_delete(&mut self, key: &Bytes) -> Result<(), StoreError> {
        let tombstone = past_key(key, self.revision);
        if self.deletes && self.stage.get(Family::Past, &tombstone)?.is_some() {
            self.stage.delete(Family::Past, tombstone);
            let changes = self.own_changes(key)?;
            self.mark_replaced(changes, Bytes::new());
        }
        Ok(())
    }

    /// What this write did to a key so far. Only for a key that it changes again, which etcd's rules allow in few ways.
    fn own_changes(&self, key: &Bytes) -> Result<Vec<(Bytes, Change)>, StoreError> {
        let (from, to) = (event_key(self.revision, 0), event_key(self.revision + 1, 0));
        let mut found = Vec::new();
        self.stage.scan(Family::Events, &from, Some(&to), &mut |at, value| {
            let change = Change::decode(value)?;
            if change.key == *key {
                found.push((Bytes::copy_from_slice(at), change));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Keeps the record of the last of these changes with its event: at its own place something newer lies.
    fn mark_replaced(&mut self, mut changes: Vec<(Bytes, Change)>, record: Bytes) {
        if let Some((at, last)) = changes.pop() {
            let replaced = Change { replaced: Some(record), ..last };
            self.stage.put(Family::Events, at, replaced.encode());
        }
    }

    /// Notes the event for watchers and for the compaction, and raises the revision.
    fn record_event(&mut self, kind: EventKind, kv: KeyValue<Sealed>, before: Option<Record>) {
        let sub = u32::try_from(self.events.len()).expect("a write is far smaller than 2^32 changes");
        let superseded = before.as_ref().map_or(0, |before| before.mod_revision);
        let change = Change { kind, superseded, key: kv.key.clone(), replaced: None };
        self.stage.put(Family::Events, Bytes::copy_from_slice(&event_key(self.revision, sub)), change.encode());
        self.stage.put_number(meta::REVISION, self.revision);
        let prev = before.map(|before| before.into_key_value(kv.key.clone()));
        self.events.push(Event { kind, kv, prev });
    }
}

fn kind(op: &Op) -> Result<&OpKind, StoreError> {
    op.kind.as_ref().ok_or(StoreError::UnknownCommand)
}
