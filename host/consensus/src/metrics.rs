//! What consensus tells of itself, under etcd's names for its write-ahead log and its proposals.

use std::time::Duration;

use meters::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, MILLISECONDS, Registry, counter,
    counters, gauge, gauges, histogram, histograms,
};

/// The families of consensus. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConsensusMetrics {
    pub(crate) log: LogMetrics,
    pub(crate) peers: PeerMetrics,
    pub(crate) pending: IntGauge,
    pub(crate) failed: IntCounter,
    pub(crate) slow_applies: IntCounter,
    pub(crate) failed_reads: IntCounter,
    pub(crate) apply_batch_seconds: Histogram,
}

/// The families of the log's writer.
#[derive(Clone, Debug)]
pub(crate) struct LogMetrics {
    pub(crate) sync_seconds: Histogram,
    pub(crate) write_seconds: Histogram,
    pub(crate) written_bytes: IntGauge,
}

impl LogMetrics {
    pub(crate) fn new() -> Self {
        Self {
            sync_seconds: histogram(
                "etcd_disk_wal_fsync_duration_seconds",
                "The latency distributions of fsync called by WAL.",
                MILLISECONDS,
            ),
            write_seconds: histogram(
                "etcd_disk_wal_write_duration_seconds",
                "The latency distributions of write called by WAL.",
                MILLISECONDS,
            ),
            written_bytes: gauge("etcd_disk_wal_write_bytes_total", "Total number of bytes written in WAL."),
        }
    }
}

/// The families of the peer link. A series appears with the first word from or to a member.
#[derive(Clone, Debug)]
pub(crate) struct PeerMetrics {
    member_id: u64,
    active: IntGaugeVec,
    sent_bytes: IntCounterVec,
    received_bytes: IntCounterVec,
    sent_failures: IntCounterVec,
    round_trips: HistogramVec,
    snapshots_sent: IntCounterVec,
    snapshots_not_sent: IntCounterVec,
    snapshots_received: IntCounterVec,
    snapshots_not_received: IntCounterVec,
}

impl PeerMetrics {
    pub(crate) fn new(member_id: u64) -> Self {
        let to = |name, help| counters(name, help, &["To"]);
        let from = |name, help| counters(name, help, &["From"]);
        Self {
            member_id,
            active: gauges(
                "etcd_network_active_peers",
                "The current number of active peer connections.",
                &["Local", "Remote"],
            ),
            sent_bytes: to("etcd_network_peer_sent_bytes_total", "The total number of bytes sent to peers."),
            received_bytes: from(
                "etcd_network_peer_received_bytes_total",
                "The total number of bytes received from peers.",
            ),
            sent_failures: to("etcd_network_peer_sent_failures_total", "The total number of send failures from peers."),
            round_trips: histograms(
                "etcd_network_peer_round_trip_time_seconds",
                "Round-Trip-Time histogram between peers",
                &["To"],
                MILLISECONDS,
            ),
            snapshots_sent: to("etcd_network_snapshot_send_success", "Total number of successful snapshot sends"),
            snapshots_not_sent: to("etcd_network_snapshot_send_failures", "Total number of snapshot send failures"),
            snapshots_received: from(
                "etcd_network_snapshot_receive_success",
                "Total number of successful snapshot receives",
            ),
            snapshots_not_received: from(
                "etcd_network_snapshot_receive_failures",
                "Total number of snapshot receive failures",
            ),
        }
    }

    /// Whether a member was reached, for a request of entries or heartbeats.
    pub(crate) fn reached(&self, member: u64, reached: bool) {
        self.active.with_label_values(&[&hex(self.member_id), &hex(member)]).set(i64::from(reached));
        if !reached {
            self.sent_failures.with_label_values(&[&hex(member)]).inc();
        }
    }

    pub(crate) fn sent(&self, member: u64, bytes: usize) {
        self.sent_bytes.with_label_values(&[&hex(member)]).inc_by(bytes as u64);
    }

    pub(crate) fn received(&self, member: u64, bytes: usize) {
        self.received_bytes.with_label_values(&[&hex(member)]).inc_by(bytes as u64);
    }

    pub(crate) fn round_trip(&self, member: u64, took: Duration) {
        self.round_trips.with_label_values(&[&hex(member)]).observe(took.as_secs_f64());
    }

    pub(crate) fn snapshot_sent(&self, member: u64, done: bool) {
        let family = if done { &self.snapshots_sent } else { &self.snapshots_not_sent };
        family.with_label_values(&[&hex(member)]).inc();
    }

    pub(crate) fn snapshot_received(&self, member: u64, done: bool) {
        let family = if done { &self.snapshots_received } else { &self.snapshots_not_received };
        family.with_label_values(&[&hex(member)]).inc();
    }

    fn register(&self, registry: &Registry) {
        registry.add(&self.active);
        registry.add(&self.round_trips);
        for family in [&self.sent_bytes, &self.received_bytes, &self.sent_failures] {
            registry.add(family);
        }
        let sent = [&self.snapshots_sent, &self.snapshots_not_sent];
        for family in sent.into_iter().chain([&self.snapshots_received, &self.snapshots_not_received]) {
            registry.add(family);
        }
    }
}

/// An id as etcd's labels have it.
fn hex(member: u64) -> String {
    format!("{member:x}")
}

/// A proposal under way, whatever becomes of it.
pub(crate) struct Pending(IntGauge);

impl Pending {
    pub(crate) fn one_more(pending: &IntGauge) -> Self {
        pending.inc();
        Self(pending.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl ConsensusMetrics {
    pub(crate) fn new(log: LogMetrics, member_id: u64) -> Self {
        Self {
            log,
            peers: PeerMetrics::new(member_id),
            pending: gauge("etcd_server_proposals_pending", "The current number of pending proposals to commit."),
            failed: counter("etcd_server_proposals_failed_total", "The total number of failed proposals seen."),
            slow_applies: counter(
                "etcd_server_slow_apply_total",
                "The total number of slow apply requests (likely overloaded from slow disk).",
            ),
            failed_reads: counter(
                "etcd_server_read_indexes_failed_total",
                "The total number of failed read indexes seen.",
            ),
            apply_batch_seconds: histogram(
                "strongroom_apply_batch_duration_seconds",
                "How long it takes to apply a batch of committed entries.",
                MILLISECONDS,
            ),
        }
    }

    /// Adds them to `registry`.
    pub fn register(&self, registry: &Registry) {
        for family in [&self.log.sync_seconds, &self.log.write_seconds, &self.apply_batch_seconds] {
            registry.add(family);
        }
        self.peers.register(registry);
        registry.add(&self.log.written_bytes);
        registry.add(&self.pending);
        for family in [&self.failed, &self.slow_applies, &self.failed_reads] {
            registry.add(family);
        }
    }
}
