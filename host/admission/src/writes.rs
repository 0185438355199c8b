//! The writes of an operation that concern a plugin, in one order: to be shown, and to be given other values.

use seal::Keyring;
use types::{Operation, Plain, PutValue, TxnOp};

use crate::plugin::Plugin;
use crate::review::Write;

/// Those of both branches of a transaction included. Recursion is bounded by [`types::TXN_DEPTH_MAX`].
pub(crate) fn concerning(plugin: &Plugin, keyring: &Keyring, operation: &Operation) -> Vec<Write> {
    let mut shown = Shown { plugin, keyring, writes: Vec::new() };
    match operation {
        Operation::Put(put) => shown.put(put, false),
        Operation::DeleteRange(delete) => shown.delete(delete, false),
        Operation::Txn(txn) => shown.txn(txn),
    }
    shown.writes
}

/// Puts these values in the place of those of the writes that [`concerning`] answered, in its order.
pub(crate) fn replace(plugin: &Plugin, operation: &mut Operation, values: Vec<Option<Plain>>) {
    let mut values = values.into_iter();
    match operation {
        Operation::Put(put) => replace_put(plugin, put, &mut values),
        Operation::DeleteRange(_) => {}
        Operation::Txn(txn) => replace_txn(plugin, txn, &mut values),
    }
}

struct Shown<'a> {
    plugin: &'a Plugin,
    keyring: &'a Keyring,
    writes: Vec<Write>,
}

impl Shown<'_> {
    fn txn(&mut self, txn: &types::Txn) {
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Range(_) => {}
                TxnOp::Put(put) => self.put(put, true),
                TxnOp::DeleteRange(delete) => self.delete(delete, true),
                TxnOp::Txn(inner) => self.txn(inner),
            }
        }
    }

    fn put(&mut self, put: &types::Put, in_txn: bool) {
        if self.plugin.reviews_put_of(put) {
            self.writes.push(Write::put(put, in_txn, self.keyring.covers(&put.key), self.plugin.sees_sealed));
        }
    }

    fn delete(&mut self, delete: &types::DeleteRange, in_txn: bool) {
        if self.plugin.reviews_delete_of(&delete.range) {
            self.writes.push(Write::delete(delete, in_txn));
        }
    }
}

fn replace_txn(plugin: &Plugin, txn: &mut types::Txn, values: &mut impl Iterator<Item = Option<Plain>>) {
    for op in txn.success.iter_mut().chain(&mut txn.failure) {
        match op {
            TxnOp::Range(_) => {}
            TxnOp::Put(put) => replace_put(plugin, put, values),
            TxnOp::DeleteRange(delete) => {
                if plugin.reviews_delete_of(&delete.range) {
                    // A delete has no value.
                    values.next();
                }
            }
            TxnOp::Txn(inner) => replace_txn(plugin, inner, values),
        }
    }
}

fn replace_put(plugin: &Plugin, put: &mut types::Put, values: &mut impl Iterator<Item = Option<Plain>>) {
    if plugin.reviews_put_of(put)
        && let Some(Some(value)) = values.next()
    {
        put.value = PutValue::Set(value);
    }
}
