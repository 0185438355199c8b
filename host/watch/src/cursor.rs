//! Where one watcher stands.

use seal::Sealed;
use store::{History, HistoryQuery, ReadError, Refusal, RevisionEvents, Store};
use types::{Event, EventKind, KeyRange};

use crate::{Hub, PULL_BYTES_MAX, PULL_ENTRIES_MAX, hub::Recent};

/// What a watcher wants and the next revision it needs.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Which keys.
    pub range: KeyRange,
    /// Whether it wants puts.
    pub puts: bool,
    /// Whether it wants deletes.
    pub deletes: bool,
    /// Whether it wants to see what was there before.
    pub prev_kv: bool,
    /// Everything before this revision has been handed over.
    pub next: i64,
    /// Whether history may begin after `next`: only at the first pull, since later ones go on where that one ended.
    pub from_history: bool,
}

/// What a pull brought.
#[derive(Debug)]
pub enum Pulled {
    /// Events, in order; the cursor has moved behind them. Empty when there was nothing the watcher wants.
    Events(Vec<Event<Sealed>>),
    /// The cursor points before the last compaction.
    Compacted {
        /// Where history begins.
        compact_revision: i64,
    },
}

impl Cursor {
    /// Whether everything up to `revision` has been handed over.
    #[must_use]
    pub fn has_reached(&self, revision: i64) -> bool {
        self.next > revision
    }

    /// Whether the next pull reads from the store rather than from memory, and may wait for the disk.
    #[must_use]
    pub fn reads_store(&self, hub: &Hub) -> bool {
        self.from_history || hub.is_ahead_of(self.next)
    }

    /// Takes the next stretch of events, from memory if it is there and from the store if not.
    ///
    /// # Errors
    /// When the disk does.
    pub fn pull(&mut self, hub: &Hub, store: &Store) -> Result<Pulled, ReadError> {
        if self.next > hub.newest() {
            return Ok(Pulled::Events(Vec::new()));
        }
        if std::mem::take(&mut self.from_history) {
            let compact_revision = store.view(|view| view.compacted())?;
            if self.next < compact_revision {
                return Ok(Pulled::Compacted { compact_revision });
            }
        }
        match hub.recent(self.next) {
            Recent::All(revisions, newest) => Ok(self.take_recent(&revisions, newest)),
            Recent::Behind => self.catch_up(hub.newest(), store),
        }
    }

    fn take_recent(&mut self, revisions: &[RevisionEvents], newest: i64) -> Pulled {
        let all = revisions.iter().flat_map(|one| one.events.iter());
        let events = all.filter(|event| self.wants(&event.kv.key, event.kind)).map(|event| self.shape(event)).collect();
        self.next = newest + 1;
        Pulled::Events(events)
    }

    fn catch_up(&mut self, newest: i64, store: &Store) -> Result<Pulled, ReadError> {
        let wants = |key: &[u8], kind| self.wants(key, kind);
        let query = HistoryQuery {
            from: self.next,
            to: newest,
            wants: &wants,
            prev_kv: self.prev_kv,
            bytes_max: PULL_BYTES_MAX,
            entries_max: PULL_ENTRIES_MAX,
        };
        match store.view(|view| view.history(&query)) {
            Ok(History { revisions, next }) => {
                self.next = next;
                Ok(Pulled::Events(revisions.iter().flat_map(|one| one.events.iter().cloned()).collect()))
            }
            Err(ReadError::Refused(Refusal::Compacted)) => {
                Ok(Pulled::Compacted { compact_revision: store.view(|view| view.compacted())? })
            }
            Err(error) => Err(error),
        }
    }

    fn wants(&self, key: &[u8], kind: EventKind) -> bool {
        let kind = match kind {
            EventKind::Put => self.puts,
            EventKind::Delete => self.deletes,
        };
        kind && self.range.contains(key)
    }

    fn shape(&self, event: &Event<Sealed>) -> Event<Sealed> {
        let prev = if self.prev_kv { event.prev.clone() } else { None };
        Event { kind: event.kind, kv: event.kv.clone(), prev }
    }
}
