//! Range reads at the newest and at older revisions.

use std::{collections::BTreeMap, ops::ControlFlow};

use bytes::Bytes;
use seal::Sealed;
use types::{KeyRange, RangeEnd, RangeOutcome, RangeQuery};

use crate::{
    ReadError, Refusal, StoreError,
    family::Family,
    layout::{Record, past_prefix, split_past_key},
    read::{self, Read},
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
    if range.is_single() {
        if let Some(record) = live(read, &range.start)? {
            let _ = visit(range.start.clone(), record)?;
        }
        return Ok(());
    }
    let Some((from, to)) = bounds(range) else { return Ok(()) };
    read.scan(Family::Live, from, to, &mut |key, value| {
        let record = Record::decode(Bytes::copy_from_slice(value))?
            .ok_or_else(|| StoreError::damaged("a tombstone among the live keys"))?;
        visit(Bytes::copy_from_slice(key), record)
    })
}

fn range_newest(read: &dyn Read, query: &RangeQuery, outcome: &mut RangeOutcome<Sealed>) -> Result<(), StoreError> {
    if query.range.is_single() {
        if let Some(record) = live(read, &query.range.start)? {
            take(query, outcome, query.range.start.clone(), record);
        }
        return Ok(());
    }
    let Some((from, to)) = bounds(&query.range) else { return Ok(()) };
    let limit = query.fetch_limit().unwrap_or(usize::MAX);
    read.scan(Family::Live, from, to, &mut |key, value| {
        // Past the limit keys are only counted: their values are not copied.
        if query.count_only || outcome.kvs.len() >= limit {
            outcome.count += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let record = Record::decode(Bytes::copy_from_slice(value))?
            .ok_or_else(|| StoreError::damaged("a tombstone among the live keys"))?;
        take(query, outcome, Bytes::copy_from_slice(key), record);
        Ok(ControlFlow::Continue(()))
    })
}

fn take(query: &RangeQuery, outcome: &mut RangeOutcome<Sealed>, key: Bytes, record: Record) {
    outcome.count += 1;
    if !query.count_only {
        outcome.kvs.push(record.into_key_value(key));
    }
}

/// Merges what was superseded since with what is still the newest.
fn range_at(read: &dyn Read, query: &RangeQuery, outcome: &mut RangeOutcome<Sealed>) -> Result<(), StoreError> {
    let found = written_at(read, &query.range, query.revision)?;
    outcome.count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    if query.count_only {
        return Ok(());
    }
    // Only the values that are asked for are read: a client that pages through history wants a few of many.
    for (key, written) in found.into_iter().take(query.fetch_limit().unwrap_or(usize::MAX)) {
        let record = record_written_at(read, &key, written)?
            .ok_or_else(|| StoreError::damaged("a record of history is missing"))?;
        outcome.kvs.push(record.into_key_value(key));
    }
    Ok(())
}

/// For every key of the range that was there at `revision`, the revision of its last write until then.
fn written_at(read: &dyn Read, range: &KeyRange, revision: i64) -> Result<BTreeMap<Bytes, i64>, StoreError> {
    let mut found = superseded_at(read, range, revision)?;
    let Some((from, to)) = live_bounds(range) else { return Ok(found) };
    read.scan(Family::Live, &from, to.as_deref(), &mut |key, value| {
        let written = Record::mod_revision_of(value)?;
        if written <= revision {
            found.insert(Bytes::copy_from_slice(key), written);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// For each key of the range the newest entry of `past` at or before `revision`, tombstones left out.
fn superseded_at(read: &dyn Read, range: &KeyRange, revision: i64) -> Result<BTreeMap<Bytes, i64>, StoreError> {
    let mut found = BTreeMap::new();
    let Some((from, to)) = past_bounds(range) else { return Ok(found) };
    let mut last: Option<Vec<u8>> = None;
    read.scan(Family::Past, &from, to.as_deref(), &mut |key, value| {
        let (user_key, at) = split_past_key(key)?;
        // Entries of a key come newest first: the first at or before the revision decides.
        if at > revision || last.as_ref() == Some(&user_key) {
            return Ok(ControlFlow::Continue(()));
        }
        if !Record::is_tombstone(value) {
            found.insert(Bytes::copy_from_slice(&user_key), at);
        }
        last = Some(user_key);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Calls `visit` with the value of every record of the range, now and in history.
pub(crate) fn for_each_record(
    read: &dyn Read,
    range: &KeyRange,
    visit: &mut dyn FnMut(&Sealed) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut stopped = false;
    for_each_live(read, range, &mut |_, record| {
        let flow = visit(&record.value);
        stopped = flow.is_break();
        Ok(flow)
    })?;
    let Some((from, to)) = past_bounds(range).filter(|_| !stopped) else { return Ok(()) };
    read.scan(Family::Past, &from, to.as_deref(), &mut |_, value| {
        Ok(match Record::decode(Bytes::copy_from_slice(value))? {
            Some(record) => visit(&record.value),
            None => ControlFlow::Continue(()),
        })
    })
}

/// Scan bounds over raw user keys; `None` for a range that holds nothing.
fn bounds(range: &KeyRange) -> Option<(&[u8], Option<&[u8]>)> {
    match &range.end {
        RangeEnd::Before(end) if *end <= range.start => None,
        RangeEnd::Before(end) => Some((&range.start, Some(end))),
        RangeEnd::Unbounded | RangeEnd::Single => Some((&range.start, None)),
    }
}

/// Scan bounds over `live`, also for a single key.
fn live_bounds(range: &KeyRange) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    if range.is_single() {
        return Some((range.start.to_vec(), Some([&range.start[..], &[0]].concat())));
    }
    bounds(range).map(|(from, to)| (from.to_vec(), to.map(<[u8]>::to_vec)))
}

/// Scan bounds over `past`.
fn past_bounds(range: &KeyRange) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
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
