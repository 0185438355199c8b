//! Writes of one apply batch, staged in memory over the database until they are committed at once.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use bytes::Bytes;
use rocksdb::{DB, WriteBatch};

use crate::{
    StoreError,
    alarm::Blocked,
    counts,
    db::{self, family_handle, scan_database},
    family::Family,
    index,
    layout::Record,
    read::{self, Read, Visit, meta},
    usage::{Growth, PrefixUsage},
};

/// The state as the batch sees it: what is staged, over what is stored.
pub(crate) struct Stage<'a> {
    database: &'a DB,
    /// Of each family; `None` marks a deletion.
    writes: [BTreeMap<Bytes, Option<Bytes>>; Family::ALL.len()],
    /// What was read of `meta`: every command asks for the same few numbers, which only a batch changes.
    stored_meta: RefCell<BTreeMap<Bytes, Option<Bytes>>>,
    /// What alarms keep from being applied, once it was looked up.
    pub(crate) blocked: Option<Blocked>,
    /// What it changes about prefixes that are counted.
    growth: Growth,
    /// Keys that it makes (1) or removes (-1), or does both to (0).
    keys: BTreeMap<Bytes, i64>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(database: &'a DB) -> Self {
        let (writes, stored_meta) = Default::default();
        Self { database, writes, stored_meta, blocked: None, growth: Growth::default(), keys: BTreeMap::new() }
    }

    /// One that counts what it changes.
    pub(crate) fn counting(database: &'a DB, counted: Arc<Vec<PrefixUsage>>) -> Self {
        Self { growth: Growth::of(counted), ..Self::new(database) }
    }

    /// Puts or removes the newest record of a key, of which this one is known to be there.
    pub(crate) fn set_live(&mut self, key: &Bytes, before: Option<&Record>, after: Option<&Record>) {
        self.growth.count(key, before, after);
        let appeared = i64::from(after.is_some()) - i64::from(before.is_some());
        if appeared != 0 {
            *self.keys.entry(key.clone()).or_default() += appeared;
        }
        let written = |record: Option<&Record>| record.map(|record| record.mod_revision);
        if written(before) != written(after) {
            self.set(Family::Index, key.clone(), written(after).map(index::entry));
        }
        self.set(Family::Live, key.clone(), after.map(Record::encode));
    }

    pub(crate) fn put(&mut self, family: Family, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.set(family, key.into(), Some(value.into()));
    }

    pub(crate) fn delete(&mut self, family: Family, key: impl Into<Bytes>) {
        self.set(family, key.into(), None);
    }

    fn set(&mut self, family: Family, key: Bytes, value: Option<Bytes>) {
        self.writes[family as usize].insert(key, value);
    }

    pub(crate) fn put_number(&mut self, key: &'static [u8], value: i64) {
        self.put(Family::Meta, key, Bytes::copy_from_slice(&value.to_be_bytes()));
    }

    /// Raises the policy epoch and returns the new one.
    pub(crate) fn raise_policy_epoch(&mut self) -> Result<u64, StoreError> {
        let epoch = read::policy_epoch(self)? + 1;
        self.put_number(meta::POLICY_EPOCH, epoch.cast_signed());
        Ok(epoch)
    }

    /// Writes everything in one batch.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let changed = counts::change(self.database, &self.keys)?;
        changed.iter().for_each(|stretch| stretch.put(self.database, &mut batch));
        let half = self.writes.iter().map(BTreeMap::len).sum::<usize>() / 2;
        let writes = Family::ALL.into_iter().zip(&self.writes).flat_map(|(family, writes)| {
            let handle = family_handle(self.database, family);
            writes.iter().map(move |(key, value)| (handle, key, value))
        });
        for (staged, (handle, key, value)) in writes.enumerate() {
            if staged == half && failpoint::planted("torn-apply") {
                db::write(self.database, std::mem::take(&mut batch))?;
                failpoint::reached("apply.torn");
            }
            match value {
                Some(value) => batch.put_cf(handle, key, value),
                None => batch.delete_cf(handle, key),
            }
        }
        db::write(self.database, batch)?;
        self.growth.settle();
        counts::divide(self.database, &changed)
    }

    /// The staged writes of a family within bounds, in order.
    fn staged(&self, family: Family, from: &[u8], to: Option<&[u8]>) -> impl Iterator<Item = (&Bytes, Option<&Bytes>)> {
        let to = to.map(Bytes::copy_from_slice);
        self.writes[family as usize]
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(key, _)| to.as_ref().is_none_or(|to| *key < to))
            .map(|(key, value)| (key, value.as_ref()))
    }
}

impl Read for Stage<'_> {
    fn count(&self, from: &[u8], to: Option<&[u8]>) -> Result<u64, StoreError> {
        // Fences are changed at its commit.
        if self.keys.is_empty() { counts::sum(self, from, to) } else { counts::walk(self, from, to) }
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(staged) = self.writes[family as usize].get(key) {
            return Ok(staged.clone());
        }
        let stored = || Ok(self.database.get_cf(family_handle(self.database, family), key)?.map(Bytes::from));
        if family != Family::Meta {
            return stored();
        }
        if let Some(known) = self.stored_meta.borrow().get(key) {
            return Ok(known.clone());
        }
        let found = stored()?;
        self.stored_meta.borrow_mut().insert(Bytes::copy_from_slice(key), found.clone());
        Ok(found)
    }

    fn scan(&self, family: Family, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut staged = self.staged(family, from, to).peekable();
        let mut stopped = false;
        let iterator = self.database.raw_iterator_cf(family_handle(self.database, family));
        scan_database(iterator, from, to, &mut |key, value| {
            // Staged entries that come before this one, then the staged one in its place.
            while let Some((at, entry)) = staged.next_if(|(at, _)| at.as_ref() < key) {
                if let Some(entry) = entry
                    && visit(at, entry)?.is_break()
                {
                    stopped = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            let flow = match staged.next_if(|(at, _)| at.as_ref() == key) {
                Some((_, None)) => ControlFlow::Continue(()),
                Some((at, Some(entry))) => visit(at, entry)?,
                None => visit(key, value)?,
            };
            stopped = flow.is_break();
            Ok(flow)
        })?;
        while !stopped && let Some((at, entry)) = staged.next() {
            if let Some(entry) = entry {
                stopped = visit(at, entry)?.is_break();
            }
        }
        Ok(())
    }
}
