//! The keys that are asked for: how they are written, and in which order they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

use crate::random::Random;

/// Length of a key in bytes when none is asked for and the prefix leaves room.
const KEY_BYTES: usize = 32;

/// How keys are written: the prefix, then the number, with zeros before it up to the length.
#[derive(Clone, Debug)]
pub(crate) struct KeySpace {
    prefix: Bytes,
    key_bytes: usize,
    /// How many keys there are.
    pub(crate) count: u64,
}

impl KeySpace {
    /// `count` keys of `key_bytes` each, or of a sensible length.
    ///
    /// # Errors
    /// The smallest length that would do.
    pub(crate) fn new(prefix: &str, key_bytes: Option<usize>, count: u64) -> Result<Self, usize> {
        let least = prefix.len() + digits(count.saturating_sub(1));
        let key_bytes = key_bytes.unwrap_or_else(|| least.max(KEY_BYTES));
        if key_bytes < least {
            return Err(least);
        }
        Ok(Self { prefix: Bytes::copy_from_slice(prefix.as_bytes()), key_bytes, count })
    }

    /// Bytes of a key.
    pub(crate) fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    /// The key with this number.
    pub(crate) fn key(&self, number: u64) -> Bytes {
        let mut key = BytesMut::with_capacity(self.key_bytes);
        key.extend_from_slice(&self.prefix);
        key.resize(self.key_bytes, b'0');
        let mut rest = number;
        for digit in key[self.prefix.len()..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        key.freeze()
    }

    /// The number of a key, when it is one of these.
    pub(crate) fn number(&self, key: &[u8]) -> Option<u64> {
        let digits = key.strip_prefix(self.prefix.as_ref()).filter(|_| key.len() == self.key_bytes)?;
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(value)
        })?;
        (number < self.count).then_some(number)
    }

    /// The prefix, where all keys are below.
    pub(crate) fn prefix(&self) -> Bytes {
        self.prefix.clone()
    }

    /// The first key that is not below the prefix any more; etcd's `\0` (all that follow) when there is none.
    pub(crate) fn prefix_end(&self) -> Bytes {
        let mut end = self.prefix.to_vec();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                return end.into();
            }
        }
        Bytes::from_static(b"\0")
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// `--order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// Each key as often as any other
    Random,
    /// One after the other, all clients together, from the first again after the last
    Sequential,
    /// The n-th key about 1/n as often as the first (Zipf): of 10000 keys, the first gets 8 % and the first hundred half
    Hot,
}

/// Picks numbers below `count` in an order; clones share the place in a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Picker {
    order: Order,
    count: u64,
    turn: Arc<AtomicU64>,
}

impl Picker {
    /// Picks among `count` numbers, at least one.
    pub(crate) fn new(order: Order, count: u64) -> Self {
        Self { order, count: count.max(1), turn: Arc::default() }
    }

    /// The next number.
    pub(crate) fn pick(&self, random: &mut Random) -> u64 {
        match self.order {
            Order::Random => random.below(self.count),
            Order::Sequential => self.turn.fetch_add(1, Ordering::Relaxed) % self.count,
            // A rank r whose logarithm is even: P(rank < r) = ln(r + 1) / ln(count + 1).
            Order::Hot => (((self.count + 1) as f64).powf(random.fraction()) as u64).clamp(1, self.count) - 1,
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
