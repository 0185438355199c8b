//! The family `counts`: how many live keys lie between some of them, so that a count looks at few of many.
//!
//! An entry, a *fence*, has a key and says how many live keys there are from there up to the next fence. The first fence is the
//! empty key. What lies between two fences is at most [`KEYS_MAX`] keys: a count adds up whole stretches and walks through what
//! is left at both ends. Fences are changed in the batch that makes or removes a key, so every view of the state has right ones.

use std::{collections::BTreeMap, ops::ControlFlow};

use bytes::Bytes;
use rocksdb::{DB, DBRawIterator, WriteBatch};

use crate::{
    StoreError, View,
    db::{self, family_handle, scan_database},
    family::Family,
    layout::number,
    read::Read,
};

/// Most keys between two fences; where there are more, fences are set. Few in tests, which have few keys.
const KEYS_MAX: u64 = if cfg!(test) { 4 } else { 1024 };

/// Keys between two fences that were just set.
const KEYS_SET: u64 = KEYS_MAX / 2;

/// The keys from one fence to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    fence: Bytes,
    /// The next fence; none for the last stretch.
    next: Option<Bytes>,
    keys: i64,
}

/// Counts the live keys of `[from, to)` as the fences of a consistent view tell.
pub(crate) fn sum(read: &dyn Read, from: &[u8], to: Option<&[u8]>) -> Result<u64, StoreError> {
    let mut ends: Option<(Vec<u8>, Vec<u8>)> = None;
    let (mut within, mut last) = (0, 0);
    read.scan(Family::Counts, from, to, &mut |fence, keys| {
        within += last;
        last = keys_of(keys)?.unsigned_abs();
        match &mut ends {
            Some((_, last)) => fence.clone_into(last),
            None => ends = Some((fence.to_vec(), fence.to_vec())),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let Some((first_fence, last_fence)) = ends else { return walk(read, from, to) };
    let behind = if to.is_none() { last } else { walk(read, &last_fence, to)? };
    Ok(walk(read, from, Some(&first_fence))? + within + behind)
}

/// Counts the live keys of `[from, to)` one by one.
pub(crate) fn walk(read: &dyn Read, from: &[u8], to: Option<&[u8]>) -> Result<u64, StoreError> {
    let mut keys = 0;
    read.scan(Family::Index, from, to, &mut |_, _| {
        keys += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(keys)
}

/// The stretches in which keys are made (1) or removed (-1), with the numbers of keys that they will have.
pub(crate) fn change(database: &DB, keys: &BTreeMap<Bytes, i64>) -> Result<Vec<Stretch>, StoreError> {
    let mut changed: Vec<Stretch> = Vec::new();
    let mut fences = None;
    for (key, by) in keys.iter().filter(|(_, by)| **by != 0) {
        match changed.last_mut().filter(|last| last.next.as_ref().is_none_or(|next| key < next)) {
            Some(last) => last.keys += by,
            None => {
                let fences =
                    fences.get_or_insert_with(|| database.raw_iterator_cf(family_handle(database, Family::Counts)));
                let mut stretch = stretch_of(fences, key)?;
                stretch.keys += by;
                changed.push(stretch);
            }
        }
    }
    Ok(changed)
}

fn stretch_of(fences: &mut DBRawIterator<'_>, key: &[u8]) -> Result<Stretch, StoreError> {
    fences.seek_for_prev(key);
    let found = fences.item().map(|(fence, keys)| Ok::<_, StoreError>((Bytes::copy_from_slice(fence), keys_of(keys)?)));
    let (fence, keys) = match found.transpose()? {
        Some(found) => {
            fences.next();
            found
        }
        // There is no fence yet.
        None => {
            fences.status()?;
            fences.seek_to_first();
            (Bytes::new(), 0)
        }
    };
    let next = fences.key().map(Bytes::copy_from_slice);
    fences.status()?;
    Ok(Stretch { fence, next, keys })
}

impl Stretch {
    /// Notes its number. The fence of a stretch without a key goes: what is made there later counts to the stretch before it.
    pub(crate) fn put(&self, database: &DB, batch: &mut WriteBatch) {
        let counts = family_handle(database, Family::Counts);
        if self.keys <= 0 && !self.fence.is_empty() {
            batch.delete_cf(counts, &self.fence);
        } else {
            batch.put_cf(counts, &self.fence, self.keys.max(0).to_be_bytes());
        }
    }

    fn is_long(&self) -> bool {
        self.keys.unsigned_abs() > KEYS_MAX
    }
}

/// Sets fences in the stretches that have become long. Nobody else writes meanwhile; who reads sees all of them or none.
pub(crate) fn divide(database: &DB, changed: &[Stretch]) -> Result<(), StoreError> {
    changed.iter().filter(|stretch| stretch.is_long()).try_for_each(|stretch| {
        let mut batch = WriteBatch::default();
        let mut setter = Setter::new(database, stretch.fence.clone());
        let index = database.raw_iterator_cf(family_handle(database, Family::Index));
        scan_database(index, &stretch.fence, stretch.next.as_deref(), &mut |key, _| {
            setter.pass(key, &mut batch);
            Ok(ControlFlow::Continue(()))
        })?;
        setter.end(&mut batch);
        db::write(database, batch)
    })
}

/// Sets fences along keys that it is shown in order.
pub(crate) struct Setter<'d> {
    database: &'d DB,
    stretch: Stretch,
}

impl<'d> Setter<'d> {
    pub(crate) fn new(database: &'d DB, fence: Bytes) -> Self {
        Self { database, stretch: Stretch { fence, next: None, keys: 0 } }
    }

    pub(crate) fn pass(&mut self, key: &[u8], batch: &mut WriteBatch) {
        if self.stretch.keys.unsigned_abs() >= KEYS_SET {
            self.stretch.put(self.database, batch);
            self.stretch = Stretch { fence: Bytes::copy_from_slice(key), next: None, keys: 0 };
        }
        self.stretch.keys += 1;
    }

    pub(crate) fn end(self, batch: &mut WriteBatch) {
        self.stretch.put(self.database, batch);
    }
}

/// Compares each fence with the keys themselves: what is wrong.
pub(crate) fn check(view: &View<'_>, fault: &mut dyn FnMut(&[u8], i64, u64)) -> Result<(), StoreError> {
    let mut stretches: Vec<(Vec<u8>, i64)> = Vec::new();
    view.scan(Family::Counts, &[], None, &mut |fence, keys| {
        stretches.push((fence.to_vec(), keys_of(keys)?));
        Ok(ControlFlow::Continue(()))
    })?;
    if stretches.first().is_none_or(|(first, _)| !first.is_empty()) {
        stretches.insert(0, (Vec::new(), 0));
    }
    for (at, (fence, keys)) in stretches.iter().enumerate() {
        let next = stretches.get(at + 1).map(|(next, _)| next.as_slice());
        let found = walk(view, fence, next)?;
        if u64::try_from(*keys) != Ok(found) {
            fault(fence, *keys, found);
        }
    }
    Ok(())
}

fn keys_of(entry: &[u8]) -> Result<i64, StoreError> {
    if entry.len() != 8 {
        return Err(StoreError::damaged("a number of keys has the wrong length"));
    }
    Ok(number(entry, 0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use seal::Sealed;

    use super::*;
    use crate::{Store, layout::Record, range, stage::Stage};

    /// Keys of one byte or none, each put or deleted.
    type Batch = Vec<(Option<u8>, bool)>;

    fn key(byte: Option<u8>) -> Bytes {
        byte.map_or_else(Bytes::new, |byte| Bytes::copy_from_slice(&[byte]))
    }

    fn apply(database: &DB, batch: &Batch) {
        let mut stage = Stage::new(database);
        for (byte, puts) in batch {
            let (key, value) = (key(*byte), Sealed::empty());
            let before = range::live(&stage, &key).unwrap();
            let record = Record { create_revision: 1, mod_revision: 1, version: 1, lease: 0, value };
            stage.set_live(&key, before.as_ref(), puts.then_some(&record));
        }
        stage.commit().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_range_counts_what_is_in_it(
            batches in proptest::collection::vec(proptest::collection::vec(any::<(Option<u8>, bool)>(), 0..60), 1..8),
            ranges in proptest::collection::vec(any::<(Option<u8>, Option<u8>)>(), 1..20),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let mut keys = BTreeSet::new();
            for batch in &batches {
                for (byte, puts) in batch {
                    if *puts { keys.insert(key(*byte)); } else { keys.remove(&key(*byte)); }
                }
                store.with_database(|database| { apply(database, batch); Ok::<_, StoreError>(()) }).unwrap();
                for (from, to) in &ranges {
                    let (from, to) = (key(*from), to.map(|to| key(Some(to))));
                    let expected = keys.iter().filter(|key| **key >= from && to.as_ref().is_none_or(|to| *key < to)).count();
                    let counted = store.view(|view| view.count(&from, to.as_deref())).unwrap();
                    prop_assert_eq!(counted, expected as u64, "from {:?} to {:?}", from, to);
                }
                store.view(|view| check(view, &mut |fence, said, found| panic!("{fence:?}: {said}, not {found}"))).unwrap();
            }
            let fences = store.view(|view| {
                let mut fences = 0;
                view.scan(Family::Counts, &[], None, &mut |_, _| { fences += 1; Ok(ControlFlow::Continue(())) })?;
                Ok::<_, StoreError>(fences)
            }).unwrap();
            prop_assert!(fences <= keys.len() + 1 && fences * 4 >= keys.len(), "{} fences, {} keys", fences, keys.len());
        }
    }
}
