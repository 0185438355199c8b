//! A transaction that only reads: judged and answered from one view, without a log entry.

use seal::Sealed;
use types::{OpOutcome, RangeQuery, TxnOutcome};

use crate::{
    ReadError, StoreError,
    command::{Op, OpKind, Txn},
    compare, range,
    read::{self, Read},
};

/// Answers a transaction that writes nothing.
pub(crate) fn evaluate(read: &dyn Read, op: &Op) -> Result<OpOutcome<Sealed>, ReadError> {
    let path = compare::path(read, op)?;
    check(read, op, read::revision(read)?, &mut path.iter().copied())?;
    answer(read, op, &mut path.into_iter())
}

/// Refuses the whole transaction before any of it is answered.
fn check(read: &dyn Read, op: &Op, newest: i64, path: &mut impl Iterator<Item = bool>) -> Result<(), ReadError> {
    match &op.kind {
        Some(OpKind::Range(query)) => range::check_within(read, query.revision, newest),
        Some(OpKind::Txn(txn)) => {
            let branch = compare::taken(txn, path)?.1;
            branch.iter().try_for_each(|op| check(read, op, newest, path))
        }
        _ => Ok(()),
    }
}

fn answer(read: &dyn Read, op: &Op, path: &mut impl Iterator<Item = bool>) -> Result<OpOutcome<Sealed>, ReadError> {
    match &op.kind {
        Some(OpKind::Range(query)) => Ok(OpOutcome::Range(range::range(read, &RangeQuery::from(query))?)),
        Some(OpKind::Txn(txn)) => answer_txn(read, txn, path),
        _ => Err(StoreError::damaged("a transaction that writes was taken for one that reads").into()),
    }
}

fn answer_txn(
    read: &dyn Read,
    txn: &Txn,
    path: &mut impl Iterator<Item = bool>,
) -> Result<OpOutcome<Sealed>, ReadError> {
    let (succeeded, branch) = compare::taken(txn, path)?;
    let mut responses = Vec::with_capacity(branch.len());
    for op in branch {
        responses.push(answer(read, op, path)?);
    }
    Ok(OpOutcome::Txn(TxnOutcome { succeeded, responses }))
}
