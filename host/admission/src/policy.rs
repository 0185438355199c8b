//! A policy epoch, and the evidence that a write was reviewed under it.

use std::fmt;
use std::sync::Arc;

use auth::Permit;
use seal::{Keyring, SealError};
use types::{Operation, TxnOp};

use crate::plugin::Plugin;
use crate::review::Write;
use crate::{AdmissionError, PluginSet, SealedWrite};

/// Everything that decides how a write is reviewed and sealed, as of one policy epoch. Never changes.
pub struct Policy {
    epoch: u64,
    plugins: PluginSet,
    keyring: Arc<Keyring>,
}

impl Policy {
    /// The policy of `epoch`. All three must have been read from one state.
    #[must_use]
    pub fn new(epoch: u64, plugins: PluginSet, keyring: Arc<Keyring>) -> Self {
        Self { epoch, plugins, keyring }
    }

    /// The policy epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The plugins in force.
    #[must_use]
    pub fn plugins(&self) -> &PluginSet {
        &self.plugins
    }

    /// The data keys in force.
    #[must_use]
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Shows every plugin the writes that concern it, those of both branches of a transaction included.
    ///
    /// One plugin after the other, in the order of their records, up to the first that denies or fails. A request
    /// that concerns no plugin takes no thread and no lane.
    ///
    /// # Errors
    /// [`AdmissionError::Denied`], or [`AdmissionError::PluginFailed`] of a plugin that is set to fail closed.
    pub async fn review<'a>(
        self: &Arc<Self>,
        permit: Permit,
        operation: &'a Operation,
    ) -> Result<Admitted<'a>, AdmissionError> {
        for plugin in self.plugins.iter() {
            let writes = self.writes_for(plugin, operation);
            if !writes.is_empty() {
                plugin.review(permit.caller(), writes).await?;
            }
        }
        Ok(Admitted { operation, permit, policy: Arc::clone(self) })
    }

    fn writes_for(&self, plugin: &Plugin, operation: &Operation) -> Vec<Write> {
        let mut writes = Vec::new();
        match operation {
            Operation::Put(put) => self.add_put(plugin, put, false, &mut writes),
            Operation::DeleteRange(delete) => add_delete(plugin, delete, false, &mut writes),
            Operation::Txn(txn) => self.add_txn(plugin, txn, &mut writes),
        }
        writes
    }

    /// Recursion is bounded by [`types::TXN_DEPTH_MAX`].
    fn add_txn(&self, plugin: &Plugin, txn: &types::Txn, writes: &mut Vec<Write>) {
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Range(_) => {}
                TxnOp::Put(put) => self.add_put(plugin, put, true, writes),
                TxnOp::DeleteRange(delete) => add_delete(plugin, delete, true, writes),
                TxnOp::Txn(inner) => self.add_txn(plugin, inner, writes),
            }
        }
    }

    fn add_put(&self, plugin: &Plugin, put: &types::Put, in_txn: bool, writes: &mut Vec<Write>) {
        if plugin.reviews_put_of(put) {
            writes.push(Write::put(put, in_txn, self.keyring.covers(&put.key), plugin.sees_sealed));
        }
    }
}

fn add_delete(plugin: &Plugin, delete: &types::DeleteRange, in_txn: bool, writes: &mut Vec<Write>) {
    if plugin.reviews_delete_of(&delete.range) {
        writes.push(Write::delete(delete, in_txn));
    }
}

/// Evidence that every plugin in force passed an operation. Only [`Policy::review`] makes one.
pub struct Admitted<'a> {
    operation: &'a Operation,
    permit: Permit,
    policy: Arc<Policy>,
}

impl Admitted<'_> {
    /// Seals the values under the policy that reviewed them.
    ///
    /// # Errors
    /// [`SealError`]: no root key here, or a compare that a sealed prefix cannot answer.
    pub fn seal(&self) -> Result<SealedWrite, SealError> {
        SealedWrite::of(self.operation, &self.policy.keyring, self.policy.epoch, &self.permit)
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a write admitted under policy epoch {}", self.policy.epoch)
    }
}
