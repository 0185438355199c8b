//! Compacting history without being asked, on etcd's schedules.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use auth::Caller;

use crate::{FlowError, Member};

/// Which history is compacted without being asked (`--auto-compaction-mode`, `--auto-compaction-retention`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoCompaction {
    /// None.
    #[default]
    Off,
    /// What is older than this.
    Periodic(Duration),
    /// All but this many revisions.
    Revision(i64),
}

/// Longest time between two compactions by age.
const PERIOD_MAX: Duration = Duration::from_secs(3600);

/// How often the revision is noted in one period; also how soon a failed compaction is tried again.
const NOTES_PER_PERIOD: u32 = 10;

/// Keeps a retention of nothing from running without a pause.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Time between two compactions by number of revisions.
const REVISION_INTERVAL: Duration = Duration::from_secs(5 * 60);

impl Member {
    pub(crate) async fn compact_forever(self, wanted: AutoCompaction) {
        let mut schedule: Box<dyn Schedule> = match wanted {
            AutoCompaction::Off => return,
            AutoCompaction::Periodic(period) => Box::new(Periodic::new(period, Instant::now())),
            AutoCompaction::Revision(retention) => Box::new(ByRevision { retention, last: 0 }),
        };
        loop {
            schedule.note(self.header().revision);
            tokio::time::sleep(schedule.pause()).await;
            if !self.leads() {
                continue;
            }
            if let Some(revision) = schedule.due(Instant::now(), self.header().revision) {
                self.compact_automatically(schedule.as_mut(), revision).await;
            }
        }
    }

    async fn compact_automatically(&self, schedule: &mut dyn Schedule, revision: i64) {
        let kind = schedule.kind();
        tracing::info!(revision, "starting auto {kind} compaction");
        let started = Instant::now();
        match self.compact(&Caller::internal(), revision, false).await {
            Ok(_) | Err(FlowError::Compacted) => {
                schedule.compacted(Instant::now(), revision);
                tracing::info!(revision, took = ?started.elapsed(), "completed auto {kind} compaction");
            }
            Err(error) => {
                let retry_interval = schedule.pause();
                tracing::warn!(revision, ?retry_interval, %error, "failed auto {kind} compaction");
            }
        }
    }

    /// Whether this member leads: only the leader compacts by itself.
    pub(crate) fn leads(&self) -> bool {
        self.shared.consensus.status().leader == Some(self.shared.identity.member_id)
    }
}

/// When to compact to what. Time is given to it.
trait Schedule: Send {
    fn kind(&self) -> &'static str;
    /// How long to wait before the next look.
    fn pause(&self) -> Duration;
    /// Notes the newest revision before the pause.
    fn note(&mut self, newest: i64);
    /// The revision to compact to now, if any.
    fn due(&mut self, now: Instant, newest: i64) -> Option<i64>;
    fn compacted(&mut self, now: Instant, revision: i64);
}

/// Compacts to the revision of one period ago, once a period, at least hourly.
struct Periodic {
    period: Duration,
    /// Least time since the last compaction: a whole period before the first one.
    interval: Duration,
    noted: VecDeque<i64>,
    last_revision: i64,
    last_time: Instant,
}

impl Periodic {
    fn new(period: Duration, now: Instant) -> Self {
        Self { period, interval: period, noted: VecDeque::new(), last_revision: 0, last_time: now }
    }

    /// Notes that reach back one period.
    fn notes_max(&self) -> usize {
        usize::try_from(self.period.as_nanos() / self.pause().as_nanos()).unwrap_or(usize::MAX).saturating_add(1)
    }
}

impl Schedule for Periodic {
    fn kind(&self) -> &'static str {
        "periodic"
    }

    fn pause(&self) -> Duration {
        (self.period.min(PERIOD_MAX) / NOTES_PER_PERIOD).max(PAUSE_MIN)
    }

    fn note(&mut self, newest: i64) {
        self.noted.push_back(newest);
        if self.noted.len() > self.notes_max() {
            self.noted.pop_front();
        }
    }

    fn due(&mut self, now: Instant, _newest: i64) -> Option<i64> {
        let revision = *self.noted.front()?;
        if now.saturating_duration_since(self.last_time) < self.interval || revision == self.last_revision {
            return None;
        }
        self.interval = self.period.min(PERIOD_MAX);
        Some(revision)
    }

    fn compacted(&mut self, now: Instant, revision: i64) {
        (self.last_time, self.last_revision) = (now, revision);
    }
}

/// Keeps a number of revisions.
struct ByRevision {
    retention: i64,
    last: i64,
}

impl Schedule for ByRevision {
    fn kind(&self) -> &'static str {
        "revision"
    }

    fn pause(&self) -> Duration {
        REVISION_INTERVAL
    }

    fn note(&mut self, _newest: i64) {}

    fn due(&mut self, _now: Instant, newest: i64) -> Option<i64> {
        let revision = newest.saturating_sub(self.retention);
        (revision > 0 && revision != self.last).then_some(revision)
    }

    fn compacted(&mut self, _now: Instant, revision: i64) {
        self.last = revision;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a schedule whose revision grows by one a pause; which compactions it asks for, by pause.
    fn run(schedule: &mut dyn Schedule, start: Instant, pauses: u32) -> Vec<(u32, i64)> {
        let mut asked = Vec::new();
        for pause in 1..=pauses {
            schedule.note(i64::from(pause));
            let now = start + schedule.pause() * pause;
            if let Some(revision) = schedule.due(now, i64::from(pause)) {
                asked.push((pause, revision));
                schedule.compacted(now, revision);
            }
        }
        asked
    }

    #[test]
    fn a_short_period_is_compacted_once_each_period() {
        let start = Instant::now();
        let mut schedule = Periodic::new(Duration::from_secs(600), start);
        assert_eq!(schedule.pause(), Duration::from_secs(60));
        assert_eq!(run(&mut schedule, start, 35), [(10, 1), (20, 10), (30, 20)]);
    }

    #[test]
    fn a_long_period_is_waited_for_once_and_then_compacted_hourly() {
        let start = Instant::now();
        let mut schedule = Periodic::new(Duration::from_secs(2 * 3600), start);
        assert_eq!(schedule.pause(), Duration::from_secs(360));
        assert_eq!(run(&mut schedule, start, 45), [(20, 1), (30, 10), (40, 20)]);
    }

    #[test]
    fn a_failed_compaction_is_tried_again_after_a_tenth_of_the_period() {
        let start = Instant::now();
        let mut schedule = Periodic::new(Duration::from_secs(10), start);
        for pause in 1..=10 {
            schedule.note(pause);
        }
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(schedule.due(later(10), 10), Some(1));
        schedule.note(11);
        assert_eq!(schedule.due(later(11), 11), Some(1), "nothing was compacted");
        schedule.compacted(later(11), 1);
        schedule.note(12);
        assert_eq!(schedule.due(later(12), 12), None, "the next period is not over");
    }

    #[test]
    fn nothing_is_compacted_twice_to_the_same_revision() {
        let start = Instant::now();
        let mut schedule = Periodic::new(Duration::from_secs(10), start);
        for second in 1..=40 {
            schedule.note(7);
            let now = start + Duration::from_secs(second);
            if let Some(revision) = schedule.due(now, 7) {
                assert_eq!((second, revision), (10, 7));
                schedule.compacted(now, revision);
            }
        }
        assert_eq!(schedule.last_revision, 7);
    }

    #[test]
    fn by_revision_keeps_that_many() {
        let mut schedule = ByRevision { retention: 10, last: 0 };
        assert_eq!(schedule.pause(), Duration::from_secs(300));
        assert_eq!(run(&mut schedule, Instant::now(), 12), [(11, 1), (12, 2)]);
        assert_eq!(schedule.due(Instant::now(), 12), None, "it was compacted to that already");
    }
}
