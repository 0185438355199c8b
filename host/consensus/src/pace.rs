//! When a snapshot is made, and with it the log behind it purged.
//!
//! A member makes one after so many entries, and of entries that come fast after a multiple of that, so that some time lies between
//! two: each writes what is in memory to disk, and many small files are merged at a price that clients pay. A leader puts it off while
//! a member that answers still lacks entries that would be purged: one that has just taken over a large snapshot, above all. Purged
//! too early, it would need another snapshot by the time that it has taken over this one, and so on without an end.
//!
//! Members make theirs in turn: each has its own place in the numbers of entries. What one writes to disk and merges slows it down for
//! a second or two, and an entry is committed as soon as a majority has it.
//!
//! While the disk has no room for what is in memory none is made: to run out of it half-way would end the member.

use std::time::{Duration, Instant};

use openraft::{Instant as _, async_runtime::watch::WatchReceiver as _, metrics::RaftMetrics};
use store::{Disk, Store};
use tokio::time::timeout;

use crate::{consensus::Member, raft_types::TypeConfig};

/// For how many times the usual number of entries a snapshot is put off: a member that lags for ever must not keep the log for ever.
const PUT_OFF_MAX: u64 = 20;

/// The largest multiple of the usual number of entries for the sake of time. A power of two.
const MULTIPLE_MAX: u64 = 16;

/// The time that lies between two snapshots, or twice that.
const INTERVAL: Duration = Duration::from_secs(5);

/// How often a snapshot is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Entries between two snapshots, if they come slowly.
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
                if !self.is_due(&raft.metrics().borrow_watched(), last.map(|last| last.elapsed())) {
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

    /// `elapsed` since the last one that was made for this reason.
    fn is_due(self, metrics: &RaftMetrics<TypeConfig>, elapsed: Option<Duration>) -> bool {
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
        let voters: Vec<_> = metrics.membership_config.membership().voter_ids().collect();
        let place = Place::of(metrics.id, &voters);
        self.is_due_at(applied, end(metrics.snapshot), matched.min(), place, elapsed)
    }

    /// `slowest` is how far the slowest member is that answers.
    fn is_due_at(
        self,
        applied: u64,
        snapshot: u64,
        slowest: Option<u64>,
        place: Place,
        elapsed: Option<Duration>,
    ) -> bool {
        if slowest.is_some_and(|slowest| slowest + self.kept_entries < applied) {
            return applied.saturating_sub(snapshot) >= self.entries.saturating_mul(PUT_OFF_MAX);
        }
        self.is_its_turn(applied, snapshot, place, elapsed)
    }

    /// Whether the last entries have passed its place, and not just after the last snapshot, which may have been made for another reason.
    fn is_its_turn(self, applied: u64, snapshot: u64, place: Place, elapsed: Option<Duration>) -> bool {
        let period = self.period(applied.saturating_sub(snapshot), elapsed);
        let ahead = period / place.members * place.before;
        let turn = |index: u64| index.saturating_add(ahead) / period;
        turn(applied) > turn(snapshot.saturating_add(period / 2))
    }

    /// The number of entries to a snapshot while so many have come in that time.
    fn period(self, since: u64, elapsed: Option<Duration>) -> u64 {
        let entries = self.entries.max(1);
        let in_interval = |elapsed: Duration| u128::from(since) * INTERVAL.as_millis() / elapsed.as_millis().max(1);
        let multiple = elapsed.map_or(0, in_interval).div_ceil(entries.into()).clamp(1, MULTIPLE_MAX.into());
        entries.saturating_mul(u64::try_from(multiple).unwrap_or(MULTIPLE_MAX).next_power_of_two())
    }
}

/// Which of the members that have a vote this is, by its id.
#[derive(Clone, Copy)]
struct Place {
    before: u64,
    members: u64,
}

impl Place {
    fn of(id: u64, voters: &[u64]) -> Self {
        let before = voters.iter().filter(|voter| **voter < id).count();
        Self { before: before as u64, members: voters.len().max(1) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { entries: 100, kept_entries: 50, election: Duration::from_secs(1) };
    const ALONE: Place = Place { before: 0, members: 1 };

    #[test]
    fn a_snapshot_is_made_after_so_many_entries() {
        let is_due = |applied, snapshot| PACE.is_its_turn(applied, snapshot, ALONE, None);
        assert!(!is_due(99, 0) && is_due(100, 0) && is_due(5000, 0));
        assert!(!is_due(1099, 1000) && is_due(1100, 1000));
        assert!(!is_due(1100, 1060) && !is_due(1199, 1060) && is_due(1200, 1060), "one was made for another reason");
        assert!(!is_due(900, 1000), "it has taken over a snapshot and has not said so");
        let never = Pace { entries: u64::MAX, ..PACE };
        let last = Place { before: 2, members: 3 };
        assert!(
            !never.is_its_turn(1 << 60, 0, last, None) && Pace { entries: 0, ..PACE }.is_its_turn(1, 0, ALONE, None)
        );
    }

    #[test]
    fn a_snapshot_is_put_off_for_a_member_that_lags_but_not_for_ever() {
        let is_due = |applied, snapshot, slowest| PACE.is_due_at(applied, snapshot, slowest, ALONE, None);
        assert!(!is_due(99, 0, None) && is_due(100, 0, None));
        assert!(!is_due(1099, 1000, Some(1099)) && is_due(1100, 1000, Some(1050)));
        assert!(!is_due(1100, 1000, Some(1049)), "an entry that it lacks would be purged");
        assert!(!is_due(2999, 1000, Some(0)) && is_due(3000, 1000, Some(0)));
    }

    #[test]
    fn entries_that_come_fast_make_it_rarer() {
        let period = |since, millis| PACE.period(since, Some(Duration::from_millis(millis)));
        assert_eq!((period(100, 5000), period(101, 5000), period(100, 1240)), (100, 200, 800));
        assert_eq!((period(10_000, 1), period(1, 60_000), PACE.period(10_000, None)), (1600, 100, 100));
        assert_eq!(PACE.period(10_000, Some(Duration::ZERO)), 1600);
    }

    #[test]
    fn members_make_their_snapshots_in_turn() {
        let voters = [3, 7, 9];
        let due = voters.map(|id| {
            let place = Place::of(id, &voters);
            let mut made = vec![0];
            for applied in 1..=400 {
                if PACE.is_its_turn(applied, made[made.len() - 1], place, None) {
                    made.push(applied);
                }
            }
            made
        });
        assert_eq!(due, [vec![0, 100, 200, 300, 400], vec![0, 67, 167, 267, 367], vec![0, 134, 234, 334]]);
        let learner = Place::of(8, &[7, 9]);
        assert_eq!((learner.before, learner.members, Place::of(5, &[]).members), (1, 2, 1));
    }
}
