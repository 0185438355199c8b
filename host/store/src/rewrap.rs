//! Putting the same value in the place of a stored one, sealed with another data key, sealed at last, or sealed no more.
//!
//! No revision, no version and no event changes; nobody but who looks at the disk can tell.

use seal::Sealed;

use crate::{
    Outcome, ReadError, Refusal, StoreError,
    command::{Rewrap, Rewrapped},
    family::Family,
    kept, keyring,
    layout::{Change, Record, event_key, past_key},
    range,
    read::{self, Read as _, meta},
    stage::Stage,
};

/// Replaces each record that still is as its rewrapper found it. Those that were superseded are found in history; what a
/// compaction removes is left to it, whether it lies there still or not.
pub(crate) fn rewrap(stage: &mut Stage<'_>, rewrap: &Rewrap) -> Result<Outcome, ReadError> {
    let current = read::policy_epoch(stage)?;
    if rewrap.expected_epoch != current {
        return Err(Refusal::StalePolicy { current }.into());
    }
    let compacted = read::compacted(stage)?;
    let (mut records, mut resealed) = (0, keyring::resealed(stage)?);
    for item in &rewrap.items {
        let next = Sealed::try_from(&item.value)?;
        let Some(replaced) = replace(stage, compacted, item, next.clone())? else { continue };
        records += 1;
        // Of a value that only got another data key hashes stay the same.
        resealed += u64::from(replaced.digest() != next.digest());
    }
    stage.put_number(meta::RESEALED, resealed.cast_signed());
    Ok(Outcome::Rewrapped { records })
}

/// The value that was there before.
fn replace(
    stage: &mut Stage<'_>,
    compacted: i64,
    item: &Rewrapped,
    next: Sealed,
) -> Result<Option<Sealed>, StoreError> {
    match item.replaced_at {
        Some(sub) if kept::keeps_events(compacted, item.revision) => replace_in_event(stage, item, sub, next),
        Some(_) => Ok(None),
        None => replace_record(stage, compacted, item, next),
    }
}

fn replace_record(
    stage: &mut Stage<'_>,
    compacted: i64,
    item: &Rewrapped,
    next: Sealed,
) -> Result<Option<Sealed>, StoreError> {
    let (family, place, record) = match range::live(stage, &item.key)? {
        Some(record) if record.mod_revision == item.revision => (Family::Live, item.key.to_vec(), record),
        _ => {
            if !kept::keeps_record(stage, compacted, &item.key, item.revision)? {
                return Ok(None);
            }
            let place = past_key(&item.key, item.revision);
            let Some(bytes) = stage.get(Family::Past, &place)? else { return Ok(None) };
            let Some(record) = Record::decode(bytes)? else { return Ok(None) };
            (Family::Past, place, record)
        }
    };
    if !is_as_found(&record.value, item) {
        return Ok(None);
    }
    let before = record.value.clone();
    let after = Record { value: next, ..record.clone() };
    match family {
        Family::Live => stage.set_live(&item.key, Some(&record), Some(&after)),
        _ => stage.put(family, place, after.encode()),
    }
    Ok(Some(before))
}

/// Of a change that a later one of the same write replaced, the record lies with its event.
fn replace_in_event(
    stage: &mut Stage<'_>,
    item: &Rewrapped,
    sub: u32,
    next: Sealed,
) -> Result<Option<Sealed>, StoreError> {
    let place = event_key(item.revision, sub);
    let Some(bytes) = stage.get(Family::Events, &place)? else { return Ok(None) };
    let change = Change::decode(&bytes)?;
    let record = change.replaced.clone().filter(|record| !record.is_empty()).map(Record::decode).transpose()?.flatten();
    let Some(record) = record.filter(|record| change.key == item.key && is_as_found(&record.value, item)) else {
        return Ok(None);
    };
    let before = record.value.clone();
    let replaced = Some(Record { value: next, ..record }.encode());
    stage.put(Family::Events, place.to_vec(), Change { replaced, ..change }.encode());
    Ok(Some(before))
}

fn is_as_found(value: &Sealed, item: &Rewrapped) -> bool {
    value.key_id().unwrap_or(0) == item.sealed_with
}
