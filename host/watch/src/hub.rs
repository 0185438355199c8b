//! The newest events, in memory, for every watcher of this member.

use std::{collections::VecDeque, sync::Mutex};

use store::RevisionEvents;
use tokio::sync::watch;

use crate::{PULL_BYTES_MAX, RING_BYTES_MAX, RING_REVISIONS_MAX};

/// Holds the newest events and wakes whoever waits for more.
pub struct Hub {
    ring: Mutex<Ring>,
    newest: watch::Sender<i64>,
}

struct Ring {
    /// Every revision from here on that had events is in the ring.
    oldest: i64,
    revisions: VecDeque<RevisionEvents>,
    bytes: usize,
}

/// What the ring holds of a stretch.
pub(crate) enum Recent {
    /// Its beginning, at most about [`PULL_BYTES_MAX`], complete up to and including this revision.
    All(Vec<RevisionEvents>, i64),
    /// Its beginning has left the ring.
    Behind,
}

const POISONED: &str = "no code that can panic runs while the ring is locked";

impl Hub {
    /// A hub for a store whose newest revision is `revision`.
    #[must_use]
    pub fn new(revision: i64) -> Self {
        let ring = Ring { oldest: revision + 1, revisions: VecDeque::new(), bytes: 0 };
        Self { ring: Mutex::new(ring), newest: watch::Sender::new(revision) }
    }

    /// The newest published revision.
    #[must_use]
    pub fn newest(&self) -> i64 {
        *self.newest.borrow()
    }

    /// Changes whenever something is published.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Publishes what a batch did; `revision` is the newest after it.
    pub fn publish(&self, events: Vec<RevisionEvents>, revision: i64) {
        if revision == self.newest() {
            return;
        }
        let mut ring = self.ring.lock().expect(POISONED);
        for one in events {
            let lost = failpoint::planted_one_in("lost-event", 100);
            ring.push(if lost { RevisionEvents { events: [].into(), ..one } } else { one });
        }
        drop(ring);
        self.newest.send_replace(revision);
    }

    /// Forgets the events that it holds: who still needs them reads them from the store.
    pub fn forget(&self) {
        let newest = self.newest();
        let mut ring = self.ring.lock().expect(POISONED);
        *ring = Ring { oldest: newest + 1, revisions: VecDeque::new(), bytes: 0 };
    }

    /// Forgets everything: the state was replaced by a snapshot at `revision`.
    pub fn reset(&self, revision: i64) {
        let mut ring = self.ring.lock().expect(POISONED);
        *ring = Ring { oldest: revision + 1, revisions: VecDeque::new(), bytes: 0 };
        drop(ring);
        self.newest.send_replace(revision);
    }

    /// Everything from `from` on.
    pub(crate) fn recent(&self, from: i64) -> Recent {
        let ring = self.ring.lock().expect(POISONED);
        if from < ring.oldest {
            return Recent::Behind;
        }
        let start = ring.revisions.partition_point(|one| one.revision < from);
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for one in ring.revisions.range(start..) {
            if bytes > PULL_BYTES_MAX {
                let until = one.revision - 1;
                return Recent::All(taken, until);
            }
            bytes += weight(one);
            taken.push(one.clone());
        }
        let newest = ring.revisions.back().map_or(ring.oldest - 1, |one| one.revision);
        Recent::All(taken, newest.max(from - 1))
    }
}

impl Ring {
    fn push(&mut self, one: RevisionEvents) {
        self.bytes += weight(&one);
        self.revisions.push_back(one);
        while self.revisions.len() > RING_REVISIONS_MAX || self.bytes > RING_BYTES_MAX {
            let Some(gone) = self.revisions.pop_front() else { break };
            self.bytes -= weight(&gone);
            self.oldest = gone.revision + 1;
        }
    }
}

fn weight(one: &RevisionEvents) -> usize {
    one.events
        .iter()
        .map(|event| {
            let prev = event.prev.as_ref().map_or(0, |prev| prev.value.bytes().len());
            event.kv.key.len() + event.kv.value.bytes().len() + prev
        })
        .sum()
}
