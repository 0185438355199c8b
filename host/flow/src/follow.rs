//! Following: what a watcher is delivered, opened for it.

use std::{collections::BTreeMap, ops::Bound};

use auth::Caller;
use consensus::blocking;
use tokio::sync::watch as signal;
use types::{Event, KeyRange, Plain};
use watch::{Cursor, Pulled};

use crate::{FlowError, Header, Member, opening::Opener};

/// What a watch wants.
#[derive(Clone, Debug)]
pub struct WatchSpec {
    /// Which keys.
    pub range: KeyRange,
    /// First revision; zero for everything after now.
    pub start_revision: i64,
    /// Whether to show what was there before.
    pub prev_kv: bool,
    /// Whether puts are wanted.
    pub puts: bool,
    /// Whether deletes are wanted.
    pub deletes: bool,
}

/// Something to tell a watch.
pub struct Delivery {
    /// Which watch.
    pub watch_id: i64,
    /// Everything up to this header's revision has been delivered to it, this included.
    pub header: Header,
    /// What.
    pub body: DeliveryBody,
}

/// What a watch is told.
pub enum DeliveryBody {
    /// Events, in order.
    Events(Vec<Event<Plain>>),
    /// It asked for history that is gone; the watch is closed.
    Compacted {
        /// Where history begins.
        compact_revision: i64,
    },
    /// Its events cannot be shown; the watch is closed.
    Failed(FlowError),
}

/// All watches of one stream. Each holds only its place; nothing is queued for it.
pub struct Follower {
    member: Member,
    newest: signal::Receiver<i64>,
    cursors: BTreeMap<i64, Cursor>,
    /// The watch that was served last, so that the others come first next time.
    served: i64,
}

impl Member {
    /// Begins to follow, with no watch yet.
    #[must_use]
    pub fn follow(&self, _caller: &Caller) -> Follower {
        Follower {
            member: self.clone(),
            newest: self.shared.hub.subscribe(),
            cursors: BTreeMap::new(),
            served: i64::MIN,
        }
    }
}

impl Follower {
    /// Opens a watch under an id that is not in use. A start in the future waits; one before the compaction is told so by
    /// its first delivery.
    ///
    /// # Errors
    /// When the disk does.
    pub fn open(&mut self, id: i64, spec: WatchSpec) -> Result<Header, FlowError> {
        // The state may be a moment ahead of what is published; a client that has read it must not be told again.
        let revision = self.member.shared.store.view(|view| view.revision())?;
        let header = self.member.header_at(revision);
        let from_history = spec.start_revision > 0;
        let next = if from_history { spec.start_revision } else { header.revision + 1 };
        let WatchSpec { range, prev_kv, puts, deletes, .. } = spec;
        let cursor = Cursor { range, puts, deletes, prev_kv, next, from_history };
        self.cursors.insert(id, cursor);
        Ok(header)
    }

    /// Closes a watch; whether there was one.
    pub fn close(&mut self, id: i64) -> bool {
        self.cursors.remove(&id).is_some()
    }

    /// Whether this watch is open.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        self.cursors.contains_key(&id)
    }

    /// Whether no watch is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cursors.is_empty()
    }

    /// The revision up to which every watch has been delivered everything; `None` without a watch.
    #[must_use]
    pub fn progress(&self) -> Option<i64> {
        self.cursors.values().map(|cursor| self.delivered(cursor)).min()
    }

    /// The same for one watch.
    #[must_use]
    pub fn progress_of(&self, id: i64) -> Option<i64> {
        self.cursors.get(&id).map(|cursor| self.delivered(cursor))
    }

    fn delivered(&self, cursor: &Cursor) -> i64 {
        (cursor.next - 1).min(self.member.shared.hub.newest())
    }

    /// The next delivery; waits until there is one. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Delivery {
        loop {
            let newest = *self.newest.borrow_and_update();
            match self.behind(newest) {
                Some(id) => {
                    if let Some(delivery) = self.pull(id) {
                        return delivery;
                    }
                    // History is read in stretches; other tasks of this thread get their turn between them.
                    tokio::task::yield_now().await;
                }
                None if self.newest.changed().await.is_err() => std::future::pending().await,
                None => {}
            }
        }
    }

    /// A watch that has not reached `newest`, the one after the last served first.
    fn behind(&self, newest: i64) -> Option<i64> {
        let after = self.cursors.range((Bound::Excluded(self.served), Bound::Unbounded));
        let until = self.cursors.range(..=self.served);
        after.chain(until).find(|(_, cursor)| !cursor.has_reached(newest)).map(|(id, _)| *id)
    }

    fn pull(&mut self, id: i64) -> Option<Delivery> {
        self.served = id;
        let shared = &self.member.shared;
        let cursor = self.cursors.get_mut(&id)?;
        let pulled = match cursor.reads_store(&shared.hub) {
            // Nothing is awaited between the pull and its return, so a watch that is given up loses nothing.
            true => blocking(|| cursor.pull(&shared.hub, &shared.store)),
            false => cursor.pull(&shared.hub, &shared.store),
        };
        let body = match pulled {
            Ok(Pulled::Events(events)) if events.is_empty() => return None,
            Ok(Pulled::Events(events)) => {
                let policy = shared.policy.current();
                let opener = Opener(policy.keyring());
                match events.into_iter().map(|event| opener.event(event)).collect() {
                    Ok(events) => DeliveryBody::Events(events),
                    Err(error) => DeliveryBody::Failed(FlowError::Seal(error)),
                }
            }
            Ok(Pulled::Compacted { compact_revision }) => DeliveryBody::Compacted { compact_revision },
            Err(error) => DeliveryBody::Failed(error.into()),
        };
        let header = Header { revision: cursor.next - 1, ..self.member.header() };
        if !matches!(body, DeliveryBody::Events(_)) {
            self.cursors.remove(&id);
        }
        Some(Delivery { watch_id: id, header, body })
    }
}
