//! Code that was prepared for a policy which is about to come, and is kept until that is there.

use std::time::Instant;

use native::Digest;

use crate::limits::{PLUGINS_MAX, PREPARED_TIME_MAX};

/// The components whose code is held, the oldest first. Each is held until its time is over, also once it is in force: a policy of
/// before may still be loaded then.
#[derive(Default)]
pub(crate) struct Prepared(Vec<(Digest, Instant)>);

impl Prepared {
    /// Holds code from `now` on. The oldest makes room for one that is too many.
    pub(crate) fn hold(&mut self, digest: Digest, now: Instant) {
        self.release(&digest);
        if self.0.len() >= PLUGINS_MAX {
            self.0.remove(0);
        }
        self.0.push((digest, now));
    }

    /// Lets go of code.
    pub(crate) fn release(&mut self, digest: &Digest) {
        self.0.retain(|(held, _)| held != digest);
    }

    /// Whether code is held at `now`.
    pub(crate) fn holds(&self, digest: &Digest, now: Instant) -> bool {
        self.0.iter().any(|(held, since)| held == digest && now.saturating_duration_since(*since) < PREPARED_TIME_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn code_is_held_until_its_time_is_over() {
        let (mut prepared, begun) = (Prepared::default(), Instant::now());
        prepared.hold(digest(1), begun);
        let over = begun + PREPARED_TIME_MAX;
        assert!(prepared.holds(&digest(1), begun) && !prepared.holds(&digest(2), begun));
        assert!(!prepared.holds(&digest(1), over));
        // Prepared again, its time begins again.
        prepared.hold(digest(1), over);
        assert!(prepared.holds(&digest(1), over));
        prepared.release(&digest(1));
        assert!(!prepared.holds(&digest(1), over));
    }

    #[test]
    fn the_oldest_makes_room() {
        let (mut prepared, now) = (Prepared::default(), Instant::now());
        (0..PLUGINS_MAX).for_each(|number| prepared.hold(digest(number), now));
        // The first is the newest by this.
        prepared.hold(digest(0), now);
        assert!(prepared.holds(&digest(1), now));
        prepared.hold(digest(PLUGINS_MAX), now);
        assert!(!prepared.holds(&digest(1), now));
        assert!([0, 2, PLUGINS_MAX].iter().all(|number| prepared.holds(&digest(*number), now)));
    }
}
