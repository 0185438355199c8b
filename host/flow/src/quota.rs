//! The quota: what the state may grow to before writes are refused.

use std::sync::atomic::{AtomicU64, Ordering};

use store::{ALARM_NO_SPACE, Store, StoreError};
use types::{Operation, Put, PutValue, Txn, TxnOp};

use crate::{Alarm, FlowError, Member};

/// etcd's default quota.
pub const QUOTA_BYTES_DEFAULT: i64 = 2 << 30;

/// etcd's estimate of what a key costs beside its name and value.
const KEY_OVERHEAD_BYTES: u64 = 256;

/// etcd's estimate of what a lease costs.
pub(crate) const LEASE_BYTES: u64 = 64;

/// Measures the state only when the estimate says that the quota could be reached: measuring costs more than a write.
pub(crate) struct Quota {
    /// `None` for no limit.
    bytes_max: Option<u64>,
    /// The size when it was measured last, and what was written since.
    estimate: AtomicU64,
}

impl Quota {
    pub(crate) fn new(configured: i64) -> Self {
        let quota_size_bytes = shown(configured);
        match configured {
            ..0 => tracing::info!(quota_size_bytes, "disabled backend quota"),
            0 => tracing::info!(quota_size_bytes, "enabled backend quota with default value"),
            1.. => tracing::info!(quota_size_bytes, "enabled backend quota"),
        }
        Self { bytes_max: u64::try_from(quota_size_bytes).ok(), estimate: AtomicU64::new(u64::MAX) }
    }

    /// Whether there is room for a write of `cost` bytes.
    fn has_room(&self, store: &Store, cost: u64) -> Result<bool, StoreError> {
        let Some(bytes_max) = self.bytes_max else { return Ok(true) };
        let fits = |size: u64| size.saturating_add(cost) < bytes_max;
        if fits(self.estimate.load(Ordering::Relaxed)) {
            self.estimate.fetch_add(cost, Ordering::Relaxed);
            return Ok(true);
        }
        let (size, _) = store.size_bytes()?;
        self.estimate.store(size.saturating_add(cost), Ordering::Relaxed);
        Ok(fits(size))
    }
}

/// The quota that a configured number means, as Status shows it.
pub(crate) fn shown(configured: i64) -> i64 {
    if configured == 0 { QUOTA_BYTES_DEFAULT } else { configured }
}

impl Member {
    /// Refuses a write that the quota has no room for, and raises the alarm that keeps every member from writing more.
    pub(crate) async fn check_room(&self, cost: u64) -> Result<(), FlowError> {
        if cost == 0 || self.shared.quota.has_room(&self.shared.store, cost)? {
            return Ok(());
        }
        let alarm = Alarm { kind: ALARM_NO_SPACE, member_id: self.shared.identity.member_id };
        if !self.standing()?.contains(&alarm) {
            let quota_size_bytes = shown(self.shared.config.quota_backend_bytes);
            tracing::warn!(quota_size_bytes, "message exceeded backend quota; raising alarm");
            self.set_alarm(true, alarm).await?;
        }
        Err(FlowError::NoSpace)
    }
}

/// What an operation may add to the state: the dearer branch of a transaction. Zero for what only deletes.
pub(crate) fn cost(operation: &Operation) -> u64 {
    match operation {
        Operation::Put(put) => cost_of_put(put),
        Operation::DeleteRange(_) => 0,
        Operation::Txn(txn) => cost_of_txn(txn),
    }
}

fn cost_of_txn(txn: &Txn) -> u64 {
    let of_op = |op: &TxnOp| match op {
        TxnOp::Put(put) => cost_of_put(put),
        TxnOp::Txn(inner) => cost_of_txn(inner),
        TxnOp::Range(_) | TxnOp::DeleteRange(_) => 0,
    };
    let of_branch = |branch: &[TxnOp]| branch.iter().map(of_op).sum();
    u64::max(of_branch(&txn.success), of_branch(&txn.failure))
}

fn cost_of_put(put: &Put) -> u64 {
    let value = match &put.value {
        PutValue::Set(value) => value.len(),
        PutValue::Keep => 0,
    };
    KEY_OVERHEAD_BYTES + put.key.len() as u64 + value as u64
}

#[cfg(test)]
mod tests {
    use types::PutLease;

    use super::*;

    fn put(value: &str) -> Put {
        let value = PutValue::Set(value.as_bytes().to_vec().into());
        Put { key: "k".into(), value, lease: PutLease::Set(0), prev_kv: false }
    }

    #[test]
    fn a_transaction_costs_as_much_as_its_dearer_branch() {
        let branch = |puts: usize| (0..puts).map(|_| TxnOp::Put(put("four"))).collect::<Vec<_>>();
        let inner = Txn { compare: Vec::new(), success: branch(2), failure: branch(1) };
        let mut failure = branch(1);
        failure.push(TxnOp::Txn(inner));
        let txn = Txn { compare: Vec::new(), success: branch(1), failure };
        assert_eq!(cost(&Operation::Put(put("four"))), 256 + 1 + 4);
        assert_eq!(cost(&Operation::Txn(txn)), 3 * (256 + 1 + 4));
    }

    #[test]
    fn the_size_is_measured_when_the_estimate_reaches_the_quota() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let quota = Quota { bytes_max: Some(1 << 20), estimate: AtomicU64::new(u64::MAX) };
        for _ in 0..100 {
            assert!(quota.has_room(&store, 100_000).unwrap(), "nothing of it was written, so there always is room");
        }
        assert!(!quota.has_room(&store, 2 << 20).unwrap());
        assert!(Quota { bytes_max: None, estimate: AtomicU64::new(0) }.has_room(&store, u64::MAX).unwrap());
    }
}
