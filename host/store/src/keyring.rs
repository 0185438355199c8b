//! Rules, wrapped data keys, and how often each was used.

use std::ops::ControlFlow;

use bytes::Bytes;
use seal::{DataKeyRecord, KeyState, SealError, SealRule};

use crate::{
    Outcome, ReadError, Refusal, StoreError,
    command::{ChangeKeyring, ReserveUses},
    family::Family,
    read::{self, Read, meta},
    stage::Stage,
};

/// Of a store to which nobody has written.
const FIRST_REVISION: i64 = 1;

/// Carries out a change of what is sealed and with which keys, unless another change of the policy came first.
pub(crate) fn change(stage: &mut Stage<'_>, change: &ChangeKeyring) -> Result<Outcome, ReadError> {
    let current = read::policy_epoch(stage)?;
    if change.expected_epoch != current {
        return Err(Refusal::StalePolicy { current }.into());
    }
    // All before the first is put: a command that cannot be read changes nothing.
    let records = decoded(&change.records, DataKeyRecord::decode)?;
    let rules = decoded(&change.rules, SealRule::decode)?;
    for record in records {
        put_key(stage, record)?;
    }
    // What was written there before may lie in older files, also when nothing of it is left in the state.
    let sealed_anew = rules.iter().map(|rule| seals_anew(stage, rule)).collect::<Result<Vec<_>, _>>()?;
    if sealed_anew.contains(&true) && read::revision(stage)? > FIRST_REVISION {
        stage.put_number(meta::SEALED_ANEW, 1);
    }
    for rule in rules {
        stage.put(Family::Rules, rule.prefix.clone(), rule.encode());
    }
    for prefix in &change.dropped {
        stage.delete(Family::Rules, prefix.clone());
    }
    let epoch = stage.raise_policy_epoch()?;
    let noted = if change.settles { meta::SETTLED_EPOCH } else { meta::KEYRING_EPOCH };
    stage.put_number(noted, epoch.cast_signed());
    // They lie in older files for a while.
    let some_were_plain = some_were_plain(stage)?;
    if change.settles {
        stage.put_number(meta::SEALED_ANEW, 0);
    }
    if change.forgets || change.settles && some_were_plain {
        stage.put_number(meta::FORGET_EPOCH, epoch.cast_signed());
        stage.put_number(meta::RESEALED_BEFORE, resealed(stage)?.cast_signed());
    }
    Ok(Outcome::PolicyChanged { epoch })
}

/// Whether a prefix was sealed, or values were, since everything was last known to be as the rules want it.
pub(crate) fn some_were_plain(read: &dyn Read) -> Result<bool, StoreError> {
    let number = |name| Ok::<_, StoreError>(read::meta_number(read, name)?.unwrap_or(0).cast_unsigned());
    Ok(resealed(read)? > number(meta::RESEALED_BEFORE)? || number(meta::SEALED_ANEW)? > 0)
}

/// Whether a prefix is sealed by this rule that had none, or one that said otherwise.
fn seals_anew(read: &dyn Read, rule: &SealRule) -> Result<bool, StoreError> {
    let known = read.get(Family::Rules, &rule.prefix)?.map(SealRule::decode).transpose()?;
    Ok(rule.sealed && known.is_none_or(|known| !known.sealed))
}

fn decoded<T>(all: &[Bytes], decode: impl Fn(Bytes) -> Result<T, SealError>) -> Result<Vec<T>, ReadError> {
    Ok(all.iter().cloned().map(decode).collect::<Result<_, _>>()?)
}

/// How often it was used is the state's to count. A key that was destroyed stays so.
fn put_key(stage: &mut Stage<'_>, record: DataKeyRecord) -> Result<(), StoreError> {
    let known = key(stage, &record.prefix, record.id)?;
    let uses = known.as_ref().map_or(0, |known| known.uses);
    if known.is_none_or(|known| known.is_kept()) {
        put(stage, &DataKeyRecord { uses, ..record });
    }
    Ok(())
}

/// The state is that of another cluster now than of `was_of`: what data keys have sealed is still bound to that, and what is new
/// gets new ones.
pub(crate) fn carry_over(stage: &mut Stage<'_>, was_of: u64) -> Result<(), StoreError> {
    let known = keys(stage)?;
    if known.is_empty() {
        return Ok(());
    }
    known.into_iter().for_each(|record| put(stage, &record.carried_over(was_of)));
    let epoch = stage.raise_policy_epoch()?;
    stage.put_number(meta::KEYRING_EPOCH, epoch.cast_signed());
    Ok(())
}

/// Rules and data keys that a state begins with, of which every record is as they want it.
pub(crate) fn take_in(stage: &mut Stage<'_>, rules: &[SealRule], keys: &[DataKeyRecord]) -> Result<(), StoreError> {
    if rules.is_empty() {
        return Ok(());
    }
    rules.iter().for_each(|rule| stage.put(Family::Rules, rule.prefix.clone(), rule.encode()));
    keys.iter().for_each(|record| put(stage, record));
    let epoch = stage.raise_policy_epoch()?;
    stage.put_number(meta::KEYRING_EPOCH, epoch.cast_signed());
    stage.put_number(meta::SETTLED_EPOCH, epoch.cast_signed());
    Ok(())
}

/// Notes that a member is about to use a data key so many times more.
pub(crate) fn reserve(stage: &mut Stage<'_>, reserve: &ReserveUses) -> Result<Outcome, ReadError> {
    let record = key(stage, &reserve.prefix, reserve.id)?.filter(|record| record.state() == KeyState::Active);
    let Some(record) = record else {
        return Err(Refusal::KeyNotActive { current: read::policy_epoch(stage)? }.into());
    };
    put(stage, &DataKeyRecord { uses: record.uses.saturating_add(reserve.count), ..record });
    Ok(Outcome::UsesReserved)
}

fn put(stage: &mut Stage<'_>, record: &DataKeyRecord) {
    stage.put(Family::Keyring, place(&record.prefix, record.id), record.encode());
}

fn key(read: &dyn Read, prefix: &[u8], id: u32) -> Result<Option<DataKeyRecord>, StoreError> {
    Ok(read.get(Family::Keyring, &place(prefix, id))?.map(DataKeyRecord::decode).transpose()?)
}

fn place(prefix: &[u8], id: u32) -> Vec<u8> {
    [prefix, &id.to_be_bytes()].concat()
}

/// Wrapped data keys, by prefix and id.
pub(crate) fn keys(read: &dyn Read) -> Result<Vec<DataKeyRecord>, StoreError> {
    all(read, Family::Keyring, DataKeyRecord::decode)
}

/// What is sealed, by prefix.
pub(crate) fn rules(read: &dyn Read) -> Result<Vec<SealRule>, StoreError> {
    all(read, Family::Rules, SealRule::decode)
}

/// The policy epoch in which rules or data keys last changed so that records may have to be sealed anew.
pub(crate) fn keyring_epoch(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(read::meta_number(read, meta::KEYRING_EPOCH)?.unwrap_or(0).cast_unsigned())
}

/// Whether every record is known to be as rules and data keys want it.
pub(crate) fn settled(read: &dyn Read) -> Result<bool, StoreError> {
    let settled = read::meta_number(read, meta::SETTLED_EPOCH)?.unwrap_or(0).cast_unsigned();
    Ok(settled >= keyring_epoch(read)?)
}

/// The policy epoch before which nothing is to lie in a file any more, zero for none.
pub(crate) fn forget_epoch(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(read::meta_number(read, meta::FORGET_EPOCH)?.unwrap_or(0).cast_unsigned())
}

/// How often a record was sealed, unsealed, or given another digest: hashes of the key space can be compared while this is
/// the same.
pub(crate) fn resealed(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(read::meta_number(read, meta::RESEALED)?.unwrap_or(0).cast_unsigned())
}

/// Names the digest key of a data key, wherever its prefix is: it is looked for by its id, of which there are few.
pub(crate) fn digest_key_id(read: &dyn Read, id: u32) -> Result<Option<u32>, StoreError> {
    let mut found = None;
    read.scan(Family::Keyring, &[], None, &mut |key, value| {
        if !key.ends_with(&id.to_be_bytes()) {
            return Ok(ControlFlow::Continue(()));
        }
        let record = DataKeyRecord::decode(value)?;
        found = (record.id == id).then(|| record.digest_key_id());
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

fn all<T>(
    read: &dyn Read,
    family: Family,
    decode: impl Fn(Bytes) -> Result<T, SealError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    read.scan(family, &[], None, &mut |_, value| {
        found.push(decode(Bytes::copy_from_slice(value))?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
