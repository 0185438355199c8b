//! From an operation in plain text to a command for the log.

use std::fmt;

use seal::{Keyring, SealError};
use store::Command;
use store::command::{self, Body, ClientWrite, Op, OpKind, Stamp, Target};
use types::{CompareTarget, Operation, PutLease, PutValue, TxnOp};

/// A client's write, reviewed and sealed: the only form in which one can be proposed. Only [`crate::Admitted`] makes one.
pub struct SealedWrite(ClientWrite);

impl SealedWrite {
    pub(crate) fn of(operation: &Operation, keyring: &Keyring, stamp: Stamp) -> Result<Self, SealError> {
        let kind = match operation {
            Operation::Put(put) => OpKind::Put(seal_put(put, keyring)?),
            Operation::DeleteRange(delete) => OpKind::DeleteRange(delete_range(delete)),
            Operation::Txn(txn) => OpKind::Txn(seal_txn(txn, keyring)?),
        };
        Ok(Self(ClientWrite { stamp: Some(stamp), op: Some(Op { kind: Some(kind) }) }))
    }

    /// The command for the log.
    #[must_use]
    pub fn into_command(self) -> Command {
        Body::Write(self.0).into()
    }
}

impl fmt::Debug for SealedWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed write")
    }
}

fn seal_put(put: &types::Put, keyring: &Keyring) -> Result<command::Put, SealError> {
    let value = match &put.value {
        PutValue::Set(value) => Some((&keyring.seal(&put.key, value)?).into()),
        PutValue::Keep => None,
    };
    let (lease, keep_lease) = match put.lease {
        PutLease::Set(id) => (id, false),
        PutLease::Keep => (0, true),
    };
    Ok(command::Put { key: put.key.clone(), value, lease, keep_lease, prev_kv: put.prev_kv })
}

fn delete_range(delete: &types::DeleteRange) -> command::DeleteRange {
    command::DeleteRange { keys: Some((&delete.range).into()), prev_kv: delete.prev_kv }
}

/// Recursion is bounded by [`types::TXN_DEPTH_MAX`].
fn seal_txn(txn: &types::Txn, keyring: &Keyring) -> Result<command::Txn, SealError> {
    Ok(command::Txn {
        compare: txn.compare.iter().map(|compare| seal_compare(compare, keyring)).collect::<Result<_, _>>()?,
        success: seal_branch(&txn.success, keyring)?,
        failure: seal_branch(&txn.failure, keyring)?,
    })
}

fn seal_branch(branch: &[TxnOp], keyring: &Keyring) -> Result<Vec<Op>, SealError> {
    let seal_op = |op: &TxnOp| {
        let kind = match op {
            TxnOp::Range(query) => OpKind::Range(query.into()),
            TxnOp::Put(put) => OpKind::Put(seal_put(put, keyring)?),
            TxnOp::DeleteRange(delete) => OpKind::DeleteRange(delete_range(delete)),
            TxnOp::Txn(txn) => OpKind::Txn(seal_txn(txn, keyring)?),
        };
        Ok(Op { kind: Some(kind) })
    };
    branch.iter().map(seal_op).collect()
}

fn seal_compare(compare: &types::Compare, keyring: &Keyring) -> Result<command::Compare, SealError> {
    let target = match &compare.target {
        CompareTarget::Version(version) => Target::Version(*version),
        CompareTarget::Create(revision) => Target::Create(*revision),
        CompareTarget::Mod(revision) => Target::Mod(*revision),
        CompareTarget::Lease(id) => Target::Lease(*id),
        CompareTarget::Value(value) => keyring.operand(&compare.range, compare.result, value)?.into(),
    };
    Ok(command::Compare {
        keys: Some((&compare.range).into()),
        relation: command::relation_code(compare.result),
        target: Some(target),
    })
}
