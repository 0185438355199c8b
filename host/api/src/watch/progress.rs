//! When a stream tells of progress.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How soon a progress request is looked at again while a watch is still catching up.
pub(super) const RETRY: Duration = Duration::from_millis(20);

/// Shortest interval of progress notifications: etcd's.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The ticks of one stream's progress notifications, with up to a tenth added by chance as in etcd, so that streams
/// which were opened together do not notify together.
pub(super) fn ticks(interval: Duration) -> tokio::time::Interval {
    let tenths_of_percent = u32::try_from(RandomState::new().hash_one(()) % 100).unwrap_or_default();
    let interval = interval.max(INTERVAL_MIN);
    let interval = interval + interval * tenths_of_percent / 1000;
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
