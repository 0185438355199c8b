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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, set_settings, set_store, settings};

    fn keys(listing: &Listing) -> Vec<&[u8]> {
        listing.entries.iter().map(|entry| entry.key.as_slice()).collect()
    }

    #[test]
    fn what_is_not_granted_is_not_read() {
        set_store(&[], [Entry::new(b"/a/1", b"")]);
        assert_eq!(get(b"/a/1").unwrap_err(), ReadError::NotGranted);
        set_store(&[b"/a/"], [Entry::new(b"/a/1", b"")]);
        assert!(get(b"/a/1").unwrap().is_some());
        assert_eq!(get(b"/b").unwrap_err(), ReadError::NotGranted);
        assert_eq!(list(b"/a", b"/a/", 1).unwrap_err(), ReadError::NotGranted);
        assert_eq!(Request::delete(b"/b").previous().unwrap_err(), ReadError::NotGranted);
    }

    #[test]
    fn nothing_is_granted_at_first_and_each_thread_has_its_own() {
        set_store(&[b""], [Entry::new(b"/a", b"")]);
        set_settings("own");
        let other = std::thread::spawn(|| (get(b"/a").unwrap_err(), settings()));
        assert_eq!(other.join().unwrap(), (ReadError::NotGranted, String::new()));
        assert_eq!(settings(), "own");
    }

    #[test]
    fn keys_come_in_their_order_and_page_by_page() {
        set_store(&[b"/"], [b"/b/2", b"/c/1", b"/b/1", b"/a/1"].map(|key| Entry::withheld(key)));
        let first = list(b"/b/", b"", 1).unwrap();
        assert_eq!((keys(&first), first.more), (vec![b"/b/1".as_slice()], true));
        let second = list(b"/b/", b"/b/1\0", 5).unwrap();
        assert_eq!((keys(&second), second.more), (vec![b"/b/2".as_slice()], false));
        // A start before the prefix is none, and a limit of nothing counts as one.
        assert_eq!(keys(&list(b"/b/", b"/a", 0).unwrap()), [b"/b/1"]);
        assert!(list(b"/b/", b"/c", 5).unwrap().entries.is_empty());
    }

    #[test]
    fn a_call_reads_at_most_100_times() {
        set_store(&[b"/"], []);
        for _ in 0..READS_MAX {
            assert!(get(b"/a").unwrap().is_none());
        }
        assert_eq!(get(b"/a").unwrap_err(), ReadError::TooMuch);
        assert_eq!(list(b"/", b"", 1).unwrap_err(), ReadError::TooMuch);
        set_store(&[b"/"], []);
        assert!(get(b"/a").is_ok());
    }

    #[test]
    fn a_call_reads_at_most_4_mib_and_the_rest_of_a_value() {
        set_store(&[b"/"], (0..6_u8).map(|number| Entry::new(&[b'/', number], &vec![0; 1 << 20])));
        let listing = list(b"/", b"", 0x1000).unwrap();
        assert_eq!((listing.entries.len(), listing.more), (4, true));
        assert_eq!(get(b"/\x05").unwrap_err(), ReadError::TooMuch);
    }
}
