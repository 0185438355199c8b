//! What consensus tells of itself, under etcd's names for its write-ahead log and its proposals.

use meters::{Histogram, IntCounter, IntGauge, MILLISECONDS, Registry, counter, gauge, histogram};

/// The families of consensus. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConsensusMetrics {
    pub(crate) log: LogMetrics,
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
    pub(crate) fn new(log: LogMetrics) -> Self {
        Self {
            log,
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
        registry.add(&self.log.written_bytes);
        registry.add(&self.pending);
        for family in [&self.failed, &self.slow_applies, &self.failed_reads] {
            registry.add(family);
        }
    }
}
