//! How much lies under some prefixes: counted once, and from then on as it is written.

use std::{ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use meters::IntGauge;
use rocksdb::DB;
use types::KeyRange;

use crate::{Store, StoreError, View, db::POISONED, family::Family, layout::Record, range, read::Read as _};

/// What lies under one prefix now: keys, and bytes of keys and values as they are stored. History is not counted.
#[derive(Clone, Debug)]
pub struct PrefixUsage {
    prefix: Bytes,
    keys: IntGauge,
    bytes: IntGauge,
}

impl PrefixUsage {
    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// Keys.
    #[must_use]
    pub fn keys(&self) -> i64 {
        self.keys.get()
    }

    /// Bytes of keys and values.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        self.bytes.get()
    }
}

/// Every prefix that is counted, and what a batch changes about each.
#[derive(Default)]
pub(crate) struct Growth {
    counted: Arc<Vec<PrefixUsage>>,
    /// Keys and bytes, by prefix.
    changes: Vec<(i64, i64)>,
}

impl Growth {
    pub(crate) fn of(counted: Arc<Vec<PrefixUsage>>) -> Self {
        let changes = vec![(0, 0); counted.len()];
        Self { counted, changes }
    }

    /// A key has another record now, or none.
    pub(crate) fn count(&mut self, key: &[u8], before: Option<&Record>, after: Option<&Record>) {
        for (usage, (keys, bytes)) in self.counted.iter().zip(&mut self.changes) {
            if key.starts_with(&usage.prefix) {
                *keys += i64::from(after.is_some()) - i64::from(before.is_some());
                *bytes += after.map_or(0, |record| size(key, record)) - before.map_or(0, |record| size(key, record));
            }
        }
    }

    /// The batch is in the state.
    pub(crate) fn settle(self) {
        for (usage, (keys, bytes)) in self.counted.iter().zip(self.changes) {
            usage.keys.add(keys);
            usage.bytes.add(bytes);
        }
    }
}

fn size(key: &[u8], record: &Record) -> i64 {
    i64::try_from(key.len() + record.value.bytes().len()).unwrap_or(i64::MAX)
}

impl Store {
    /// Counts what lies under these prefixes, which takes a walk over it, and goes on to count whatever is written there. What was
    /// counted before is not any more.
    ///
    /// # Errors
    /// When the disk does.
    pub fn count_prefixes(&self, prefixes: &[Bytes]) -> Result<Arc<Vec<PrefixUsage>>, StoreError> {
        let _writer = self.shared.writer.lock().expect(POISONED);
        let metrics = &self.shared.metrics;
        let counted: Vec<_> = prefixes
            .iter()
            .map(|prefix| {
                let label = String::from_utf8_lossy(prefix);
                let keys = metrics.prefix_keys.with_label_values(&[&*label]);
                PrefixUsage { prefix: prefix.clone(), keys, bytes: metrics.prefix_bytes.with_label_values(&[&*label]) }
            })
            .collect();
        self.with_database(|database| recount(database, &counted))?;
        let counted = Arc::new(counted);
        self.shared.counted.store(Arc::clone(&counted));
        Ok(counted)
    }

    /// A key's size as [`PrefixUsage`] counts it; `None` if it is not there.
    ///
    /// # Errors
    /// When the disk does.
    pub fn key_bytes(&self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        self.view(|view| Ok(range::live(view, key)?.map(|record| size(key, &record).unsigned_abs())))
    }
}

/// Counts from the beginning; nobody writes meanwhile.
pub(crate) fn recount(database: &DB, counted: &[PrefixUsage]) -> Result<(), StoreError> {
    let view = View::uncached(database);
    for usage in counted {
        let (mut keys, mut bytes) = (0, 0);
        let all = KeyRange::prefix(&usage.prefix);
        let Some((from, to)) = range::bounds(&all) else { continue };
        view.scan(Family::Live, from, to, &mut |key, value| {
            if let Some(record) = Record::decode(Bytes::copy_from_slice(value))? {
                keys += 1;
                bytes += size(key, &record);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        usage.keys.set(keys);
        usage.bytes.set(bytes);
    }
    Ok(())
}
