//! Whether a plugin reviews so fast that handing a review to a lane would cost more than the review.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::{HERE_AGAIN, HERE_DEBT_MAX, HERE_MAX, HERE_MEAN_MAX};

/// What is supposed of a plugin that has not reviewed yet: much more than [`HERE_MAX`], so that it has to prove itself.
const UNKNOWN: Duration = Duration::from_millis(1);

/// A review that took longer raises what is known by so much of it, one that did not lowers it by as much: it comes to rest where
/// half of them are longer. Not a higher part of them: on a busy machine a review is as long as its thread has to wait.
const STEP_PARTS: u32 = 64;

/// What is known of one plugin's reviews.
pub(crate) struct Quickness(Mutex<Known>);

struct Known {
    /// The median of the latest, roughly.
    median: Duration,
    /// What reviews that were done where they were asked for took beyond [`HERE_MEAN_MAX`] each.
    debt: Duration,
    /// When that was too much.
    overran: Option<Instant>,
}

impl Quickness {
    pub(crate) fn unknown() -> Self {
        Self(Mutex::new(Known { median: UNKNOWN, debt: Duration::ZERO, overran: None }))
    }

    /// Whether so many reviews may be done at `now` where they are asked for.
    pub(crate) fn suffices_for(&self, reviews: usize, now: Instant) -> bool {
        let known = self.known();
        let all = known.median.saturating_mul(u32::try_from(reviews).unwrap_or(u32::MAX));
        all <= HERE_MAX && known.overran.is_none_or(|when| now.saturating_duration_since(when) >= HERE_AGAIN)
    }

    /// One more review took so long.
    pub(crate) fn add(&self, took: Duration) {
        let mut known = self.known();
        let step = known.median / STEP_PARTS;
        known.median = if took > known.median { known.median + step } else { known.median - step };
    }

    /// Reviews of one request were done where they were asked for until `now`, and took so long.
    pub(crate) fn add_here(&self, took: Duration, now: Instant) {
        let mut known = self.known();
        known.debt = (known.debt + took).saturating_sub(HERE_MEAN_MAX);
        if known.debt > HERE_DEBT_MAX {
            (known.debt, known.overran) = (Duration::ZERO, Some(now));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing under the lock panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(20);
    const SLOW: Duration = Duration::from_millis(5);

    /// After so many reviews, of which one in `one_in` is slow.
    fn after(reviews: usize, one_in: usize) -> Quickness {
        let known = Quickness::unknown();
        (1..=reviews).for_each(|number| known.add(if number % one_in == 0 { SLOW } else { QUICK }));
        known
    }

    #[test]
    fn a_plugin_has_to_prove_itself_and_may_be_slow_now_and_then() {
        let now = Instant::now();
        assert!(!after(0, usize::MAX).suffices_for(1, now));
        assert!(!after(100, usize::MAX).suffices_for(1, now));
        assert!(after(200, usize::MAX).suffices_for(1, now));
        assert!(after(2000, 4).suffices_for(1, now), "a busy machine is not the plugin's fault");
        assert!(!after(2000, 1).suffices_for(1, now));
    }

    #[test]
    fn many_reviews_of_one_request_are_not_quick() {
        let known = after(2000, usize::MAX);
        let now = Instant::now();
        assert!(known.suffices_for(2, now) && !known.suffices_for(20, now));
    }

    #[test]
    fn one_that_takes_too_much_where_it_is_asked_for_is_not_trusted_for_a_while() {
        let (known, now) = (after(2000, usize::MAX), Instant::now());
        // Now and then a thread has to wait.
        for _ in 0..100 {
            (0..100).for_each(|_| known.add_here(QUICK, now));
            known.add_here(SLOW, now);
        }
        assert!(known.suffices_for(1, now));
        (0..20).for_each(|_| known.add_here(SLOW, now));
        assert!(!known.suffices_for(1, now) && !known.suffices_for(1, now + HERE_AGAIN / 2));
        assert!(known.suffices_for(1, now + HERE_AGAIN));
    }
}
