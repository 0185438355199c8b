//! One write, straight down and once back.

use std::sync::Arc;

use admission::{Policy, SealedWrite};
use auth::{Caller, Denial, Permit};
use consensus::Proposal;
use seal::{Keyring, SealError};
use store::{Outcome, ReadError, Refusal};
use types::{KeyRange, OpOutcome, Operation, Plain, Txn, TxnOp};

use crate::{FlowError, Header, Member, Reply, quota};

/// How often a write is permitted, reviewed and sealed again because the policy, users or roles changed under way, before its client is asked to try
/// again: policy changes are rare, so more than a few in a row mean that something is wrong.
pub const ATTEMPTS_MAX: u32 = 5;

/// How often a write is reviewed again because what a plugin has read of the store changed under way. Many clients that write
/// what a plugin reads take turns: each time one of them gets through.
const PREMISES_MAX: u32 = 100;

impl Member {
    /// Puts, deletes, or carries out a transaction. Returns when a majority has it on disk and it is applied here.
    ///
    /// # Errors
    /// [`FlowError`]; after [`FlowError::Timeout`] and [`FlowError::LeaderChanged`] it may still have been carried out.
    pub async fn write(&self, caller: &Caller, operation: Operation) -> Result<Reply<OpOutcome<Plain>>, FlowError> {
        Ok(self.write_warned(caller, operation).await?.0)
    }

    /// The same, with what plugins have to say to whoever wrote.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn write_warned(
        &self,
        caller: &Caller,
        operation: Operation,
    ) -> Result<(Reply<OpOutcome<Plain>>, Vec<String>), FlowError> {
        operation.check(self.shared.config.max_txn_ops)?;
        if let Operation::Txn(txn) = &operation
            && txn.is_read_only()
        {
            let reply = self.read_txn(caller, &operation, is_serializable(txn)).await?;
            return Ok((reply, Vec::new()));
        }
        let limits = &self.shared.limits;
        let _room = match limits.is_empty() {
            true => None,
            // Apart: where nothing is limited, a write is not to carry this along.
            false => Some(Box::pin(limits.room(&self.shared.store, &operation)).await?),
        };
        self.check_room(quota::cost(&operation)).await?;
        let (mut attempts, mut premises, mut caught_up) = (0, 0, false);
        while attempts < ATTEMPTS_MAX && premises < PREMISES_MAX {
            attempts += 1;
            let policy = self.shared.policy.current();
            refuse_if_keyless(policy.keyring(), &operation)?;
            let permit = self.shared.warden.write(caller, &operation)?;
            let Reviewed { write, warnings, notes } = match self.admit(&policy, &permit, &operation).await {
                Ok(Some(admitted)) => admitted,
                Ok(None) => continue,
                // It may be so only because this member is behind: with what plugins read, or with which are in force.
                Err(error @ FlowError::Admission(_)) if !caught_up => {
                    Box::pin(self.catch_up()).await?;
                    caught_up = true;
                    if !policy.reads() && self.shared.policy.current().epoch() == policy.epoch() {
                        return Err(self.remarked(caller, error));
                    }
                    continue;
                }
                Err(error) => return Err(self.remarked(caller, error)),
            };
            if let Some(pause) = failpoint::pause("write.pause") {
                tokio::time::sleep(pause).await;
            }
            let applied = self.shared.consensus.propose(Proposal::write(write)).await?;
            match applied.result {
                Ok(Outcome::Write(outcome)) => {
                    self.record_remarks(caller, applied.revision, &warnings, &notes);
                    let body = self.opener(&policy, &permit, caller).outcome(&operation, outcome)?;
                    return Ok((Reply { header: self.header_at(applied.revision), body }, warnings));
                }
                Ok(other) => return Err(FlowError::Corrupt(format!("a write came out as {other:?}"))),
                Err(Refusal::StalePolicy { current }) => self.shared.policy.reach(current).await?,
                // What was applied here is in the realm already; the next permit is given by the new rules.
                Err(Refusal::StaleAuth { .. }) => {}
                Err(Refusal::StalePremise) => {
                    attempts -= 1;
                    premises += 1;
                }
                Err(Refusal::SealPending) => self.reseal_compared(&operation).await?,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Err(FlowError::PolicyChanging)
    }

    /// Returns once everything that was answered before is applied and in force here.
    async fn catch_up(&self) -> Result<(), FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.shared.policy.caught_up().await.map(drop)
    }

    /// A transaction that writes nothing needs no log entry.
    async fn read_txn(
        &self,
        caller: &Caller,
        operation: &Operation,
        serializable: bool,
    ) -> Result<Reply<OpOutcome<Plain>>, FlowError> {
        self.refuse_if_diverged()?;
        if !serializable {
            self.shared.consensus.confirm_read().await?;
        }
        for _ in 0..ATTEMPTS_MAX {
            let policy = self.shared.policy.current();
            let permit = self.shared.warden.write(caller, operation)?;
            let Some(reviewed) = self.admit(&policy, &permit, operation).await? else { continue };
            let command = reviewed.write.into_command();
            let evaluated = self.view_off_thread(move |view| Ok((view.revision()?, view.evaluate(&command)))).await?;
            let (revision, outcome) = match evaluated {
                (_, Err(ReadError::Refused(Refusal::SealPending))) => {
                    self.reseal_compared(operation).await?;
                    continue;
                }
                (revision, outcome) => (revision, outcome?),
            };
            if permit.is_of(&self.shared.warden.realm()) {
                let policy = self.shared.policy.caught_up().await?;
                let body = self.opener(&policy, &permit, caller).outcome(operation, outcome)?;
                return Ok(Reply { header: Header { revision, ..self.header() }, body });
            }
        }
        Err(Denial::OldRevision.into())
    }

    /// Has an operation reviewed, and sealed with uses of data keys that are reserved for this member; `None` when those keys have retired meanwhile.
    async fn admit(
        &self,
        policy: &Arc<Policy>,
        permit: &Permit,
        operation: &Operation,
    ) -> Result<Option<Reviewed>, FlowError> {
        let admitted = policy.review(permit.clone(), operation).await?;
        loop {
            match admitted.seal() {
                Err(SealError::UsesSpent { id }) => {
                    if !self.reserve_uses(policy.keyring(), id).await? {
                        return Ok(None);
                    }
                }
                sealed => {
                    let (warnings, notes) = (admitted.warnings().to_vec(), admitted.notes().to_vec());
                    return Ok(Some(Reviewed { write: sealed?, warnings, notes }));
                }
            }
        }
    }
}

/// A write that plugins passed, and what they said of it.
struct Reviewed {
    write: SealedWrite,
    /// To whoever wrote.
    warnings: Vec<String>,
    /// To auditors.
    notes: Vec<String>,
}

/// A member without its root key carries out nothing that touches a sealed prefix: it could not answer for it.
fn refuse_if_keyless(keyring: &Keyring, operation: &Operation) -> Result<(), SealError> {
    if !keyring.is_keyless() {
        return Ok(());
    }
    match operation {
        Operation::Put(put) => refuse_sealed(keyring, &KeyRange::single(put.key.clone())),
        Operation::DeleteRange(delete) => refuse_sealed(keyring, &delete.range),
        Operation::Txn(txn) => refuse_sealed_txn(keyring, txn),
    }
}

fn refuse_sealed_txn(keyring: &Keyring, txn: &Txn) -> Result<(), SealError> {
    txn.success.iter().chain(&txn.failure).try_for_each(|op| match op {
        TxnOp::Range(query) => refuse_sealed(keyring, &query.range),
        TxnOp::Put(put) => refuse_sealed(keyring, &KeyRange::single(put.key.clone())),
        TxnOp::DeleteRange(delete) => refuse_sealed(keyring, &delete.range),
        TxnOp::Txn(inner) => refuse_sealed_txn(keyring, inner),
    })
}

fn refuse_sealed(keyring: &Keyring, range: &KeyRange) -> Result<(), SealError> {
    let sealed = keyring.prefixes().find(|prefix| KeyRange::prefix(prefix).overlaps(range));
    match sealed {
        Some(prefix) => Err(SealError::Keyless { prefix: String::from_utf8_lossy(prefix).into_owned() }),
        None => Ok(()),
    }
}

fn is_serializable(txn: &Txn) -> bool {
    txn.success.iter().chain(&txn.failure).all(|op| match op {
        TxnOp::Range(query) => query.serializable,
        TxnOp::Txn(inner) => is_serializable(inner),
        TxnOp::Put(_) | TxnOp::DeleteRange(_) => false,
    })
}
