//! The host of native tests: settings and a small store, one of each for every thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Entry, Level, Listing, ReadError};

// As in the contract.
const READS_MAX: usize = 100;
const READ_BYTES_MAX: usize = 4 << 20;
const LIST_MAX: u32 = 1_000;

thread_local! {
    pub(super) static SETTINGS: RefCell<String> = const { RefCell::new(String::new()) };
    pub(super) static STORE: RefCell<Store> = const { RefCell::new(Store::empty()) };
}

pub(super) fn log(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

pub(super) fn settings() -> String {
    SETTINGS.with_borrow(Clone::clone)
}

pub(super) fn get(key: &[u8]) -> Result<Option<Entry>, ReadError> {
    STORE.with_borrow_mut(|store| store.get(key))
}

pub(super) fn list(prefix: &[u8], start: &[u8], limit: u32) -> Result<Listing, ReadError> {
    STORE.with_borrow_mut(|store| store.list(prefix, start, limit))
}

/// What there is to read, and how much of it still may be.
pub(super) struct Store {
    granted: Vec<Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Entry>,
    times_left: usize,
    bytes_left: usize,
}

impl Store {
    const fn empty() -> Self {
        Self { granted: Vec::new(), entries: BTreeMap::new(), times_left: READS_MAX, bytes_left: READ_BYTES_MAX }
    }

    pub(super) fn new(granted: &[&[u8]], entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            granted: granted.iter().map(|prefix| prefix.to_vec()).collect(),
            entries: entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect(),
            ..Self::empty()
        }
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Entry>, ReadError> {
        self.begin(key)?;
        let found = self.entries.get(key).cloned();
        self.bytes_left = self.bytes_left.saturating_sub(found.as_ref().map_or(0, size));
        Ok(found)
    }

    /// As the host does it, the read that uses up the bytes ends there, and there is more.
    fn list(&mut self, prefix: &[u8], start: &[u8], limit: u32) -> Result<Listing, ReadError> {
        self.begin(prefix)?;
        let first = Bound::Included(prefix.max(start));
        let within = self.entries.range::<[u8], _>((first, Bound::Unbounded));
        let mut within = within.map(|(_, entry)| entry).take_while(|entry| entry.key.starts_with(prefix)).peekable();
        let mut entries = Vec::new();
        let limit = limit.clamp(1, LIST_MAX) as usize;
        while entries.len() < limit && self.bytes_left > 0 {
            let Some(entry) = within.next() else { break };
            self.bytes_left = self.bytes_left.saturating_sub(size(entry));
            entries.push(entry.clone());
        }
        Ok(Listing { more: within.peek().is_some(), entries })
    }

    fn begin(&mut self, prefix: &[u8]) -> Result<(), ReadError> {
        if !self.granted.iter().any(|granted| prefix.starts_with(granted)) {
            return Err(ReadError::NotGranted);
        }
        if self.times_left == 0 || self.bytes_left == 0 {
            return Err(ReadError::TooMuch);
        }
        self.times_left -= 1;
        Ok(())
    }
}

fn size(entry: &Entry) -> usize {
    entry.key.len() + entry.value.as_ref().map_or(0, Vec::len)
}
