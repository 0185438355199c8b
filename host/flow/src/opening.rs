//! Opening the values of an outcome for the one who asked, and only as far as asked.

use admission::Policy;
use auth::{Caller, Evidence};
use bytes::Bytes;
use meters::IntCounter;
use ring::digest;
use seal::{Keyring, SealError, Sealed};
use types::{
    Event, KeyValue, OpOutcome, Operation, Plain, RangeOutcome, RangeQuery, SortTarget, Txn, TxnOp, TxnOutcome,
};

use crate::{FlowError, Member, record::SealedReads};

/// Bytes of a key's hash that the log names it by.
const KEY_HASH_BYTES: usize = 8;

/// Opens sealed values with the keyring of one policy epoch, for somebody who may see them.
pub(crate) struct Opener<'k> {
    keyring: &'k Keyring,
    damaged: &'k IntCounter,
    /// What was opened for whom, if that is to be recorded.
    reads: Option<SealedReads<'k>>,
}

/// A range whose values are opened, and the keys that were left out because theirs could not be.
pub(crate) type OpenedRange = (RangeOutcome<Plain>, Vec<Bytes>);

impl Member {
    pub(crate) fn opener<'k>(&'k self, policy: &'k Policy, _leave: &impl Evidence, caller: &'k Caller) -> Opener<'k> {
        let reads = SealedReads::recorded(self, caller);
        Opener { keyring: policy.keyring(), damaged: &self.shared.seal_metrics.damaged, reads }
    }
}

impl Opener<'_> {
    /// The outcome of a whole operation.
    pub(crate) fn outcome(
        &self,
        operation: &Operation,
        outcome: OpOutcome<Sealed>,
    ) -> Result<OpOutcome<Plain>, FlowError> {
        match (operation, outcome) {
            (Operation::Txn(txn), OpOutcome::Txn(outcome)) => Ok(OpOutcome::Txn(self.txn(txn, outcome)?)),
            (_, outcome) => Ok(self.change(outcome)),
        }
    }

    fn txn(&self, txn: &Txn, outcome: TxnOutcome<Sealed>) -> Result<TxnOutcome<Plain>, FlowError> {
        let branch = if outcome.succeeded { &txn.success } else { &txn.failure };
        let responses = branch.iter().zip(outcome.responses).map(|(op, response)| self.op(op, response));
        Ok(TxnOutcome { succeeded: outcome.succeeded, responses: responses.collect::<Result<_, _>>()? })
    }

    fn op(&self, op: &TxnOp, outcome: OpOutcome<Sealed>) -> Result<OpOutcome<Plain>, FlowError> {
        match (op, outcome) {
            (TxnOp::Range(query), OpOutcome::Range(range)) => Ok(OpOutcome::Range(self.range(query, range)?)),
            (TxnOp::Txn(txn), OpOutcome::Txn(outcome)) => Ok(OpOutcome::Txn(self.txn(txn, outcome)?)),
            (_, outcome) => Ok(self.change(outcome)),
        }
    }

    fn change(&self, outcome: OpOutcome<Sealed>) -> OpOutcome<Plain> {
        match outcome {
            OpOutcome::Put { prev } => OpOutcome::Put { prev: prev.and_then(|prev| self.superseded(prev)) },
            OpOutcome::DeleteRange { deleted, prevs } => {
                let prevs = prevs.into_iter().filter_map(|prev| self.superseded(prev)).collect();
                OpOutcome::DeleteRange { deleted, prevs }
            }
            // Only reached when an outcome does not fit its operation; then there is nothing to open.
            OpOutcome::Range(range) => OpOutcome::Range(RangeOutcome {
                kvs: Vec::new(),
                count: range.count,
                more: range.more,
                revision: range.revision,
            }),
            OpOutcome::Txn(txn) => OpOutcome::Txn(TxnOutcome { succeeded: txn.succeeded, responses: Vec::new() }),
        }
    }

    /// A range: opened, then sorted and cut. Values that nobody asked for are not opened.
    pub(crate) fn range(
        &self,
        query: &RangeQuery,
        fetched: RangeOutcome<Sealed>,
    ) -> Result<RangeOutcome<Plain>, FlowError> {
        Ok(self.range_skipping(query, fetched, false)?.0)
    }

    /// The same; `skips` says whether keys whose values cannot be opened are left out.
    pub(crate) fn range_skipping(
        &self,
        query: &RangeQuery,
        fetched: RangeOutcome<Sealed>,
        skips: bool,
    ) -> Result<OpenedRange, FlowError> {
        // Without a value etcd answers from its index of keys, which knows of no lease either.
        let blank = query.keys_only && query.sort_target != SortTarget::Value;
        let mut open = |key: &Bytes, value: Sealed| match blank {
            true => Ok(Plain::default()),
            false => self.open(key, value),
        };
        let (mut kvs, mut damaged) = (Vec::with_capacity(fetched.kvs.len()), Vec::new());
        for kv in fetched.kvs {
            match kv.try_map(&mut open) {
                Ok(kv) => kvs.push(kv),
                Err(FlowError::DamagedRecord { key, .. }) if skips => damaged.push(key),
                Err(error) => return Err(error),
            }
        }
        let mut range = RangeOutcome { kvs, count: fetched.count, more: fetched.more, revision: fetched.revision };
        range.arrange(query);
        if query.keys_only {
            range.kvs.iter_mut().for_each(|kv| kv.value = Plain::default());
        }
        if blank {
            range.kvs.iter_mut().for_each(|kv| kv.lease = 0);
        }
        Ok((range, damaged))
    }

    /// One event for a watcher.
    pub(crate) fn event(&self, event: Event<Sealed>) -> Result<Event<Plain>, FlowError> {
        let prev = event.prev.map(|prev| self.key_value(prev)).transpose()?;
        Ok(Event { kind: event.kind, kv: self.key_value(event.kv)?, prev })
    }

    /// What a write superseded. The write is carried out: a damaged record before it must not make it look failed.
    fn superseded(&self, kv: KeyValue<Sealed>) -> Option<KeyValue<Plain>> {
        let (data_key, revision) = (kv.value.key_id(), kv.mod_revision);
        match self.key_value(kv) {
            Ok(kv) => Some(kv),
            Err(error) => {
                // A damaged record is named by its key's hash, in another line.
                let error = match error {
                    FlowError::DamagedRecord { source, .. } => source.into(),
                    other => other,
                };
                tracing::error!(%error, data_key, revision, "the superseded record cannot be opened; answered without it");
                None
            }
        }
    }

    fn key_value(&self, kv: KeyValue<Sealed>) -> Result<KeyValue<Plain>, FlowError> {
        kv.try_map(&mut |key, value| self.open(key, value))
    }

    fn open(&self, key: &Bytes, value: Sealed) -> Result<Plain, FlowError> {
        if let Some(reads) = self.reads.as_ref().filter(|_| value.is_sealed()) {
            reads.add(key);
        }
        self.keyring.open_value(key, value).map_err(|error| self.failed(key, error))
    }

    /// What is wrong with one record says nothing about others: it is counted, and named so that whoever knows the key finds it.
    fn failed(&self, key: &Bytes, source: SealError) -> FlowError {
        if !source.is_of_one_record() {
            return source.into();
        }
        self.damaged.inc();
        let hash = digest::digest(&digest::SHA256, key);
        let key_sha256 = hash.as_ref()[..KEY_HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        tracing::error!(key_sha256, error = %source, "a record cannot be opened");
        FlowError::DamagedRecord { key: key.clone(), source }
    }
}
