//! Who leads, as far as this member can tell: not only who was elected, but whether it was heard of lately.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use openraft::{Instant as _, ServerState, async_runtime::watch::WatchReceiver as _, metrics::RaftMetrics};
use tokio::sync::watch;

use crate::{consensus::Member, raft_types::TypeConfig};

/// Who leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The leader, if it was heard of within the election timeout; itself, if a majority was.
    pub leader: Option<u64>,
    /// Current term.
    pub term: u64,
}

/// When the leader was last heard of.
#[derive(Clone)]
pub(crate) struct Contact {
    began: Instant,
    /// Milliseconds since then, and one more; zero for never.
    last: Arc<AtomicU64>,
}

impl Contact {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), last: Arc::default() }
    }

    pub(crate) fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last.store(now + 1, Ordering::Relaxed);
    }

    fn is_within(&self, age: Duration) -> bool {
        match self.last.load(Ordering::Relaxed) {
            0 => false,
            last => self.began + Duration::from_millis(last - 1) + age > Instant::now(),
        }
    }
}

/// Follows openraft and the clock until openraft stops.
pub(crate) fn observe(
    raft: Member,
    contact: Contact,
    heartbeat: Duration,
    election: Duration,
) -> watch::Receiver<Leadership> {
    let (sender, receiver) = watch::channel(Leadership::default());
    tokio::spawn(async move {
        let mut server = raft.server_metrics();
        loop {
            let seen = leadership(&raft.metrics().borrow_watched(), &contact, election);
            sender.send_if_modified(|known| std::mem::replace(known, seen) != seen);
            // A leader that falls silent changes nothing by itself: look again.
            if let Ok(Err(_)) = tokio::time::timeout(heartbeat, server.changed()).await {
                sender.send_replace(Leadership { leader: None, ..seen });
                return;
            }
        }
    });
    receiver
}

fn leadership(metrics: &RaftMetrics<TypeConfig>, contact: &Contact, election: Duration) -> Leadership {
    let alone = metrics.membership_config.membership().voter_ids().count() == 1;
    let lately = |at: openraft::type_config::alias::InstantOf<TypeConfig>| at.elapsed() < election;
    let alive = match metrics.state {
        ServerState::Leader => alone || metrics.last_quorum_acked.is_some_and(|acked| lately(*acked)),
        _ => contact.is_within(election),
    };
    let leader = metrics.current_leader.filter(|_| alive && metrics.running_state.is_ok());
    Leadership { leader, term: metrics.current_term }
}
