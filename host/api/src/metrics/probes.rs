//! How probes were answered.

use meters::{IntCounter, IntCounterVec, IntGaugeVec, Registry, counter, counters, gauges};

/// The families of the pages for probes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ProbeMetrics {
    healthy: IntCounter,
    unhealthy: IntCounter,
    result: IntGaugeVec,
    results: IntCounterVec,
}

impl ProbeMetrics {
    pub(crate) fn registered_in(registry: &Registry) -> Self {
        let own = Self {
            healthy: counter("etcd_server_health_success", "The total number of successful health checks"),
            unhealthy: counter("etcd_server_health_failures", "The total number of failed health checks"),
            result: gauges("etcd_server_healthcheck", "The result of each kind of healthcheck.", &["name", "type"]),
            results: counters(
                "etcd_server_healthchecks_total",
                "The total number of each kind of healthcheck.",
                &["name", "status", "type"],
            ),
        };
        registry.add(&own.healthy);
        registry.add(&own.unhealthy);
        registry.add(&own.result);
        registry.add(&own.results);
        own
    }

    /// `/health` was answered.
    pub(crate) fn count_health(&self, healthy: bool) {
        if healthy { self.healthy.inc() } else { self.unhealthy.inc() }
    }

    /// One check of `/livez` or `/readyz` was made.
    pub(crate) fn count_check(&self, page: &str, check: &str, passed: bool) {
        self.result.with_label_values(&[check, page]).set(i64::from(passed));
        let status = if passed { "success" } else { "error" };
        self.results.with_label_values(&[check, status, page]).inc();
    }
}
