//! What plugins read of the store during the reviews of one client request: all at one revision, and noted, so that the write
//! is carried out only while it still is so.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use seal::{Keyring, Sealed};
use store::command::{Keys, Premise};
use store::{Piece, PieceLimits, ReadError, Store};
use types::{KeyRange, KeyValue, RangeEnd};

use crate::contract::host;
use crate::limits::{READ_BYTES_MAX, READ_ENTRIES_MAX, READS_MAX};

/// Where plugins read.
pub trait State: Send + Sync {
    /// The first keys of a range as it was at `revision`, zero for the newest.
    ///
    /// # Errors
    /// As [`store::View::piece`].
    fn piece(&self, range: &KeyRange, revision: i64, limits: PieceLimits) -> Result<Piece, ReadError>;
}

impl State for Store {
    fn piece(&self, range: &KeyRange, revision: i64, limits: PieceLimits) -> Result<Piece, ReadError> {
        self.view(|view| view.piece(range, revision, limits))
    }
}

/// The state for the reviews of one request.
pub(crate) struct Reading {
    state: Arc<dyn State>,
    keyring: Arc<Keyring>,
    /// Of the first read.
    revision: OnceLock<i64>,
    premises: Mutex<Vec<Premise>>,
}

impl Reading {
    pub(crate) fn new(state: Arc<dyn State>, keyring: Arc<Keyring>) -> Self {
        Self { state, keyring, revision: OnceLock::new(), premises: Mutex::default() }
    }

    /// The same at one revision of the past.
    pub(crate) fn at(revision: i64, state: Arc<dyn State>, keyring: Arc<Keyring>) -> Self {
        Self { revision: OnceLock::from(revision), ..Self::new(state, keyring) }
    }

    /// What was read for verdicts that hold, and forgets it.
    pub(crate) fn take_premises(&self) -> Vec<Premise> {
        std::mem::take(&mut *self.premises())
    }

    fn piece(&self, range: &KeyRange, limits: PieceLimits) -> Result<Piece, ReadError> {
        let piece = self.state.piece(range, self.revision.get().copied().unwrap_or(0), limits)?;
        // Reviews of one request follow each other: nobody else reads in between.
        self.revision.get_or_init(|| piece.revision);
        let read = match piece.kvs.last() {
            Some(last) if piece.more => KeyRange { end: RangeEnd::Before(after(&last.key)), ..range.clone() },
            _ => range.clone(),
        };
        let premise = Premise {
            keys: Some(Keys::from(&read)),
            count: piece.kvs.len() as u64,
            newest: piece.kvs.iter().map(|kv| kv.mod_revision).max().unwrap_or(0),
        };
        self.premises().push(premise);
        Ok(piece)
    }

    fn premises(&self) -> MutexGuard<'_, Vec<Premise>> {
        self.premises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first key behind this one.
fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

/// What one call into a plugin may read, and what it has read.
#[derive(Default)]
pub(crate) struct Reader {
    reading: Option<Arc<Reading>>,
    /// Prefixes.
    granted: Arc<[Bytes]>,
    sees_sealed: bool,
    times_left: usize,
    bytes_left: usize,
    /// It was given a value that is sealed everywhere else.
    pub(crate) saw_sealed: bool,
}

impl Reader {
    pub(crate) fn new(reading: Option<Arc<Reading>>, granted: Arc<[Bytes]>, sees_sealed: bool) -> Self {
        Self { reading, granted, sees_sealed, times_left: READS_MAX, bytes_left: READ_BYTES_MAX, saw_sealed: false }
    }

    /// The outer error is the store's, and ends the guest.
    pub(crate) fn get(&mut self, key: Vec<u8>) -> Result<Result<Option<host::Entry>, host::ReadError>, String> {
        if !self.granted.iter().any(|granted| key.starts_with(granted)) {
            return Ok(Err(host::ReadError::NotGranted));
        }
        let listed = self.read(&KeyRange::single(key), 1)?;
        Ok(listed.map(|listed| listed.entries.into_iter().next()))
    }

    /// The same.
    pub(crate) fn list(
        &mut self,
        prefix: &[u8],
        start: Vec<u8>,
        limit: u32,
    ) -> Result<Result<host::Listing, host::ReadError>, String> {
        if !self.granted.iter().any(|granted| prefix.starts_with(granted)) {
            return Ok(Err(host::ReadError::NotGranted));
        }
        let whole = KeyRange::prefix(prefix);
        let range = if *start > *whole.start { KeyRange { start: start.into(), ..whole } } else { whole };
        self.read(&range, (limit as usize).clamp(1, READ_ENTRIES_MAX))
    }

    fn read(&mut self, range: &KeyRange, limit: usize) -> Result<Result<host::Listing, host::ReadError>, String> {
        let Some(reading) = self.reading.clone() else { return Ok(Err(host::ReadError::NotGranted)) };
        if self.times_left == 0 || self.bytes_left == 0 {
            return Ok(Err(host::ReadError::TooMuch));
        }
        let limits = PieceLimits { keys: limit, bytes: self.bytes_left };
        let piece = reading.piece(range, limits).map_err(|error| error.to_string())?;
        self.times_left -= 1;
        let bytes = piece.kvs.iter().map(|kv| kv.key.len() + kv.value.bytes().len()).sum();
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        let entries = piece.kvs.into_iter().map(|kv| self.entry(&reading.keyring, kv)).collect::<Result<_, _>>()?;
        Ok(Ok(host::Listing { entries, more: piece.more }))
    }

    fn entry(&mut self, keyring: &Keyring, kv: KeyValue<Sealed>) -> Result<host::Entry, String> {
        let KeyValue { key, value, create_revision, mod_revision, version, lease } = kv;
        let is_sealed = value.is_sealed() || keyring.covers(&key);
        let value = if is_sealed && !self.sees_sealed {
            None
        } else {
            let value = keyring.open_value(&key, value).map_err(|error| error.to_string())?;
            self.saw_sealed |= is_sealed;
            Some(value.expose().to_vec())
        };
        Ok(host::Entry { key: key.to_vec(), value, create_revision, mod_revision, version, lease })
    }
}
