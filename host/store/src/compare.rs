//! The conditions of a transaction.

use std::{cmp::Ordering, ops::ControlFlow};

use seal::Sealed;
use types::KeyRange;

use crate::{
    ReadError, Refusal, StoreError,
    command::{Compare, KeyedDigest, Op, OpKind, Target, Txn},
    keyring,
    layout::Record,
    range,
    read::Read,
};

/// Which branch each transaction takes, outer before inner, in order.
///
/// As in etcd every condition, also of transactions within, is judged on the state before the first change.
pub(crate) fn path(read: &dyn Read, op: &Op) -> Result<Vec<bool>, ReadError> {
    let mut path = Vec::new();
    if let Some(OpKind::Txn(txn)) = &op.kind {
        walk(read, txn, &mut path)?;
    }
    Ok(path)
}

fn walk(read: &dyn Read, txn: &Txn, path: &mut Vec<bool>) -> Result<(), ReadError> {
    let mut succeeded = true;
    for compare in &txn.compare {
        succeeded = succeeded && holds(read, compare)?;
    }
    path.push(succeeded);
    for op in if succeeded { &txn.success } else { &txn.failure } {
        if let Some(OpKind::Txn(inner)) = &op.kind {
            walk(read, inner, path)?;
        }
    }
    Ok(())
}

/// The branch that a transaction takes, and whether its conditions held.
pub(crate) fn taken<'t>(txn: &'t Txn, path: &mut impl Iterator<Item = bool>) -> Result<(bool, &'t [Op]), StoreError> {
    let succeeded = path.next().ok_or_else(|| StoreError::damaged("a transaction lost its path"))?;
    Ok((succeeded, if succeeded { &txn.success } else { &txn.failure }))
}

fn holds(read: &dyn Read, compare: &Compare) -> Result<bool, ReadError> {
    let target = compare.target.as_ref().ok_or(StoreError::UnknownCommand)?;
    let range = KeyRange::from(&compare.keys.clone().unwrap_or_default());
    let mut found = false;
    let mut verdict = Ok(true);
    range::for_each_live(read, &range, &mut |_, record| {
        found = true;
        verdict = relate(read, compare.relation, target, &record);
        Ok(if matches!(verdict, Ok(true)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if found {
        return verdict;
    }
    // No key: the numbers count as zero, but a value that is not there equals nothing and differs from nothing.
    match target {
        Target::Clear(_) | Target::Digest(_) => Ok(false),
        _ => relate(read, compare.relation, target, &absent()),
    }
}

fn absent() -> Record {
    Record { create_revision: 0, mod_revision: 0, version: 0, lease: 0, value: Sealed::empty() }
}

fn relate(read: &dyn Read, relation: u32, target: &Target, record: &Record) -> Result<bool, ReadError> {
    let ordering = match target {
        Target::Version(operand) => record.version.cmp(operand),
        Target::Create(operand) => record.create_revision.cmp(operand),
        Target::Mod(operand) => record.mod_revision.cmp(operand),
        Target::Lease(operand) => record.lease.cmp(operand),
        Target::Clear(operand) => compare_clear(record, operand)?,
        Target::Digest(operand) => compare_digest(read, record, operand)?,
    };
    match relation {
        0 => Ok(ordering == Ordering::Equal),
        1 => Ok(ordering == Ordering::Greater),
        2 => Ok(ordering == Ordering::Less),
        3 => Ok(ordering != Ordering::Equal),
        _ => Err(StoreError::UnknownCommand.into()),
    }
}

fn compare_clear(record: &Record, operand: &[u8]) -> Result<Ordering, ReadError> {
    if record.value.is_sealed() {
        return Err(Refusal::SealPending.into());
    }
    Ok(record.value.bytes().as_ref().cmp(operand))
}

/// Equal or not: the order of two digests says nothing, and the proposer refuses to ask for it. Digests by different keys say
/// nothing either: the proposer gives the record another one first.
fn compare_digest(read: &dyn Read, record: &Record, operand: &KeyedDigest) -> Result<Ordering, ReadError> {
    let Some((id, digest)) = record.value.key_id().zip(record.value.digest()) else {
        return Err(Refusal::SealPending.into());
    };
    match keyring::digest_key_id(read, id)? {
        Some(by) if by != operand.by => Err(Refusal::SealPending.into()),
        _ if digest == operand.digest.as_ref() => Ok(Ordering::Equal),
        _ => Ok(Ordering::Less),
    }
}
