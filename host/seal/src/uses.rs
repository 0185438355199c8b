//! How often a data key may still be used here: members reserve uses in the log before they seal, so that none goes uncounted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Uses that this member has reserved of one data key and not spent. Shared by the keyrings of all policy epochs.
#[derive(Clone, Default)]
pub(crate) struct Uses(Arc<AtomicU64>);

impl Uses {
    /// Spends one; `false` when none is left.
    pub(crate) fn spend(&self) -> bool {
        let spent = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.is_ok()
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_was_reserved() {
        let uses = Uses::default();
        assert!(!uses.spend());
        uses.add(2);
        assert!(uses.spend() && uses.clone().spend() && !uses.spend());
        assert_eq!(uses.left(), 0);
    }
}
