//! Quotas and rates of prefixes.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, RateLimiter};
use meters::{IntCounterVec, IntGaugeVec, Registry, counters, gauges};
use store::{PrefixUsage, Store, StoreError};
use types::{Operation, Put, PutValue, Txn, TxnOp};

use super::{LimitsConfig, PrefixLimit};
use crate::{FlowError, sealing::shown};

/// What a sealed value takes beyond its plaintext, at most, and not counting padding.
const SEALED_BYTES: i64 = 128;

/// The limits of every prefix, with what lies there.
pub(crate) struct PrefixLimits {
    held: Vec<Held>,
    refused: IntCounterVec,
    maxima: IntGaugeVec,
}

struct Held {
    limit: PrefixLimit,
    usage: PrefixUsage,
    rate: Option<DefaultDirectRateLimiter>,
    /// What writes under way may add.
    coming_keys: AtomicI64,
    coming_bytes: AtomicI64,
}

/// Room that a write under way has been given, until it is applied or has failed.
pub(crate) struct Room {
    limits: Arc<PrefixLimits>,
    /// Which prefix, keys and bytes.
    taken: Vec<(usize, i64, i64)>,
}

impl PrefixLimits {
    /// Counts what lies under each prefix.
    pub(crate) fn new(config: &LimitsConfig, store: &Store) -> Result<Arc<Self>, StoreError> {
        let prefixes: Vec<Bytes> = config.prefixes.iter().map(|limit| limit.prefix.clone()).collect();
        let usages = store.count_prefixes(&prefixes)?;
        let maxima = gauges("strongroom_prefix_max", "What a prefix may hold.", &["prefix", "limit"]);
        let held = config.prefixes.iter().zip(usages.iter()).map(|(limit, usage)| {
            for (name, max) in [("keys", limit.keys_max), ("bytes", limit.bytes_max)] {
                if let Some(max) = max {
                    let gauge = maxima.with_label_values(&[&*shown(&limit.prefix), name]);
                    gauge.set(i64::try_from(max).unwrap_or(i64::MAX));
                }
            }
            Held {
                rate: limit.writes.map(|rate| RateLimiter::direct(rate.quota())),
                limit: limit.clone(),
                usage: usage.clone(),
                coming_keys: AtomicI64::new(0),
                coming_bytes: AtomicI64::new(0),
            }
        });
        let refused = counters(
            "strongroom_prefix_refused_total",
            "Writes that were refused because a prefix is full or written too fast.",
            &["prefix", "limit"],
        );
        Ok(Arc::new(Self { held: held.collect(), refused, maxima }))
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(&self.refused);
        registry.add(&self.maxima);
    }

    /// Whether nothing is limited.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Finds room for a write.
    ///
    /// # Errors
    /// The prefix is full, or written too fast; or the disk's.
    pub(crate) async fn room(self: &Arc<Self>, store: &Store, operation: &Operation) -> Result<Room, FlowError> {
        let mut puts = Vec::new();
        gather(operation, &mut puts);
        let mut room = Room { limits: Arc::clone(self), taken: Vec::new() };
        for (at, held) in self.held.iter().enumerate() {
            let meant: Vec<&Put> = puts.iter().copied().filter(|put| put.key.starts_with(&held.limit.prefix)).collect();
            let Some(count) = u32::try_from(meant.len()).ok().and_then(NonZeroU32::new) else { continue };
            let found = match held.keeps_pace(count) {
                Ok(()) => held.fits(store, &meant).await,
                Err(error) => Err(error),
            };
            let (keys, bytes) = found.inspect_err(|error| self.count(&held.limit.prefix, error))?;
            held.coming_keys.fetch_add(keys, Ordering::Relaxed);
            held.coming_bytes.fetch_add(bytes, Ordering::Relaxed);
            room.taken.push((at, keys, bytes));
        }
        Ok(room)
    }

    fn count(&self, prefix: &[u8], error: &FlowError) {
        let limit = match error {
            FlowError::PrefixFull { limit, .. } => *limit,
            FlowError::PrefixTooFast { .. } => "rate",
            _ => return,
        };
        self.refused.with_label_values(&[&*shown(prefix), limit]).inc();
    }
}

impl Held {
    fn keeps_pace(&self, puts: NonZeroU32) -> Result<(), FlowError> {
        let (Some(limiter), Some(rate)) = (&self.rate, self.limit.writes) else { return Ok(()) };
        match limiter.check_n(puts) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(FlowError::PrefixTooFast {
                prefix: shown(&self.limit.prefix),
                per_second: rate.per_second.get(),
                burst: rate.burst.get(),
            }),
        }
    }

    /// How many keys and bytes the puts add at most. Only when that may be too much, it is looked which of the keys are there.
    async fn fits(&self, store: &Store, puts: &[&Put]) -> Result<(i64, i64), FlowError> {
        let keys = i64::try_from(puts.len()).unwrap_or(i64::MAX);
        let bytes = puts.iter().map(|put| size(put)).sum();
        if self.overrun(keys, bytes).is_none() {
            return Ok((keys, bytes));
        }
        let (store, names) = (store.clone(), puts.iter().map(|put| put.key.clone()).collect::<Vec<_>>());
        let known = tokio::task::spawn_blocking(move || {
            names.iter().map(|key| store.key_bytes(key)).collect::<Result<Vec<_>, StoreError>>()
        });
        let known = known.await??;
        let replaced: u64 = known.iter().flatten().sum();
        let keys = i64::try_from(known.iter().filter(|known| known.is_none()).count()).unwrap_or(i64::MAX);
        let bytes: i64 = bytes - i64::try_from(replaced).unwrap_or(i64::MAX);
        match self.overrun(keys, bytes) {
            Some((limit, max)) => Err(FlowError::PrefixFull { prefix: shown(&self.limit.prefix), limit, max }),
            None => Ok((keys.max(0), bytes.max(0))),
        }
    }

    /// Which limit so much more would go over. What adds nothing goes over none.
    fn overrun(&self, keys: i64, bytes: i64) -> Option<(&'static str, u64)> {
        let over = |max: Option<u64>, now: i64, coming: &AtomicI64, more: i64| {
            let total = now.saturating_add(coming.load(Ordering::Relaxed)).saturating_add(more);
            max.filter(|max| more > 0 && u64::try_from(total).is_ok_and(|total| total > *max))
        };
        let keys = over(self.limit.keys_max, self.usage.keys(), &self.coming_keys, keys).map(|max| ("keys", max));
        keys.or_else(|| {
            over(self.limit.bytes_max, self.usage.bytes(), &self.coming_bytes, bytes).map(|max| ("bytes", max))
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for (at, keys, bytes) in &self.taken {
            self.limits.held[*at].coming_keys.fetch_sub(*keys, Ordering::Relaxed);
            self.limits.held[*at].coming_bytes.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }
}

/// Every put, those of both branches of a transaction.
fn gather<'o>(operation: &'o Operation, puts: &mut Vec<&'o Put>) {
    match operation {
        Operation::Put(put) => puts.push(put),
        Operation::Txn(txn) => gather_txn(txn, puts),
        Operation::DeleteRange(_) => {}
    }
}

fn gather_txn<'o>(txn: &'o Txn, puts: &mut Vec<&'o Put>) {
    for op in txn.success.iter().chain(&txn.failure) {
        match op {
            TxnOp::Put(put) => puts.push(put),
            TxnOp::Txn(inner) => gather_txn(inner, puts),
            TxnOp::Range(_) | TxnOp::DeleteRange(_) => {}
        }
    }
}

fn size(put: &Put) -> i64 {
    let value = match &put.value {
        PutValue::Set(value) => value.len(),
        PutValue::Keep => 0,
    };
    i64::try_from(put.key.len() + value).unwrap_or(i64::MAX).saturating_add(SEALED_BYTES)
}
