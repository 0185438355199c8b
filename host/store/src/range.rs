//! Range reads at the newest and at older revisions.

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};
use seal::Sealed;
use types::{KeyRange, KeyValue, RangeEnd, RangeOutcome, RangeQuery};

use crate::{
    ReadError, Refusal, StoreError,
    family::Family,
    index,
    layout::{Record, past_prefix},
    older::{for_each_at, successor},
    read::{self, Read, Visit},
};

/// Refuses a revision that is not there yet or not there any more; zero or less is the newest.
pub(crate) fn check_revision(read: &dyn Read, revision: i64, newest: i64) -> Result<(), ReadError> {
    check_within(read, revision.max(0), newest)
}

/// The same for a range in a transaction, where as in etcd only zero is the newest.
pub(crate) fn check_within(read: &dyn Read, revision: i64, newest: i64) -> Result<(), ReadError> {
    if revision > newest {
        return Err(Refusal::FutureRevision.into());
    }
    if revision != 0 && revision < read::compacted(read)? {
        return Err(Refusal::Compacted.into());
    }
    Ok(())
}

/// Fetches the keys of a query, unsorted and at most its fetch limit; counts all of them.
pub(crate) fn range(read: &dyn Read, query: &RangeQuery) -> Result<RangeOutcome<Sealed>, ReadError> {
    let newest = read::revision(read)?;
    check_revision(read, query.revision, newest)?;
    let mut outcome = RangeOutcome { kvs: Vec::new(), count: 0, more: false, revision: newest };
    if query.revision > 0 && query.revision < newest {
        range_at(read, query, &mut outcome)?;
    } else {
        range_newest(read, query, &mut outcome)?;
    }
    Ok(outcome)
}

/// One key at the newest revision.
pub(crate) fn live(read: &dyn Read, key: &[u8]) -> Result<Option<Record>, StoreError> {
    match read.get(Family::Live, key)? {
        None => Ok(None),
        Some(bytes) => Record::decode(bytes),
    }
}

/// Calls `visit` with every key of the range at the newest revision.
pub(crate) fn for_each_live(
    read: &dyn Read,
    range: &KeyRange,
    visit: &mut dyn FnMut(Bytes, Record) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    for_each_stored(read, range, &mut |key, value| {
        visit(Bytes::copy_from_slice(key), live_record(Bytes::copy_from_slice(value))?)
    })
}

/// The same with records as they are stored, so that none is copied unasked.
fn for_each_stored(read: &dyn Read, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    for_each_entry(read, Family::Live, range, visit)
}

/// Every entry of a range in a family whose keys are user keys.
fn for_each_entry(read: &dyn Read, family: Family, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    if range.is_single() {
        if let Some(value) = read.get(family, &range.start)? {
            // It is the only one: there is nothing to break off.
            let _ = visit(&range.start, &value)?;
        }
        return Ok(());
    }
    let Some((from, to)) = bounds(range) else { return Ok(()) };
    read.scan(family, from, to, visit)
}

/// How many keys the range has at the newest revision, and in which revision one of them was last put; zero for none. No value
/// is read.
pub(crate) fn extent(read: &dyn Read, range: &KeyRange) -> Result<(u64, i64), StoreError> {
    let (mut count, mut newest) = (0, 0);
    for_each_entry(read, Family::Index, range, &mut |_, written| {
        count += 1;
        newest = newest.max(index::revision(written)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((count, newest))
}

fn count(read: &dyn Read, range: &KeyRange) -> Result<u64, StoreError> {
    if range.is_single() {
        return Ok(u64::from(read.get(Family::Index, &range.start)?.is_some()));
    }
    bounds(range).map_or(Ok(0), |(from, to)| read.count(from, to))
}

fn live_record(value: Bytes) -> Result<Record, StoreError> {
    Record::decode(value)?.ok_or_else(|| StoreError::damaged("a tombstone among the live keys"))
}

/// Copies of what an iterator shows, many in one allocation: a list would else make three for each key.
#[derive(Default)]
struct Copies {
    room: BytesMut,
    /// Bytes of the last allocation.
    allocated: usize,
}

impl Copies {
    const FIRST: usize = 1 << 10;
    const LARGEST: usize = 128 << 10;

    fn of(&mut self, bytes: &[u8]) -> Bytes {
        if self.room.capacity() < bytes.len() {
            self.allocated = (self.allocated * 4).clamp(Self::FIRST, Self::LARGEST);
            self.room = BytesMut::with_capacity(self.allocated.max(bytes.len()));
        }
        self.room.extend_from_slice(bytes);
        self.room.split().freeze()
    }
}

/// Past the limit keys are only counted: their values are not read.
fn range_newest(read: &dyn Read, query: &RangeQuery, outcome: &mut RangeOutcome<Sealed>) -> Result<(), StoreError> {
    let limit = if query.count_only { 0 } else { query.fetch_limit().unwrap_or(usize::MAX) };
    let (mut kvs, mut copies, mut fetched_all) = (Vec::new(), Copies::default(), limit > 0);
    if fetched_all {
        for_each_stored(read, &query.range, &mut |key, value| {
            fetched_all = kvs.len() < limit;
            if !fetched_all {
                return Ok(ControlFlow::Break(()));
            }
            let key = copies.of(key);
            kvs.push(live_record(copies.of(value))?.into_key_value(key));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    outcome.count = i64::try_from(kvs.len()).unwrap_or(i64::MAX);
    if !fetched_all {
        let start = kvs.last().map_or_else(|| query.range.start.clone(), |last| successor(&last.key).into());
        let rest = KeyRange { start, end: query.range.end.clone() };
        outcome.count += i64::try_from(count(read, &rest)?).unwrap_or(i64::MAX);
    }
    outcome.kvs = kvs;
    Ok(())
}

/// Only the values that are asked for are read: a client that pages through history wants a few of many.
fn range_at(read: &dyn Read, query: &RangeQuery, outcome: &mut RangeOutcome<Sealed>) -> Result<(), StoreError> {
    let limit = if query.count_only { 0 } else { query.fetch_limit().unwrap_or(usize::MAX) };
    for_each_at(read, &query.range, query.revision, &mut |key, written| {
        outcome.count += 1;
        if outcome.kvs.len() < limit {
            outcome.kvs.push(written_record(read, &key, written)?.into_key_value(key));
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn written_record(read: &dyn Read, key: &Bytes, written: i64) -> Result<Record, StoreError> {
    record_written_at(read, key, written)?.ok_or_else(|| StoreError::damaged("a record of history is missing"))
}

/// Bounds of one piece of a list.
#[derive(Clone, Copy, Debug)]
pub struct PieceLimits {
    /// Most keys.
    pub keys: usize,
    /// Bytes of keys and values after which the piece ends, however few keys it has.
    pub bytes: usize,
}

/// One piece of a list that is read piece by piece.
#[derive(Debug)]
pub struct Piece {
    /// Its keys, in order.
    pub kvs: Vec<KeyValue<Sealed>>,
    /// Whether there are more behind them.
    pub more: bool,
    /// Revision of the store when it was read.
    pub revision: i64,
}

/// The first keys of a range as it was at `revision`, zero for the newest. What lies behind them is neither read nor counted.
pub(crate) fn piece(read: &dyn Read, range: &KeyRange, revision: i64, limits: PieceLimits) -> Result<Piece, ReadError> {
    let newest = read::revision(read)?;
    check_revision(read, revision, newest)?;
    let mut piece = Piece { kvs: Vec::new(), more: false, revision: newest };
    let mut bytes = 0;
    let mut take = |key: Bytes, record: &mut dyn FnMut(&Bytes) -> Result<Record, StoreError>| {
        piece.more = piece.kvs.len() >= limits.keys || bytes >= limits.bytes;
        if piece.more {
            return Ok(ControlFlow::Break(()));
        }
        let record = record(&key)?;
        bytes += key.len() + record.value.bytes().len();
        piece.kvs.push(record.into_key_value(key));
        Ok(ControlFlow::Continue(()))
    };
    if revision > 0 && revision < newest {
        for_each_at(read, range, revision, &mut |key, written| {
            take(key, &mut |key| written_record(read, key, written))
        })?;
    } else {
        let mut copies = Copies::default();
        for_each_stored(read, range, &mut |key, value| {
            let (key, value) = (copies.of(key), copies.of(value));
            take(key, &mut |_| live_record(value.clone()))
        })?;
    }
    Ok(piece)
}

/// Scan bounds over raw user keys; `None` for a range that holds nothing.
pub(crate) fn bounds(range: &KeyRange) -> Option<(&[u8], Option<&[u8]>)> {
    match &range.end {
        RangeEnd::Before(end) if *end <= range.start => None,
        RangeEnd::Before(end) => Some((&range.start, Some(end))),
        RangeEnd::Unbounded | RangeEnd::Single => Some((&range.start, None)),
    }
}

/// Scan bounds over `past`.
pub(crate) fn past_bounds(range: &KeyRange) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    if range.is_single() {
        let prefix = past_prefix(&range.start);
        let end = crate::layout::prefix_end(&prefix);
        return Some((prefix, end));
    }
    let (from, to) = bounds(range)?;
    Some((past_prefix(from), to.map(past_prefix)))
}

/// The value and numbers of one key at one revision at which it was written, from wherever it lies now.
pub(crate) fn record_written_at(read: &dyn Read, key: &Bytes, revision: i64) -> Result<Option<Record>, StoreError> {
    if let Some(record) = live(read, key)?
        && record.mod_revision == revision
    {
        return Ok(Some(record));
    }
    match read.get(Family::Past, &crate::layout::past_key(key, revision))? {
        None => Ok(None),
        Some(bytes) => Record::decode(bytes),
    }
}
