//! What was put, and what each watcher got of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counts of one run.
#[derive(Debug)]
pub(super) struct Tally {
    /// Puts that were sent.
    pub(super) tried: AtomicU64,
    /// Puts that were answered.
    pub(super) answered: AtomicU64,
    watchers: Vec<Watcher>,
    received: AtomicU64,
    disordered: AtomicU64,
}

#[derive(Debug, Default)]
struct Watcher {
    received: AtomicU64,
    last_revision: AtomicI64,
}

impl Tally {
    /// Nothing was put yet.
    pub(super) fn new(watchers: usize) -> Self {
        Self {
            tried: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            watchers: (0..watchers).map(|_| Watcher::default()).collect(),
            received: AtomicU64::new(0),
            disordered: AtomicU64::new(0),
        }
    }

    /// How many watchers there are.
    pub(super) fn watchers(&self) -> usize {
        self.watchers.len()
    }

    /// A watcher got an event. One task at a time counts for a watcher.
    pub(super) fn receive(&self, watcher: usize, revision: i64) {
        let watcher = &self.watchers[watcher];
        if revision <= watcher.last_revision.load(Ordering::Relaxed) {
            self.disordered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        watcher.last_revision.store(revision, Ordering::Relaxed);
        watcher.received.fetch_add(1, Ordering::Relaxed);
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// Events that came, each at each watcher.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Events that did not come: of puts that were answered.
    pub(super) fn lost(&self) -> u64 {
        let answered = self.answered.load(Ordering::Relaxed);
        self.each().map(|received| answered.saturating_sub(received)).sum()
    }

    /// Events beyond the puts that were sent.
    pub(super) fn excess(&self) -> u64 {
        let tried = self.tried.load(Ordering::Relaxed);
        self.each().map(|received| received.saturating_sub(tried)).sum()
    }

    /// Events that came twice or out of order.
    pub(super) fn disordered(&self) -> u64 {
        self.disordered.load(Ordering::Relaxed)
    }

    fn each(&self) -> impl Iterator<Item = u64> {
        self.watchers.iter().map(|watcher| watcher.received.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_repeated_and_reordered_events_are_counted() {
        let tally = Tally::new(2);
        tally.tried.store(4, Ordering::Relaxed);
        tally.answered.store(3, Ordering::Relaxed);
        for revision in [1, 2, 3] {
            tally.receive(0, revision);
        }
        tally.receive(1, 3);
        assert_eq!((tally.lost(), tally.excess(), tally.disordered()), (2, 0, 0));
        tally.receive(1, 3);
        tally.receive(1, 2);
        assert_eq!((tally.lost(), tally.disordered(), tally.received()), (2, 2, 4));
        tally.receive(0, 4);
        assert_eq!(tally.excess(), 0, "a put that failed may have happened");
        tally.receive(0, 5);
        assert_eq!(tally.excess(), 1);
    }
}
