//! Snapshots that a client can go on with where its connection broke.
//!
//! How much of what was sent has arrived, only the client knows: it says so by where it begins. So a snapshot is let go of when a call
//! has begun at its end, and otherwise some time after the last call for it.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use ring::rand::{SecureRandom as _, SystemRandom};

/// How long a snapshot is kept that nobody receives.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(600);

/// Most that are kept: each keeps files on disk that the state may not need any more.
const KEPT_MAX: usize = 2;

/// Bytes of an id: whoever may take snapshots cannot guess another's.
const ID_BYTES: usize = 16;

/// How a snapshot is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SnapshotStart {
    /// Once, and not again.
    #[default]
    Once,
    /// From its beginning, so that it can be gone on with.
    Resumable,
    /// From behind what has arrived.
    Resume {
        /// Which.
        id: String,
        /// How many bytes of it are there.
        offset: u64,
    },
}

/// What is kept, by id.
pub(crate) struct Kept<T> {
    entries: Mutex<Vec<Entry<T>>>,
    keep_for: Duration,
}

struct Entry<T> {
    id: String,
    snapshot: Arc<T>,
    /// Calls that it is sent to. One whose connection broke may not have noticed yet.
    calls: usize,
    idle_since: Instant,
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// Each for so long after it was sent to somebody.
    pub(crate) fn new(keep_for: Duration) -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default(), keep_for })
    }

    /// Keeps a snapshot that a call begins with; the one that was asked for least recently goes if there are too many.
    pub(crate) fn add(&self, id: String, snapshot: Arc<T>) {
        self.entries(|entries| {
            while entries.len() >= KEPT_MAX {
                entries.remove(0);
            }
            entries.push(Entry { id, snapshot, calls: 1, idle_since: Instant::now() });
        });
    }

    /// The snapshot of this id, for a call that goes on with it.
    pub(crate) fn resume(&self, id: &str) -> Option<Arc<T>> {
        self.entries(|entries| {
            let at = entries.iter().position(|entry| entry.id == id)?;
            let mut entry = entries.remove(at);
            entry.calls += 1;
            let snapshot = Arc::clone(&entry.snapshot);
            entries.push(entry);
            Some(snapshot)
        })
    }

    /// A call is over; the snapshot is kept for a while.
    pub(crate) fn ended(self: &Arc<Self>, id: &str) {
        self.entries(|entries| {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.id == id) {
                entry.calls -= 1;
                entry.idle_since = Instant::now();
            }
        });
        tokio::spawn(expire(Arc::downgrade(self), self.keep_for));
    }

    /// All of it has arrived.
    pub(crate) fn let_go(&self, id: &str) {
        self.entries(|entries| entries.retain(|entry| entry.id != id));
    }

    fn entries<R>(&self, act: impl FnOnce(&mut Vec<Entry<T>>) -> R) -> R {
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn expire<T: Send + Sync + 'static>(kept: Weak<Kept<T>>, keep_for: Duration) {
    tokio::time::sleep(keep_for).await;
    let Some(kept) = kept.upgrade() else { return };
    kept.entries(|entries| entries.retain(|entry| entry.calls > 0 || entry.idle_since.elapsed() < keep_for));
}

/// A new id; nothing where the operating system gives no random bytes.
pub(crate) fn new_id() -> Option<String> {
    let mut id = [0; ID_BYTES];
    SystemRandom::new().fill(&mut id).ok()?;
    Some(hex::encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_receives_goes_after_its_time_and_nothing_else() {
        let kept = Kept::new(Duration::from_millis(10));
        let (idle, received) = (Arc::new(()), Arc::new(()));
        kept.add("idle".to_owned(), Arc::clone(&idle));
        kept.add("received".to_owned(), Arc::clone(&received));
        drop(kept.resume("received"));
        kept.ended("idle");
        kept.ended("received");
        while Arc::strong_count(&idle) > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(Arc::strong_count(&received), 2, "another call has it");
        assert!(kept.resume("idle").is_none());
    }

    #[tokio::test]
    async fn only_so_many_are_kept_and_one_that_has_arrived_is_not() {
        let kept = Kept::new(KEPT_FOR);
        for id in ["a", "b"] {
            kept.add(id.to_owned(), Arc::new(()));
        }
        assert!(kept.resume("a").is_some());
        kept.add("c".to_owned(), Arc::new(()));
        assert!(kept.resume("b").is_none(), "it was asked for least recently");
        kept.let_go("a");
        kept.ended("a");
        assert!(kept.resume("a").is_none() && kept.resume("c").is_some());
        assert_ne!(new_id(), new_id());
    }
}
