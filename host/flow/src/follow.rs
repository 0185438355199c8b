//! Following: what a watcher is delivered, opened for it.

use std::collections::BTreeMap;

use auth::{Caller, Denial, ReadPermit};
use consensus::blocking;
use seal::Sealed;
use tokio::sync::watch as signal;
use types::{Event, KeyRange, KeyValue, Plain};
use watch::{Group, Pulled, Wanted};

pub use watch::Progress;

use crate::{FlowError, Header, Member, member::Shared, metrics::Following};

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
    /// Everything up to this header's revision has been delivered to it, this included; zero when the watch is closed by a
    /// compaction.
    pub header: Header,
    /// What.
    pub body: DeliveryBody,
}

impl Delivery {
    /// Bytes of keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let DeliveryBody::Events(events) = &self.body else { return 0 };
        let size = |kv: &KeyValue<Plain>| kv.key.len() + kv.value.len();
        events.iter().map(|event| size(&event.kv) + event.prev.as_ref().map_or(0, size)).sum()
    }
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
    caller: Caller,
    newest: signal::Receiver<i64>,
    group: Group,
    /// Of each watch, what lets its caller see the events.
    permits: BTreeMap<i64, ReadPermit>,
    counted: Following,
}

impl Member {
    /// Begins to follow, with no watch yet.
    #[must_use]
    pub fn follow(&self, caller: &Caller) -> Follower {
        let newest = self.shared.hub.subscribe();
        let group = Group::new(*newest.borrow());
        Follower {
            member: self.clone(),
            caller: caller.clone(),
            newest,
            group,
            permits: BTreeMap::new(),
            counted: Following::new(&self.shared.metrics),
        }
    }
}

impl Follower {
    /// Opens a watch under an id that is not in use. A start in the future waits; one before the compaction is told so by
    /// its first delivery.
    ///
    /// # Errors
    /// When the caller may not read the range, or the disk fails.
    pub fn open(&mut self, id: i64, spec: WatchSpec) -> Result<Header, FlowError> {
        let permit = self.member.shared.warden.read(&self.caller, &spec.range)?;
        // The state may be a moment ahead of what is published; a client that has read it must not be told again.
        let shared = &self.member.shared;
        let revision = shared.store.view(|view| view.revision())?;
        let WatchSpec { range, start_revision, prev_kv, puts, deletes } = spec;
        self.group.open(id, Wanted { range, puts, deletes, prev_kv }, start_revision, revision, &shared.hub);
        self.permits.insert(id, permit);
        self.counted.set(self.group.watches());
        Ok(self.member.header_at(revision))
    }

    /// Closes a watch; whether there was one.
    pub fn close(&mut self, id: i64) -> bool {
        self.permits.remove(&id);
        let closed = self.group.close(id);
        self.counted.set(self.group.watches());
        closed
    }

    /// Whether this watch is open.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        self.group.contains(id)
    }

    /// Whether no watch is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.watches() == 0
    }

    /// How far all watches together are.
    pub fn progress(&mut self) -> Progress {
        self.group.progress(&self.member.shared.hub)
    }

    /// Of these watches the ones that have been delivered everything, and up to which revision.
    pub fn up_to_date(&mut self, ids: &[i64]) -> (i64, Vec<i64>) {
        self.group.up_to_date(ids, &self.member.shared.hub)
    }

    /// The next delivery; waits until there is one. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Delivery {
        loop {
            let newest = *self.newest.borrow_and_update();
            if self.group.has_work(newest) {
                if let Some(delivery) = self.pull() {
                    return delivery;
                }
                // History is read in stretches; other tasks of this thread get their turn between them.
                tokio::task::yield_now().await;
            } else if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next delivery, if it is at hand.
    pub fn next_ready(&mut self) -> Option<Delivery> {
        let newest = *self.newest.borrow_and_update();
        if !self.group.has_work(newest) || self.group.reads_store() {
            return None;
        }
        self.pull()
    }

    fn pull(&mut self) -> Option<Delivery> {
        let pulled = self.pull_one();
        self.counted.set(self.group.watches());
        pulled
    }

    /// Nothing is awaited between the pull and its return, so a watch that is given up loses nothing.
    fn pull_one(&mut self) -> Option<Delivery> {
        let Shared { hub, store, .. } = self.member.shared.as_ref();
        let pulled = match self.group.reads_store() {
            true => blocking(|| self.group.pull(hub, store)),
            false => self.group.pull(hub, store),
        };
        match pulled {
            Ok(None) => None,
            Ok(Some(Pulled::Events { id, revision, events })) => Some(self.opened(id, revision, events)),
            Ok(Some(Pulled::Compacted { id, compact_revision })) => {
                // etcd leaves the revision out of this one's header.
                Some(self.delivery(id, 0, DeliveryBody::Compacted { compact_revision }))
            }
            Err(error) => {
                let id = self.group.give_up_furthest()?;
                Some(self.delivery(id, hub.newest(), DeliveryBody::Failed(error.into())))
            }
        }
    }

    /// Events for their watch, if it may still see them: judged again when users or roles changed since the last ones.
    fn opened(&mut self, id: i64, revision: i64, events: Vec<Event<Sealed>>) -> Delivery {
        match self.open_events(id, events) {
            Ok(events) => {
                self.member.shared.metrics.events.inc_by(events.len() as u64);
                self.delivery(id, revision, DeliveryBody::Events(events))
            }
            Err(error) => {
                self.close(id);
                self.delivery(id, revision, DeliveryBody::Failed(error))
            }
        }
    }

    fn open_events(&mut self, id: i64, events: Vec<Event<Sealed>>) -> Result<Vec<Event<Plain>>, FlowError> {
        let shared = &self.member.shared;
        let permit = self.permits.get_mut(&id).ok_or(Denial::PermissionDenied)?;
        let realm = shared.warden.realm();
        if !permit.is_of(&realm) {
            permit.renew(&realm)?;
        }
        let policy = shared.policy.caught_up_now()?;
        let opener = self.member.opener(&policy, permit, &self.caller);
        events.into_iter().map(|event| opener.event(event)).collect()
    }

    fn delivery(&self, watch_id: i64, revision: i64, body: DeliveryBody) -> Delivery {
        Delivery { watch_id, header: self.member.header_at(revision), body }
    }
}
