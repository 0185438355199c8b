//! What is measured, under etcd's names wherever etcd has one, and the page that shows it.
//!
//! Each owner of a fact holds its families and puts them into a [`Registry`] when it is asked to. Names and text are
//! those of Prometheus' text format 0.0.4, as etcd answers it: OpenMetrics would add `_total` to every counter, and
//! dashboards would not find `etcd_server_health_success`.
//!
//! It is *not* where anything is decided to be measured, and no family here has a label by itself.
//!
//! Invariants: a name is registered once, or the start of the member fails loudly. No label ever holds a key, a value or
//! a name that a client chose.
//!
//! ```
//! let registry = meters::Registry::default();
//! let puts = meters::counter("etcd_mvcc_put_total", "Total number of puts seen by this member.");
//! registry.add(&puts);
//! puts.inc();
//! assert!(registry.page().unwrap().ends_with("etcd_mvcc_put_total 1\n"));
//! ```

use prometheus::core::Collector;
use prometheus::{HistogramOpts, Opts, TextEncoder};

pub use prometheus::{Counter, Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// The content type of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

const VALID: &str = "names and labels are constants, tried by every test that starts a member";

/// The page could not be written: a bug.
#[derive(Debug, thiserror::Error)]
#[error("the page of metrics could not be written: {0}")]
pub struct PageError(#[from] prometheus::Error);

/// All families of one member. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry(prometheus::Registry);

impl Registry {
    /// Adds a family.
    ///
    /// # Panics
    /// When its name is taken.
    pub fn add<C: Collector + Clone + 'static>(&self, family: &C) {
        self.0.register(Box::new(family.clone())).expect("no two owners use one name");
    }

    /// Everything as it is now.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn page(&self) -> Result<String, PageError> {
        Ok(TextEncoder::new().encode_to_string(&self.0.gather())?)
    }
}

/// A counter.
#[must_use]
pub fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect(VALID)
}

/// A counter of seconds.
#[must_use]
pub fn seconds_counter(name: &str, help: &str) -> Counter {
    Counter::new(name, help).expect(VALID)
}

/// A gauge of seconds.
#[must_use]
pub fn seconds_gauge(name: &str, help: &str) -> Gauge {
    Gauge::new(name, help).expect(VALID)
}

/// A counter for each value of `labels`.
#[must_use]
pub fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(VALID)
}

/// A gauge.
#[must_use]
pub fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect(VALID)
}

/// A gauge for each value of `labels`.
#[must_use]
pub fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID)
}

/// The bounds of a histogram: `count` of them, the first at `start`, each twice the one before.
#[derive(Clone, Copy, Debug)]
pub struct Doubling {
    /// The lowest bound.
    pub start: f64,
    /// How many.
    pub count: usize,
}

impl Doubling {
    fn bounds(self) -> Vec<f64> {
        prometheus::exponential_buckets(self.start, 2.0, self.count).expect(VALID)
    }
}

/// From a millisecond to eight seconds, the bounds of most of etcd's durations.
pub const MILLISECONDS: Doubling = Doubling { start: 0.001, count: 14 };

/// A histogram.
#[must_use]
pub fn histogram(name: &str, help: &str, bounds: Doubling) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.bounds())).expect(VALID)
}

/// A histogram for each value of `labels`.
#[must_use]
pub fn histograms(name: &str, help: &str, labels: &[&str], bounds: Doubling) -> HistogramVec {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.bounds()), labels).expect(VALID)
}
