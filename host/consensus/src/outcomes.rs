//! Who waits for the outcome of what: a proposal is answered by the member that made it, when that member applies it.
//!
//! Apply gives every member the same outcome, so nothing of it crosses the peer link, and whoever is answered finds what
//! it wrote in the state of its own member.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use store::Applied;
use tokio::sync::oneshot;

use crate::request::Origin;

const POISONED: &str = "no code that can panic runs while the waiting are locked";

/// The proposals of this member that are under way. Bounded by the bytes of proposals under way.
#[derive(Clone)]
pub(crate) struct Outcomes {
    shared: Arc<Shared>,
}

struct Shared {
    member_id: u64,
    sequence: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Applied>>>,
}

/// The wait for one outcome; given up when dropped.
pub(crate) struct Waiting {
    origin: Origin,
    outcome: oneshot::Receiver<Applied>,
    shared: Arc<Shared>,
}

impl Outcomes {
    pub(crate) fn new(member_id: u64) -> Self {
        // Entries of an earlier run are applied again after a restart; from a random start no number comes twice.
        let sequence = AtomicU64::new(RandomState::new().hash_one(member_id));
        Self { shared: Arc::new(Shared { member_id, sequence, waiting: Mutex::default() }) }
    }

    pub(crate) fn wait(&self) -> Waiting {
        let sequence = self.shared.sequence.fetch_add(1, Ordering::Relaxed);
        let (sender, outcome) = oneshot::channel();
        self.shared.waiting.lock().expect(POISONED).insert(sequence, sender);
        let origin = Origin { member_id: self.shared.member_id, sequence };
        Waiting { origin, outcome, shared: self.shared.clone() }
    }

    /// Hands each outcome to whoever waits for it here.
    pub(crate) fn tell(&self, outcomes: impl Iterator<Item = (Option<Origin>, Applied)>) {
        let mut waiting = self.shared.waiting.lock().expect(POISONED);
        for (origin, applied) in outcomes {
            let own = origin.filter(|origin| origin.member_id == self.shared.member_id);
            if let Some(sender) = own.and_then(|origin| waiting.remove(&origin.sequence)) {
                // Whoever gave up in this moment needs no answer.
                let _ = sender.send(applied);
            }
        }
    }

    /// Gives up every wait: the state was replaced, and what came of the entries that it holds is not known here.
    pub(crate) fn forget(&self) {
        self.shared.waiting.lock().expect(POISONED).clear();
    }
}

impl Waiting {
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// The outcome; `None` when it will never be known.
    pub(crate) async fn outcome(&mut self) -> Option<Applied> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.waiting.lock().expect(POISONED).remove(&self.origin.sequence);
    }
}
