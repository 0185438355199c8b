//! What a compaction leaves of history.
//!
//! The rest goes in the background, at another time on each member. Whoever changes history in the order of the log looks only
//! at what stays: only that lies on every member, and nothing removes it meanwhile.

use std::ops::ControlFlow;

use crate::{
    StoreError,
    family::Family,
    index,
    layout::{past_key, past_prefix, prefix_end, split_past_key},
    read::{self, Read},
};

/// Whether a compaction leaves a record in `past`: it is newer, or the newest one at or before it, unless the live one is that.
pub(crate) fn keeps_record(read: &dyn Read, compacted: i64, key: &[u8], revision: i64) -> Result<bool, StoreError> {
    if revision > compacted {
        return Ok(true);
    }
    if !is_newest_in_past(read, compacted, key)? {
        return Ok(false);
    }
    let (from, to) = (past_key(key, compacted), prefix_end(&past_prefix(key)));
    let mut newest = None;
    read.scan(Family::Past, &from, to.as_deref(), &mut |at, _| {
        newest = Some(split_past_key(at)?.1);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(newest == Some(revision))
}

/// Whether a key's newest record at the compaction lies in `past`: not so if the live one is that old.
pub(crate) fn is_newest_in_past(read: &dyn Read, compacted: i64, key: &[u8]) -> Result<bool, StoreError> {
    Ok(match read.get(Family::Index, key)? {
        Some(written) => index::revision(&written)? > compacted,
        None => true,
    })
}

/// Whether a compaction leaves the events of a revision: a watch may still start at the compacted revision itself.
pub(crate) fn keeps_events(compacted: i64, revision: i64) -> bool {
    revision >= compacted
}

/// Whether nothing is left that the last compaction allows to remove.
pub(crate) fn is_swept(read: &dyn Read) -> Result<bool, StoreError> {
    let swept = read::meta_number(read, read::meta::SWEPT)?.unwrap_or(0);
    Ok(swept >= read::compacted(read)?)
}
