//! How long calls took.

use std::{fmt, time::Duration};

/// The times of some calls, each from the moment at which it was due.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies {
    sorted: Vec<Duration>,
    failed: usize,
}

impl Latencies {
    /// Of calls and whether each was answered. One that was not took at least so long, so it counts with that.
    pub(super) fn of(calls: impl IntoIterator<Item = (Duration, bool)>) -> Self {
        let mut failed = 0;
        let mut sorted: Vec<_> = calls
            .into_iter()
            .map(|(took, answered)| {
                failed += usize::from(!answered);
                took
            })
            .collect();
        sorted.sort_unstable();
        Self { sorted, failed }
    }

    /// The time within which so many of a hundred calls ended (nearest rank); nothing when there was no call.
    pub(super) fn percentile(&self, per_cent: usize) -> Option<Duration> {
        let rank = (self.sorted.len() * per_cent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied()
    }

    /// Calls that were not answered.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |per_cent| self.percentile(per_cent).unwrap_or_default().as_secs_f64() * 1000.0;
        let (count, failed) = (self.sorted.len(), self.failed);
        write!(
            f,
            "p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms of {count} puts, {failed} failed",
            ms(50),
            ms(99),
            ms(100)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn percentiles_are_of_the_sorted_times_by_nearest_rank() {
        let all = Latencies::of((1..=200).rev().map(|took| (ms(took), true)));
        assert_eq!([50, 99, 100].map(|per_cent| all.percentile(per_cent)), [100, 198, 200].map(|took| Some(ms(took))));
        let few = Latencies::of([(ms(7), true), (ms(3), true), (ms(5), true)]);
        assert_eq!([0, 50, 99].map(|per_cent| few.percentile(per_cent)), [3, 5, 7].map(|took| Some(ms(took))));
        assert_eq!(Latencies::default().percentile(99), None);
    }

    #[test]
    fn what_failed_counts_with_the_time_that_it_took() {
        let all = Latencies::of([(ms(1), true), (ms(9000), false)]);
        assert_eq!((all.failed(), all.percentile(99)), (1, Some(ms(9000))));
        assert!(all.to_string().contains("p99 9000.00 ms") && all.to_string().contains("1 failed"), "{all}");
    }
}
