//! The keys of a run on the server: written before, deleted after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};
use proto::etcdserverpb::{
    DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, request_op::Request as Operation,
};
use tokio::task::JoinSet;

use crate::connection::{Kv, answer};
use crate::error::BenchError;
use crate::keys::KeySpace;
use crate::progress::bar;
use crate::random::Random;
use crate::session::Session;
use crate::table::many;
use crate::values::Values;

/// Puts of one transaction: half of what servers accept by default.
const BATCH_PUTS: u64 = 64;

/// Bytes of one transaction: two thirds of what servers accept by default.
const BATCH_BYTES: usize = 1 << 20;

/// Transactions that are under way at a time. More would fill the server's queue, not its disk.
const WRITERS: usize = 16;

/// Keys that one call deletes at most: a server is busy with a large one, and its other clients wait.
const DELETED_AT_ONCE: u64 = 10_000;

/// The keys below the prefix.
pub(crate) struct Dataset<'a> {
    session: &'a Session,
    keep: bool,
    /// Keys that were there before.
    before: u64,
}

impl<'a> Dataset<'a> {
    /// Looks what is there.
    ///
    /// # Errors
    /// [`BenchError`] when the server does not say.
    pub(crate) async fn open(session: &'a Session, keep: bool) -> Result<Self, BenchError> {
        let (first, end) = (session.keys.prefix(), session.keys.prefix_end());
        let before = count(session, first, end).await?;
        Ok(Self { session, keep, before })
    }

    /// Writes the first `count` keys, unless as many are there.
    ///
    /// # Errors
    /// [`BenchError`] when that fails or is interrupted.
    pub(crate) async fn prepare(&self, keys: u64) -> Result<(), BenchError> {
        let space = &self.session.keys;
        if keys == 0 || count(self.session, space.key(0), after(space.key(keys - 1))).await? >= keys {
            return Ok(());
        }
        let bytes = space.key_bytes() + self.session.value_bytes + 64;
        let batch = (BATCH_BYTES / bytes).clamp(1, BATCH_PUTS as usize) as u64;
        let (next, bar) = (Arc::new(AtomicU64::new(0)), bar("preparing", keys));
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer {
                kv: self.session.connection(number).kv(),
                space: space.clone(),
                values: self.session.values.clone(),
                random: Random::of_client(!self.session.seed, number),
            };
            let (next, bar, limit) = (Arc::clone(&next), bar.clone(), self.session.timeout);
            writers.spawn(async move {
                let mut writer = writer;
                loop {
                    let first = next.fetch_add(batch, Ordering::Relaxed);
                    if first >= keys {
                        return Ok::<_, BenchError>(());
                    }
                    let last = (first + batch).min(keys);
                    answer("write the keys to begin with", limit, writer.write(first..last)).await?;
                    bar.inc(last - first);
                }
            });
        }
        loop {
            tokio::select! {
                writer = writers.join_next() => match writer {
                    Some(outcome) => outcome??,
                    None => break,
                },
                () = self.session.interrupt.pressed(1) => return Err(BenchError::Interrupted),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Deletes what the run may have written, or says why not.
    ///
    /// # Errors
    /// [`BenchError`] when that fails.
    pub(crate) async fn clear(&self) -> Result<Option<String>, BenchError> {
        if self.keep {
            return Ok(None);
        }
        let space = &self.session.keys;
        if self.before > 0 {
            let prefix = String::from_utf8_lossy(&space.prefix()).into_owned();
            let remark = format!("nothing was deleted, because {prefix:?} held {} before", many(self.before, "key"));
            return Ok(Some(remark));
        }
        let mut kv = self.session.connection(0).kv();
        for first in (0..space.count).step_by(DELETED_AT_ONCE as usize) {
            let last = (first + DELETED_AT_ONCE).min(space.count) - 1;
            let (key, range_end) = (space.key(first), after(space.key(last)));
            let request = DeleteRangeRequest { key, range_end, ..DeleteRangeRequest::default() };
            self.session.answer("delete the keys that were written", kv.delete_range(request)).await?;
        }
        Ok(None)
    }
}

struct Writer {
    kv: Kv,
    space: KeySpace,
    values: Values,
    random: Random,
}

impl Writer {
    async fn write(&mut self, numbers: std::ops::Range<u64>) -> Result<(), tonic::Status> {
        let put = |number| {
            let (key, value) = (self.space.key(number), self.values.value(&mut self.random));
            let put = PutRequest { key, value, ..PutRequest::default() };
            RequestOp { request: Some(Operation::RequestPut(put)) }
        };
        let success = numbers.map(put).collect();
        self.kv.txn(TxnRequest { success, ..TxnRequest::default() }).await?;
        Ok(())
    }
}

async fn count(session: &Session, key: Bytes, range_end: Bytes) -> Result<u64, BenchError> {
    let request = RangeRequest { key, range_end, count_only: true, ..RangeRequest::default() };
    let mut kv = session.connection(0).kv();
    let response = session.answer("count the keys below --prefix", kv.range(request)).await?;
    Ok(u64::try_from(response.count).unwrap_or(0))
}

/// The key right after this one.
pub(crate) fn after(key: Bytes) -> Bytes {
    let mut next = BytesMut::from(key);
    next.put_u8(0);
    next.freeze()
}
