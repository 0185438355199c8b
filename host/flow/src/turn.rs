//! Taking turns under a prefix: whoever's key there is the oldest has the turn.
//!
//! Locks and elections are built on it, with the keys of etcd's client libraries: `PREFIX/LEASE` in hex. So those that a
//! client makes for itself and those that it asks this member for exclude each other.

use auth::Caller;
use bytes::Bytes;
use types::{
    Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, OpOutcome, Operation, Plain, Put, PutLease, PutValue,
    RangeQuery, SortOrder, SortTarget, Txn, TxnOp, TxnOutcome,
};

use crate::{DeliveryBody, FlowError, Member, Reply, WatchSpec};

/// Time to live of the lease of a caller that brings none: that of a session in etcd's client library.
const SESSION_TTL_SECONDS: i64 = 60;

const PREDECESSOR: i64 = 0;
const OWN: i64 = 1;

/// A place in the queue under a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// What all keys of the queue begin with.
    pub(crate) prefix: Bytes,
    /// The caller's key.
    pub(crate) key: Bytes,
    /// The lease that the key ends with.
    pub(crate) lease: i64,
}

impl Place {
    fn new(name: &[u8], lease: i64) -> Self {
        let prefix = prefix(name);
        // As Go writes a negative number in hex.
        let sign = if lease < 0 { "-" } else { "" };
        let key = [&prefix, format!("{sign}{:x}", lease.unsigned_abs()).as_bytes()].concat().into();
        Self { prefix, key, lease }
    }
}

/// What all keys of a queue begin with.
pub(crate) fn prefix(name: &[u8]) -> Bytes {
    [name, b"/"].concat().into()
}

/// The oldest key of a queue.
pub(crate) fn oldest(prefix: &[u8]) -> RangeQuery {
    let all = RangeQuery::all(KeyRange::prefix(prefix));
    RangeQuery { limit: 1, sort_order: SortOrder::Ascend, sort_target: SortTarget::Create, ..all }
}

/// Whether a key is the one that was created at a revision, zero for none.
pub(crate) fn created_at(key: &Bytes, revision: i64) -> Compare {
    let range = KeyRange::single(key.clone());
    Compare { range, result: CompareResult::Equal, target: CompareTarget::Create(revision) }
}

pub(crate) fn put(key: &Bytes, value: Plain, lease: i64) -> TxnOp {
    TxnOp::Put(Put { key: key.clone(), value: PutValue::Set(value), lease: PutLease::Set(lease), prev_kv: false })
}

pub(crate) fn delete(key: &Bytes) -> TxnOp {
    TxnOp::DeleteRange(DeleteRange { range: KeyRange::single(key.clone()), prev_kv: false })
}

pub(crate) fn get(key: &Bytes) -> RangeQuery {
    RangeQuery::all(KeyRange::single(key.clone()))
}

impl Member {
    /// The place of a caller's session; without a lease it gets one that ends by itself unless it is kept alive.
    pub(crate) async fn place(&self, caller: &Caller, name: &[u8], lease: i64) -> Result<Place, FlowError> {
        Ok(Place::new(name, self.session_lease(caller, lease).await?))
    }

    /// The lease of a caller's session.
    pub(crate) async fn session_lease(&self, caller: &Caller, lease: i64) -> Result<i64, FlowError> {
        match lease {
            0 => Ok(self.lease_grant(caller, 0, SESSION_TTL_SECONDS).await?.body.id),
            lease => Ok(lease),
        }
    }

    pub(crate) async fn transact(&self, caller: &Caller, txn: Txn) -> Result<Reply<TxnOutcome<Plain>>, FlowError> {
        let Reply { header, body } = self.write(caller, Operation::Txn(txn)).await?;
        match body {
            OpOutcome::Txn(body) => Ok(Reply { header, body }),
            _ => Err(FlowError::Corrupt("a transaction came out as something else".to_owned())),
        }
    }

    /// Returns once every key of the queue that was created before `revision` is deleted.
    ///
    /// # Errors
    /// `lost` when the caller's own key is gone first: its lease ended, or somebody deleted it. Else as for a watch.
    pub(crate) async fn wait_for_turn(
        &self,
        caller: &Caller,
        place: &Place,
        revision: i64,
        lost: fn() -> FlowError,
    ) -> Result<(), FlowError> {
        let before = RangeQuery {
            sort_order: SortOrder::Descend,
            max_create_revision: revision - 1,
            keys_only: true,
            ..oldest(&place.prefix)
        };
        loop {
            let Reply { header, body } = self.range(caller, before.clone()).await?;
            let Some(predecessor) = body.kvs.into_iter().next() else { return Ok(()) };
            let keys = [(PREDECESSOR, predecessor.key), (OWN, place.key.clone())];
            if self.first_deleted(caller, keys, header.revision).await? == OWN {
                return Err(lost());
            }
        }
    }

    /// Waits until one of the keys is deleted; which one.
    async fn first_deleted(&self, caller: &Caller, keys: [(i64, Bytes); 2], from: i64) -> Result<i64, FlowError> {
        let mut follower = self.follow(caller);
        for (id, key) in keys {
            let range = KeyRange::single(key);
            let spec = WatchSpec { range, start_revision: from, prev_kv: false, puts: false, deletes: true };
            follower.open(id, spec)?;
        }
        let delivery = follower.next().await;
        match delivery.body {
            DeliveryBody::Events(_) => Ok(delivery.watch_id),
            DeliveryBody::Compacted { .. } => Err(FlowError::Compacted),
            DeliveryBody::Failed(error) => Err(error),
        }
    }

    /// Gives a place up for the caller, unless it waits to the end.
    pub(crate) fn leaver(&self, caller: &Caller, place: &Place, revision: i64) -> Leaver {
        Leaver { waiting: Some((self.clone(), caller.clone())), key: place.key.clone(), revision }
    }
}

/// Deletes the key of a caller that went away, or whose wait failed: nobody would wait behind it for ever.
pub(crate) struct Leaver {
    waiting: Option<(Member, Caller)>,
    key: Bytes,
    revision: i64,
}

impl Leaver {
    /// The caller has its turn, or its key is gone.
    pub(crate) fn stay(mut self) {
        self.waiting = None;
    }
}

impl Drop for Leaver {
    fn drop(&mut self) {
        let Some((member, caller)) = self.waiting.take() else { return };
        let txn = Txn {
            compare: vec![created_at(&self.key, self.revision)],
            success: vec![delete(&self.key)],
            failure: Vec::new(),
        };
        let leaving = member.clone();
        member.spawn(async move {
            if let Err(error) = leaving.transact(&caller, txn).await {
                tracing::warn!(%error, "the key of a caller that went away stays until its lease ends");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_etcds_client_library() {
        assert_eq!(Place::new(b"lock", 0x1f).key, "lock/1f");
        assert_eq!(Place::new(b"", -1).key, "/-1");
    }
}
