//! What a member tells of its leases and watches, under etcd's names.

use meters::{Doubling, Histogram, IntCounter, IntGauge, Registry, counter, gauge, histogram};

use crate::Member;

/// The families of the flows. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FlowMetrics {
    pub(crate) leases_granted: IntCounter,
    pub(crate) leases_renewed: IntCounter,
    pub(crate) leases_revoked: IntCounter,
    pub(crate) leases_expired: IntCounter,
    pub(crate) lease_ttl: Histogram,
    pub(crate) watch_streams: IntGauge,
    pub(crate) watchers: IntGauge,
    pub(crate) events: IntCounter,
}

impl FlowMetrics {
    pub(crate) fn new() -> Self {
        Self {
            leases_granted: counter("etcd_debugging_lease_granted_total", "The total number of granted leases."),
            leases_renewed: counter(
                "etcd_debugging_lease_renewed_total",
                "The number of renewed leases seen by the leader.",
            ),
            leases_revoked: counter("etcd_debugging_lease_revoked_total", "The total number of revoked leases."),
            leases_expired: counter("etcd_debugging_server_lease_expired_total", "The total number of expired leases."),
            lease_ttl: histogram(
                "etcd_debugging_lease_ttl_total",
                "Bucketed histogram of lease TTLs.",
                Doubling { start: 1.0, count: 24 },
            ),
            watch_streams: gauge("etcd_debugging_mvcc_watch_stream_total", "Total number of watch streams."),
            watchers: gauge("etcd_debugging_mvcc_watcher_total", "Total number of watchers."),
            events: counter("etcd_debugging_mvcc_events_total", "Total number of events sent by this member."),
        }
    }

    fn register(&self, registry: &Registry) {
        for family in
            [&self.leases_granted, &self.leases_renewed, &self.leases_revoked, &self.leases_expired, &self.events]
        {
            registry.add(family);
        }
        registry.add(&self.lease_ttl);
        registry.add(&self.watch_streams);
        registry.add(&self.watchers);
    }
}

/// One stream of watches and how many it has, as long as it lives.
pub(crate) struct Following {
    streams: IntGauge,
    watchers: IntGauge,
    own: i64,
}

impl Following {
    pub(crate) fn new(metrics: &FlowMetrics) -> Self {
        metrics.watch_streams.inc();
        Self { streams: metrics.watch_streams.clone(), watchers: metrics.watchers.clone(), own: 0 }
    }

    pub(crate) fn set(&mut self, watchers: usize) {
        let now = i64::try_from(watchers).unwrap_or(i64::MAX);
        self.watchers.add(now - self.own);
        self.own = now;
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.watchers.sub(self.own);
        self.streams.dec();
    }
}

impl Member {
    /// Adds the families of this member and of what it stands on to `registry`.
    pub fn register_metrics(&self, registry: &Registry) {
        self.shared.metrics.register(registry);
        self.shared.seal_metrics.register(registry);
        self.shared.journal.register_metrics(registry);
        self.shared.limits.register(registry);
        if self.shared.config.backups.is_some() {
            self.shared.backup_metrics.register(registry);
        }
        if let Some(limits) = &self.shared.identity_limits {
            limits.register(registry);
        }
        self.shared.policy.engine().register(registry);
        self.shared.store.metrics().register(registry);
        self.shared.consensus.metrics().register(registry);
    }
}
