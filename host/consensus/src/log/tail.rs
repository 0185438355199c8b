//! The newest entries in memory: all that are not durable yet, and recent durable ones up to a bound in bytes.

use std::collections::VecDeque;

use bytes::Bytes;

/// What one cached entry is counted for beyond its payload: its place in the queue and the header of its buffer.
const ENTRY_OVERHEAD_BYTES: usize = 64;

struct Cached {
    /// The operation that brought it; durable once that operation is.
    ticket: u64,
    payload: Bytes,
}

/// A run of entries that ends at the newest one.
pub(super) struct Tail {
    first: u64,
    entries: VecDeque<Cached>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    pub(super) fn new(bytes_max: usize) -> Self {
        Tail { first: 0, entries: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(super) fn get(&self, index: u64) -> Option<&Bytes> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(at).map(|cached| &cached.payload)
    }

    /// `index` follows the newest entry, unless the tail is empty.
    pub(super) fn push(&mut self, ticket: u64, index: u64, payload: Bytes) {
        if self.entries.is_empty() {
            self.first = index;
        }
        assert_eq!(self.first + self.entries.len() as u64, index, "the tail has no holes");
        self.bytes += payload.len() + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(Cached { ticket, payload });
    }

    pub(super) fn truncate_after(&mut self, keep: Option<u64>) {
        while keep.is_none_or(|keep| self.first + self.entries.len() as u64 > keep.saturating_add(1)) {
            let Some(cached) = self.entries.pop_back() else { return };
            self.bytes -= cached.payload.len() + ENTRY_OVERHEAD_BYTES;
        }
    }

    pub(super) fn purge(&mut self, index: u64) {
        while self.first <= index && self.pop_front() {}
    }

    /// Lets go of the oldest entries whose operation is durable until the bound holds.
    pub(super) fn evict(&mut self, durable_ticket: u64) {
        while self.bytes > self.bytes_max
            && self.entries.front().is_some_and(|cached| cached.ticket <= durable_ticket)
            && self.pop_front()
        {}
    }

    fn pop_front(&mut self) -> bool {
        let Some(cached) = self.entries.pop_front() else { return false };
        self.bytes -= cached.payload.len() + ENTRY_OVERHEAD_BYTES;
        self.first += 1;
        true
    }
}
