//! When a snapshot is made, and with it the log behind it purged.
//!
//! A member makes one when so many entries were applied since the last, but not at once after it: each writes what is in memory to
//! disk, and many small files are merged at a price that clients pay. A leader puts it off while a member that answers still
//! lacks entries that would be purged: one that has just taken over a large snapshot, above all. Purged too early, it would need
//! another snapshot by the time that it has taken over this one, and so on without an end.
//!
//! Members make theirs in turn: each has its own place between two multiples of that number of entries. What one writes to disk and
//! merges slows it down for a second or two, and an entry is in the log as soon as a majority has it.
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
        let would_lose = matched.min().is_some_and(|slowest| slowest + self.kept_entries < applied);
        let voters: Vec<_> = metrics.membership_config.membership().voter_ids().collect();
        let ahead = self.ahead(metrics.id, &voters);
        self.is_due_at(applied, end(metrics.snapshot), ahead, would_lose || is_early)
    }

    /// By how many entries this member is ahead of multiples of `entries`.
    fn ahead(self, id: u64, voters: &[u64]) -> u64 {
        let before = voters.iter().filter(|voter| **voter < id).count() as u64;
        self.entries * before / (voters.len() as u64).max(1)
    }

    fn is_due_at(self, applied: u64, snapshot: u64, ahead: u64, can_wait: bool) -> bool {
        let turn = |index: u64| (index + ahead) / self.entries.max(1);
        turn(applied).saturating_sub(turn(snapshot)) >= if can_wait { PUT_OFF_MAX } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { entries: 100, kept_entries: 50, election: Duration::from_secs(1) };

    #[test]
    fn a_snapshot_is_put_off_but_not_for_ever() {
        let is_due = |applied, snapshot, can_wait| PACE.is_due_at(applied, snapshot, 0, can_wait);
        assert!(!is_due(99, 0, false) && is_due(100, 0, false));
        assert!(!is_due(1099, 1000, false) && is_due(1100, 1000, false) && is_due(5000, 1000, false));
        assert!(!is_due(1100, 1000, true) && !is_due(2999, 1000, true) && is_due(3000, 1000, true));
        assert!(!is_due(900, 1000, false), "it has taken over a snapshot and has not said so");
    }

    #[test]
    fn members_make_their_snapshots_in_turn() {
        let voters = [3, 7, 9];
        let ahead = voters.map(|id| PACE.ahead(id, &voters));
        assert_eq!(ahead, [0, 33, 66]);
        let is_due = |ahead| (1..=300).filter(move |applied| PACE.is_due_at(*applied, applied - 1, ahead, false));
        let due = ahead.map(|ahead| is_due(ahead).collect::<Vec<u64>>());
        assert_eq!(due, [vec![100, 200, 300], vec![67, 167, 267], vec![34, 134, 234]]);
        assert_eq!((PACE.ahead(5, &[]), PACE.ahead(8, &[7, 9])), (0, 50), "a learner has a place, too");
    }
}
