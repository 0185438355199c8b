//! Locks, as etcd's lock service keeps them.

use auth::Caller;
use bytes::Bytes;
use types::{OpOutcome, Plain, RangeQuery, Txn, TxnOp, TxnOutcome};

use crate::{
    FlowError, Header, Member, Reply,
    turn::{Place, created_at, get, oldest, put},
};

impl Member {
    /// Waits for the lock of a name and holds it until its key is deleted or the lease ends; the key. A caller without a
    /// lease gets one.
    ///
    /// # Errors
    /// No such lease, or it ended during the wait; otherwise as for a write.
    pub async fn lock(&self, caller: &Caller, name: &[u8], lease: i64) -> Result<Reply<Bytes>, FlowError> {
        let place = self.place(caller, name, lease).await?;
        let Reply { header, body } = self.transact(caller, line_up(&place)).await?;
        let (own, holder) = standing(&body);
        let revision = own.unwrap_or(header.revision);
        // Without anybody else there the holder is the caller, who may not have been in the queue before.
        if holder.is_none_or(|holder| holder == revision) {
            return Ok(Reply { header, body: place.key });
        }
        let leaver = self.leaver(caller, &place, revision);
        self.wait_for_turn(caller, &place, revision, || FlowError::SessionExpired).await?;
        let held = self.range(caller, get(&place.key)).await?;
        leaver.stay();
        if held.body.kvs.is_empty() {
            return Err(FlowError::SessionExpired);
        }
        Ok(Reply { header: held.header, body: place.key })
    }

    /// Gives a lock back by its key.
    ///
    /// # Errors
    /// As for a write.
    pub async fn unlock(&self, caller: &Caller, key: Bytes) -> Result<Header, FlowError> {
        let range = types::KeyRange::single(key);
        let delete = types::Operation::DeleteRange(types::DeleteRange { range, prev_kv: false });
        Ok(self.write(caller, delete).await?.header)
    }
}

/// Puts the caller's key unless it is there, and looks who has the turn.
fn line_up(place: &Place) -> Txn {
    let holder = || TxnOp::Range(RangeQuery { keys_only: true, ..oldest(&place.prefix) });
    Txn {
        compare: vec![created_at(&place.key, 0)],
        success: vec![put(&place.key, Plain::default(), place.lease), holder()],
        failure: vec![TxnOp::Range(RangeQuery { keys_only: true, ..get(&place.key) }), holder()],
    }
}

/// When the caller's key was created if it was there already, and when the holder's was.
fn standing(outcome: &TxnOutcome<Plain>) -> (Option<i64>, Option<i64>) {
    let created = |at: usize| match outcome.responses.get(at) {
        Some(OpOutcome::Range(range)) => range.kvs.first().map(|kv| kv.create_revision),
        _ => None,
    };
    (created(0), created(1))
}
