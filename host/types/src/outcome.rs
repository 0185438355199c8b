//! What an operation did, before it is encoded for the wire.
//!
//! `V` is the value: sealed as it comes out of the store, [`crate::Plain`] once opened for its reader.

use bytes::Bytes;

use crate::{RangeQuery, SortOrder, SortTarget};

/// A key with its value and its history in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue<V> {
    /// The key.
    pub key: Bytes,
    /// Revision of creation.
    pub create_revision: i64,
    /// Revision of the last write.
    pub mod_revision: i64,
    /// Writes since creation; 1 for a new key.
    pub version: i64,
    /// Attached lease, zero for none.
    pub lease: i64,
    /// The value.
    pub value: V,
}

/// The keys a range found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeOutcome<V> {
    /// The keys.
    pub kvs: Vec<KeyValue<V>>,
    /// How many keys lie in the range at that revision, before limit and filters.
    pub count: i64,
    /// Whether the limit cut some off.
    pub more: bool,
    /// Revision of the store when it was read.
    pub revision: i64,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOutcome<V> {
    /// Whether every compare held.
    pub succeeded: bool,
    /// One outcome for each operation of the branch taken.
    pub responses: Vec<OpOutcome<V>>,
}

/// What one operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpOutcome<V> {
    /// A range was read.
    Range(RangeOutcome<V>),
    /// A key was written.
    Put {
        /// What was there before, if asked for.
        prev: Option<KeyValue<V>>,
    },
    /// Keys were deleted.
    DeleteRange {
        /// How many.
        deleted: i64,
        /// What was there before, if asked for.
        prevs: Vec<KeyValue<V>>,
    },
    /// A transaction was done.
    Txn(TxnOutcome<V>),
}

impl<V> KeyValue<V> {
    /// The same key with its value put through `open`.
    ///
    /// # Errors
    /// Whatever `open` answers.
    pub fn try_map<W, E>(self, open: &mut impl FnMut(&Bytes, V) -> Result<W, E>) -> Result<KeyValue<W>, E> {
        let value = open(&self.key, self.value)?;
        Ok(KeyValue {
            key: self.key,
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
            value,
        })
    }
}

impl<V: AsRef<[u8]>> RangeOutcome<V> {
    /// Filters, sorts and cuts what was fetched, in etcd's order (`apply.Range` in etcd's server).
    pub fn arrange(&mut self, query: &RangeQuery) {
        self.kvs.retain(|kv| within(kv, query));
        sort(&mut self.kvs, query);
        if let Ok(limit) = usize::try_from(query.limit)
            && limit > 0
            && self.kvs.len() > limit
        {
            self.kvs.truncate(limit);
            self.more = true;
        }
    }
}

fn within<V>(kv: &KeyValue<V>, query: &RangeQuery) -> bool {
    let above = |bound: i64, actual: i64| bound == 0 || actual >= bound;
    let below = |bound: i64, actual: i64| bound == 0 || actual <= bound;
    above(query.min_mod_revision, kv.mod_revision)
        && below(query.max_mod_revision, kv.mod_revision)
        && above(query.min_create_revision, kv.create_revision)
        && below(query.max_create_revision, kv.create_revision)
}

/// Equal ones stay in the order of their keys, in both directions, as etcd leaves them.
fn sort<V: AsRef<[u8]>>(kvs: &mut [KeyValue<V>], query: &RangeQuery) {
    let compare = |one: &KeyValue<V>, other: &KeyValue<V>| match query.sort_target {
        SortTarget::Key => one.key.cmp(&other.key),
        SortTarget::Version => one.version.cmp(&other.version),
        SortTarget::Create => one.create_revision.cmp(&other.create_revision),
        SortTarget::Mod => one.mod_revision.cmp(&other.mod_revision),
        SortTarget::Value => one.value.as_ref().cmp(other.value.as_ref()),
    };
    match query.sort_order {
        SortOrder::Descend => kvs.sort_by(|one, other| compare(other, one)),
        // Keys come out of the store in ascending order.
        SortOrder::None | SortOrder::Ascend if query.sort_target == SortTarget::Key => {}
        SortOrder::None | SortOrder::Ascend => kvs.sort_by(compare),
    }
}
