//! How much and how long.

/// Sizes of the works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Time of a load before it is measured, and while it is.
    warm_up_ms: u64,
    measured_ms: u64,
    /// Keys of 1 KiB where there are many.
    pub(crate) keys: u64,
    /// Superseded revisions that are compacted.
    pub(crate) revisions: u64,
    /// Watchers of one key, and puts to it.
    pub(crate) watchers: u64,
    pub(crate) watched_puts: u64,
    /// Times that two halves are compared within one round.
    pub(crate) pairs: usize,
}

impl Scale {
    /// What the goals are about.
    pub(crate) const FULL: Self = Self {
        warm_up_ms: 2000,
        measured_ms: 10_000,
        keys: 1_000_000,
        revisions: 1_000_000,
        watchers: 10_000,
        watched_puts: 300,
        pairs: 5,
    };

    /// Whether everything works.
    pub(crate) const QUICK: Self = Self {
        warm_up_ms: 300,
        measured_ms: 1000,
        keys: 50_000,
        revisions: 20_000,
        watchers: 1000,
        watched_puts: 30,
        pairs: 1,
    };

    /// The flags of a load that lasts as long as usual.
    pub(crate) fn time(&self) -> String {
        format!("--warm-up {}ms --duration {}ms", self.warm_up_ms, self.measured_ms)
    }

    /// The same without a warm-up: what it costs is counted from outside, where one would count, too.
    pub(crate) fn measured(&self) -> String {
        format!("--warm-up 0s --duration {}ms", self.measured_ms)
    }

    /// The warm-up alone.
    pub(crate) fn warm_up(&self) -> String {
        format!("--warm-up 0s --duration {}ms", self.warm_up_ms)
    }
}
