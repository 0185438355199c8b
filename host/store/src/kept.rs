//! What a compaction leaves of history.
//!
//! The rest goes in the background, at another time on each member. Whoever changes history in the order of the log looks only
//! at what stays: only that lies on every member, and nothing removes it meanwhile.

use std::ops::ControlFlow;

use crate::{
    StoreError,
    family::Family,
    layout::{Record, past_key, past_prefix, prefix_end, split_past_key},
    read::{self, Read},
};

/// Whether a record in `past` stays: it is newer than the compaction, or the newest one at or before it, unless a live one is.
pub(crate) fn keeps_record(read: &dyn Read, key: &[u8], revision: i64) -> Result<bool, StoreError> {
    let compacted = read::compacted(read)?;
    if revision > compacted {
        return Ok(true);
    }
    if let Some(live) = read.get(Family::Live, key)?
        && Record::mod_revision_of(&live)? <= compacted
    {
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

/// Whether the events of a revision stay: a watch may still start at the compacted revision itself.
pub(crate) fn keeps_events(read: &dyn Read, revision: i64) -> Result<bool, StoreError> {
    Ok(revision >= read::compacted(read)?)
}

/// Whether nothing is left that the last compaction allows to remove.
pub(crate) fn is_swept(read: &dyn Read) -> Result<bool, StoreError> {
    let swept = read::meta_number(read, read::meta::SWEPT)?.unwrap_or(0);
    Ok(swept >= read::compacted(read)?)
}
