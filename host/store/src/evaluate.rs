//! A transaction that only reads: judged and answered from one view, without a log entry.

use seal::Sealed;
use types::{OpOutcome, RangeQuery, TxnOutcome};

use crate::{
    ReadError, StoreError,
    command::{Op, OpKind, Txn},
    compare, range,
    read::Read,
};

/// Answers a transaction that writes nothing.
pub(crate) fn evaluate(read: &dyn Read, op: &Op) -> Result<OpOutcome<Sealed>, ReadError> {
    let path = compare::path(read, op)?;
    answer(read, op, &mut path.into_iter())
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
