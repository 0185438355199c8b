//! The family `index`: in which revision each live key was last written, apart from its value, which may be long.
//!
//! [`Stage::set_live`](crate::stage::Stage::set_live) keeps it with `live`. A state of a version that had none gets it when it is
//! opened, with its [`counts`].

use std::ops::ControlFlow;

use bytes::Bytes;
use rocksdb::{DB, WriteBatch};

use crate::{
    StoreError, View, counts,
    db::{self, family_handle},
    family::Family,
    layout::{Record, number},
    read::{self, Read as _, meta},
};

/// Keys of one batch while it is made.
const BATCH_KEYS: usize = 10_000;

/// An entry of a key that was last written at `revision`.
pub(crate) fn entry(revision: i64) -> Bytes {
    Bytes::copy_from_slice(&revision.to_be_bytes())
}

/// The revision of an entry.
pub(crate) fn revision(entry: &[u8]) -> Result<i64, StoreError> {
    if entry.len() != 8 {
        return Err(StoreError::damaged("an entry of the index has the wrong length"));
    }
    Ok(number(entry, 0))
}

/// Whether the state has a whole index.
pub(crate) fn is_whole(view: &View<'_>) -> Result<bool, StoreError> {
    Ok(read::meta_number(view, meta::INDEXED)?.is_some())
}

/// Makes the index of a state that has none yet; nobody else uses it meanwhile. One that was broken off is begun again.
pub(crate) fn complete(database: &DB) -> Result<(), StoreError> {
    let view = View::uncached(database);
    if is_whole(&view)? {
        return Ok(());
    }
    let index = family_handle(database, Family::Index);
    let (mut batch, mut fences) = (WriteBatch::default(), counts::Setter::new(database, Bytes::new()));
    view.scan(Family::Live, &[], None, &mut |key, record| {
        batch.put_cf(index, key, Record::mod_revision_of(record)?.to_be_bytes());
        fences.pass(key, &mut batch);
        if batch.len() >= BATCH_KEYS {
            db::write(database, std::mem::take(&mut batch))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    fences.end(&mut batch);
    batch.put_cf(family_handle(database, Family::Meta), meta::INDEXED, 1_i64.to_be_bytes());
    // It is durable with the next flush, which is one of all families: the mark never without the entries.
    db::write(database, batch)
}

#[cfg(test)]
mod tests {
    use types::KeyRange;

    use super::*;
    use crate::{Store, checkpoint, db::open_database, range, stage::Stage};

    #[test]
    fn a_state_without_an_index_gets_one_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let key = |number: usize| Bytes::from(format!("key-{number:06}"));
        store
            .with_database(|database| {
                let mut stage = Stage::new(database);
                for number in 0..BATCH_KEYS + 5 {
                    let record = Record {
                        create_revision: 2,
                        mod_revision: 2 + i64::try_from(number).unwrap(),
                        version: 1,
                        lease: 0,
                        value: seal::Sealed::empty(),
                    };
                    stage.set_live(&key(number), None, Some(&record));
                }
                stage.commit()?;
                // As an earlier version left it.
                let mut batch = WriteBatch::default();
                for family in [Family::Index, Family::Counts] {
                    batch.delete_range_cf(family_handle(database, family), &b""[..], &b"\xff"[..]);
                }
                batch.delete_cf(family_handle(database, Family::Meta), meta::INDEXED);
                db::write(database, batch)
            })
            .unwrap();
        store.close().unwrap();
        let database = open_database(&dir.path().join(checkpoint::CURRENT)).unwrap();
        let view = View::new(&database);
        assert!(is_whole(&view).unwrap());
        let all = BATCH_KEYS as u64 + 5;
        assert_eq!(range::extent(&view, &KeyRange::prefix(b"key-")).unwrap(), (all, 1 + i64::try_from(all).unwrap()));
        assert_eq!(range::extent(&view, &KeyRange::single(key(3))).unwrap(), (1, 5));
        assert_eq!(view.count(b"", None).unwrap(), all);
        counts::check(&view, &mut |fence, _, _| panic!("{fence:?}")).unwrap();
    }
}
