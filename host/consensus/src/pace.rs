//! When a snapshot is made, and with it the log behind it purged.
//!
//! A member makes one when so many entries were applied since the last, but not at once after it: each writes what is in memory to
//! disk, and many small files are merged at a price that clients pay. A leader puts it off while a member that answers still
//! lacks entries that would be purged: one that has just taken over a large snapshot, above all. Purged too early, it would need
//! another snapshot by the time that it has taken over this one, and so on without an end.
//!
//! While the disk has no room for what is in memory none is made: to run out of it half-way would end the member.

use std::time::{Duration, Instant};

use openraft::{Instant as _, async_runtime::watch::WatchReceiver as _, metrics::RaftMetrics};
use store::{Disk, Store};
use tokio::time::timeout;

use crate::{consensus::Member, raft_types::TypeConfig};

/// For how many times the usual number of entries a snapshot is put off: a member that lags for ever must not keep the log for ever.
const PUT_OFF_MAX: u64 = 20;

/// Shortest time between two snapshots, unless so many entries have come since.
const INTERVAL_MIN: Duration = Duration::from_secs(5);

/// How often a snapshot is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Entries between two snapshots.
    pub(crate) entries: u64,
    /// Entries kept in the log behind a snapshot.
    pub(crate) kept_entries: u64,
    /// How long ago a member may have answered that still counts.
    pub(crate) election: Duration,
}

impl Pace {
    /// Makes snapshots until openraft stops.
    pub(crate) fn keep(self, raft: Member, store: Store, heartbeat: Duration) {
        tokio::spawn(async move {
            let (mut server, mut last) = (raft.server_metrics(), None::<Instant>);
            loop {
                if let Ok(Err(_)) = timeout(heartbeat, server.changed()).await {
                    return;
                }
                let is_early = last.is_some_and(|last| last.elapsed() < INTERVAL_MIN);
                if !self.is_due(&raft.metrics().borrow_watched(), is_early) {
                    continue;
                }
                // It is looked at again with the next entry.
                if !store.disk().is_ok_and(Disk::has_room_to_flush) {
                    continue;
                }
                // One that is being made already is not made twice.
                if raft.trigger().snapshot().await.is_err() {
                    return;
                }
                last = Some(Instant::now());
            }
        });
    }

    fn is_due(self, metrics: &RaftMetrics<TypeConfig>, is_early: bool) -> bool {
        // Entries are counted from 0.
        let end = |log_id: Option<crate::raft_types::LogId>| log_id.map_or(0, |log_id| log_id.index + 1);
        let applied = end(metrics.last_applied);
        let answering = metrics
            .heartbeat
            .iter()
            .flatten()
            .filter(|(id, at)| **id != metrics.id && at.as_ref().is_some_and(|at| at.elapsed() < self.election));
        let matched = answering.map(|(id, _)| {
            let progress = metrics.replication.as_ref().and_then(|progress| progress.get(id));
            end(progress.copied().flatten())
        });
        self.is_due_at(applied, end(metrics.snapshot), matched.min(), is_early)
    }

    /// `slowest` is how far the slowest member is that answers.
    fn is_due_at(self, applied: u64, snapshot: u64, slowest: Option<u64>, is_early: bool) -> bool {
        let since = applied.saturating_sub(snapshot);
        let would_lose = slowest.is_some_and(|slowest| slowest + self.kept_entries < applied);
        let can_wait = would_lose || is_early;
        since >= self.entries && (!can_wait || since >= self.entries.saturating_mul(PUT_OFF_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_put_off_for_a_member_that_lags_but_not_for_ever() {
        let pace = Pace { entries: 100, kept_entries: 50, election: Duration::from_secs(1) };
        let is_due = |applied, snapshot, slowest| pace.is_due_at(applied, snapshot, slowest, false);
        assert!(!is_due(99, 0, None) && is_due(100, 0, None));
        assert!(!is_due(1099, 1000, Some(1099)) && is_due(1100, 1000, Some(1050)));
        assert!(!is_due(1100, 1000, Some(1049)), "an entry that it lacks would be purged");
        assert!(!is_due(2999, 1000, Some(0)) && is_due(3000, 1000, Some(0)));
        let is_due_early = |applied| pace.is_due_at(applied, 1000, None, true);
        assert!(!is_due_early(1100) && !is_due_early(2999) && is_due_early(3000));
    }
}
