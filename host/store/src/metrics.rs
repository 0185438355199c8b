//! What the state tells of itself, under etcd's names for its multi-version store and its disk.

use meters::{
    Doubling, Histogram, IntCounter, IntGauge, IntGaugeVec, MILLISECONDS, Registry, counter, gauge, gauges, histogram,
};
use types::{EventKind, OpOutcome};

use crate::{Applied, Outcome, RevisionEvents};

/// The families of the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    puts: IntCounter,
    deletes: IntCounter,
    ranges: IntCounter,
    transactions: IntCounter,
    put_bytes: IntGauge,
    pub(crate) commit_seconds: Histogram,
    pub(crate) compacted_keys: IntCounter,
    /// Keys under each prefix that has a limit, and their bytes with those of their values.
    pub(crate) prefix_keys: IntGaugeVec,
    pub(crate) prefix_bytes: IntGaugeVec,
    /// How long it takes to remove what a compaction allows to remove.
    pub compaction_milliseconds: Histogram,
    /// When that was last done, in seconds since 1970.
    pub compaction_last: IntGauge,
    /// How long defragmenting takes, and whether it is done now.
    pub defragment_seconds: Histogram,
    /// One while the state is defragmented.
    pub defragmenting: IntGauge,
    /// How long sending a snapshot takes.
    pub snapshot_seconds: Histogram,
    /// How long hashes take.
    pub hash_seconds: Histogram,
}

impl StoreMetrics {
    pub(crate) fn new() -> Self {
        Self {
            puts: counter("etcd_mvcc_put_total", "Total number of puts seen by this member."),
            deletes: counter("etcd_mvcc_delete_total", "Total number of deletes seen by this member."),
            ranges: counter("etcd_mvcc_range_total", "Total number of ranges seen by this member."),
            transactions: counter("etcd_mvcc_txn_total", "Total number of txns seen by this member."),
            put_bytes: gauge(
                "etcd_debugging_mvcc_total_put_size_in_bytes",
                "The total size of put kv pairs seen by this member.",
            ),
            commit_seconds: histogram(
                "etcd_disk_backend_commit_duration_seconds",
                "The latency distributions of commit called by backend.",
                MILLISECONDS,
            ),
            prefix_keys: gauges("strongroom_prefix_keys", "Keys under a prefix that has a limit.", &["prefix"]),
            prefix_bytes: gauges(
                "strongroom_prefix_bytes",
                "Bytes of keys and values under a prefix that has a limit.",
                &["prefix"],
            ),
            compacted_keys: counter(
                "etcd_debugging_mvcc_db_compaction_keys_total",
                "Total number of db keys compacted.",
            ),
            compaction_milliseconds: histogram(
                "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
                "Bucketed histogram of db compaction total duration.",
                Doubling { start: 100.0, count: 14 },
            ),
            compaction_last: gauge(
                "etcd_debugging_mvcc_db_compaction_last",
                "The unix time of the last db compaction. Resets to 0 on start.",
            ),
            defragment_seconds: histogram(
                "etcd_disk_backend_defrag_duration_seconds",
                "The latency distribution of backend defragmentation.",
                Doubling { start: 0.1, count: 13 },
            ),
            defragmenting: gauge(
                "etcd_disk_defrag_inflight",
                "Whether or not defrag is active on the member. 1 means active, 0 means not.",
            ),
            snapshot_seconds: histogram(
                "etcd_disk_backend_snapshot_duration_seconds",
                "The latency distribution of backend snapshots.",
                Doubling { start: 0.01, count: 17 },
            ),
            hash_seconds: histogram(
                "etcd_mvcc_hash_rev_duration_seconds",
                "The latency distribution of storage hash by revision operation.",
                Doubling { start: 0.01, count: 15 },
            ),
        }
    }

    /// Adds them to `registry`.
    pub fn register(&self, registry: &Registry) {
        for family in [&self.puts, &self.deletes, &self.ranges, &self.transactions, &self.compacted_keys] {
            registry.add(family);
        }
        registry.add(&self.put_bytes);
        registry.add(&self.prefix_keys);
        registry.add(&self.prefix_bytes);
        registry.add(&self.compaction_last);
        registry.add(&self.defragmenting);
        registry.add(&self.defragment_seconds);
        registry.add(&self.snapshot_seconds);
        for family in [&self.commit_seconds, &self.compaction_milliseconds, &self.hash_seconds] {
            registry.add(family);
        }
    }

    /// Counts a range that was read outside of a write.
    pub fn count_range(&self) {
        self.ranges.inc();
    }

    pub(crate) fn count(&self, applied: &[Applied], events: &[RevisionEvents]) {
        for one in applied {
            if let Ok(Outcome::Write(outcome)) = &one.result {
                self.count_outcome(outcome);
                if let OpOutcome::Txn(_) = outcome {
                    self.transactions.inc();
                }
            }
        }
        let puts = events.iter().flat_map(|one| one.events.iter()).filter(|event| event.kind == EventKind::Put);
        let bytes: usize = puts.map(|event| event.kv.key.len() + event.kv.value.bytes().len()).sum();
        self.put_bytes.add(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts what a write did; transactions lie no deeper in each other than a request may.
    fn count_outcome<V>(&self, outcome: &OpOutcome<V>) {
        match outcome {
            OpOutcome::Put { .. } => self.puts.inc(),
            OpOutcome::DeleteRange { .. } => self.deletes.inc(),
            OpOutcome::Range(_) => self.ranges.inc(),
            OpOutcome::Txn(txn) => txn.responses.iter().for_each(|inner| self.count_outcome(inner)),
        }
    }
}
