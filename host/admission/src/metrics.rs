//! What is told of plugins.

use std::time::Duration;

use meters::{
    Doubling, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, counters, gauges,
    histograms,
};

use crate::review::Findings;
use crate::{AdmissionError, Cause};

/// From 10 us, which is about what an instance takes, to 5 s, which is more than a request may.
const REVIEW_SECONDS: Doubling = Doubling { start: 0.000_01, count: 20 };

/// What the reviews of one request came to.
const OUTCOMES: [&str; 5] = ["allowed", "mutated", "denied", "failed", "timed-out"];

/// The families of all plugins, by the plugin's name. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    reviews: IntCounterVec,
    seconds: HistogramVec,
    memory_bytes: IntGaugeVec,
}

/// Those of one plugin.
pub(crate) struct PluginMetrics {
    /// In the order of [`OUTCOMES`].
    reviews: [IntCounter; 5],
    seconds: Histogram,
    memory_bytes: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            reviews: counters(
                "strongroom_plugin_reviews_total",
                "Requests that a plugin reviewed, by what it made of them, whether that was enforced or not.",
                &["plugin", "outcome"],
            ),
            seconds: histograms(
                "strongroom_plugin_review_duration_seconds",
                "How long a plugin took to review one request, with the wait for its turn.",
                &["plugin"],
                REVIEW_SECONDS,
            ),
            memory_bytes: gauges(
                "strongroom_plugin_memory_bytes",
                "Most linear memory that a review took.",
                &["plugin"],
            ),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(&self.reviews);
        registry.add(&self.seconds);
        registry.add(&self.memory_bytes);
    }

    pub(crate) fn of(&self, plugin: &str) -> PluginMetrics {
        PluginMetrics {
            reviews: OUTCOMES.map(|outcome| self.reviews.with_label_values(&[plugin, outcome])),
            seconds: self.seconds.with_label_values(&[plugin]),
            memory_bytes: self.memory_bytes.with_label_values(&[plugin]),
        }
    }

    /// Takes those of a plugin that is gone off the page. Each fails only for one that was never there.
    pub(crate) fn forget(&self, plugin: &str) {
        for outcome in OUTCOMES {
            drop(self.reviews.remove_label_values(&[plugin, outcome]));
        }
        drop(self.seconds.remove_label_values(&[plugin]));
        drop(self.memory_bytes.remove_label_values(&[plugin]));
    }
}

impl PluginMetrics {
    pub(crate) fn reviewed(&self, outcome: &Result<Findings, AdmissionError>, took: Duration) {
        let at = match outcome {
            Ok(findings) if findings.values.iter().any(Option::is_some) => 1,
            Ok(_) => 0,
            Err(AdmissionError::Denied { .. }) => 2,
            Err(AdmissionError::PluginFailed { cause: Cause::Deadline { .. } | Cause::Busy, .. }) => 4,
            Err(_) => 3,
        };
        self.reviews[at].inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn took_memory(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if bytes > self.memory_bytes.get() {
            self.memory_bytes.set(bytes);
        }
    }
}
