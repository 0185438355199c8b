//! What a value carries: of which run it is, and when it was put.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// Bytes of a mark: the run, then nanoseconds since it began, both big-endian.
pub(super) const MARK_BYTES: usize = 16;

/// The marks of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    run: u64,
    epoch: Instant,
}

impl Mark {
    /// A new run, whose marks are not those of another.
    pub(super) fn new() -> Self {
        // The one source of true chance in the standard library. A seed would let two runs take each other's events.
        Self { run: RandomState::new().hash_one(0), epoch: Instant::now() }
    }

    /// The mark of what is put now.
    pub(super) fn now(&self) -> [u8; MARK_BYTES] {
        let since = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut mark = [0; MARK_BYTES];
        mark[..8].copy_from_slice(&self.run.to_be_bytes());
        mark[8..].copy_from_slice(&since.to_be_bytes());
        mark
    }

    /// When a value was put, when that was by this run.
    pub(super) fn read(&self, value: &[u8]) -> Option<Instant> {
        let (run, rest) = value.split_first_chunk()?;
        let (since, _) = rest.split_first_chunk()?;
        if u64::from_be_bytes(*run) != self.run {
            return None;
        }
        self.epoch.checked_add(Duration::from_nanos(u64::from_be_bytes(*since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_time_to_its_own_run_only() {
        let (mark, before) = (Mark::new(), Instant::now());
        let value = mark.now();
        let read = mark.read(&value).unwrap();
        assert!(before <= read && read <= Instant::now());
        assert!(Mark::new().read(&value).is_none(), "another run");
        assert!(mark.read(&value[..15]).is_none(), "too short");
    }
}
