//! How fast values are sealed anew: as clients leave room for it.

use std::time::{Duration, Instant};

use store::Step;

/// While nobody writes: one entry in the log, small enough that a write that comes does not wait long behind it.
const IDLE: Step = Step { values: 32, bytes: 64 << 10, entries: 2000 };

/// While clients write: an entry about as large as theirs are.
const BUSY: Step = Step { values: 8, bytes: 16 << 10, entries: 500 };

/// While clients write, values follow each other at this distance, or one for so many of their writes if that is sooner: far less than
/// a busy client writes.
const VALUE_EACH: Duration = Duration::from_millis(6);
const WRITES_EACH: u32 = 3;

/// A value counts once for each of so many bytes.
const VALUE_BYTES: usize = 4096;

/// After a step there is a pause of so many times what it took: most of the disk and the processors are left to others.
const PAUSE_PARTS: u32 = 4;

/// Shortest pause between two steps, and the longest for what a step took: on a busy machine that is time in which it waited.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_FOR_STEP_MAX: Duration = Duration::from_secs(1);

/// What is known of others' writes.
pub(super) struct Pace {
    /// The store's revision, which the rewrap does not change, and when it was that.
    seen: (i64, Instant),
    /// How far apart others' writes are; `None` while there are none.
    distance: Option<Duration>,
}

impl Pace {
    /// At the store's revision.
    pub(super) fn new(revision: i64) -> Self {
        Self { seen: (revision, Instant::now()), distance: None }
    }

    /// How far the next step goes.
    pub(super) fn step(&self) -> Step {
        if self.distance.is_some() { BUSY } else { IDLE }
    }

    /// Looks at the store's revision after a step.
    pub(super) fn look(&mut self, revision: i64) {
        let (before, when) = self.seen;
        let writes = u32::try_from(revision.saturating_sub(before)).unwrap_or(u32::MAX);
        self.distance = when.elapsed().checked_div(writes);
        self.seen = (revision, Instant::now());
    }

    /// How long to wait after a step that took so long and sealed values of these sizes anew.
    pub(super) fn pause(&self, took: Duration, bytes: impl Iterator<Item = usize>) -> Duration {
        let due: usize = bytes.map(|bytes| bytes.div_ceil(VALUE_BYTES).max(1)).sum();
        let each = self.distance.map_or(Duration::ZERO, |distance| VALUE_EACH.min(distance * WRITES_EACH));
        let for_values = each * u32::try_from(due).unwrap_or(u32::MAX);
        PAUSE_MIN.max((took * PAUSE_PARTS).min(PAUSE_FOR_STEP_MAX)).max(for_values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(1);

    fn beside_writes_each(distance: Duration) -> Pace {
        Pace { distance: Some(distance), ..Pace::new(7) }
    }

    #[test]
    fn a_store_that_nobody_writes_to_is_sealed_anew_in_large_steps() {
        let mut pace = Pace::new(7);
        pace.look(7);
        assert_eq!(pace.step().values, IDLE.values);
        assert_eq!(pace.pause(TOOK, [1000; 32].into_iter()), TOOK * PAUSE_PARTS);
        assert_eq!(pace.pause(Duration::ZERO, [].into_iter()), PAUSE_MIN);
        assert_eq!(pace.pause(Duration::from_secs(60), [1].into_iter()), PAUSE_FOR_STEP_MAX);
    }

    #[test]
    fn writes_of_others_are_noticed_and_forgotten() {
        let mut pace = Pace::new(7);
        std::thread::sleep(TOOK);
        pace.look(17);
        assert!(pace.distance.is_some_and(|distance| distance >= TOOK / 10), "{:?}", pace.distance);
        assert_eq!(pace.step().values, BUSY.values);
        pace.look(17);
        assert_eq!((pace.distance, pace.step().values), (None, IDLE.values));
    }

    #[test]
    fn beside_writes_there_is_a_distance_between_values() {
        let rare = beside_writes_each(Duration::from_secs(1));
        assert_eq!(rare.pause(TOOK, [1000; 8].into_iter()), VALUE_EACH * 8);
        assert_eq!(rare.pause(TOOK, [VALUE_BYTES * 10, 0].into_iter()), VALUE_EACH * 11);
        assert_eq!(rare.pause(TOOK, [].into_iter()), TOOK * PAUSE_PARTS);
        let many = beside_writes_each(Duration::from_micros(500));
        assert_eq!(many.pause(Duration::ZERO, [1000; 8].into_iter()), Duration::from_millis(12), "a third of theirs");
    }
}
