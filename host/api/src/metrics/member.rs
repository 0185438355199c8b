//! etcd's gauges that dashboards and alerts read, taken from the member when the page is asked for.

use meters::{IntCounter, IntGauge, IntGaugeVec, Registry, counter, gauge, gauges};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flow::Member;

use crate::health::ETCD_VERSION;

/// What the member itself tells. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct MemberMetrics {
    has_leader: IntGauge,
    is_leader: IntGauge,
    is_learner: IntGauge,
    leader_changes: IntCounter,
    leader_seen: Arc<AtomicU64>,
    committed: IntGauge,
    applied: IntGauge,
    revision: IntGauge,
    compacted: IntGauge,
    keys: IntGauge,
    size: IntGauge,
    size_in_use: IntGauge,
    quota: IntGauge,
    auth_revision: IntGauge,
    known_peers: IntGaugeVec,
    id: IntGaugeVec,
    cluster_version: IntGaugeVec,
}

impl MemberMetrics {
    pub(crate) fn registered_in(registry: &Registry) -> Self {
        let own = Self::new();
        for family in [&own.has_leader, &own.is_leader, &own.is_learner, &own.committed, &own.applied, &own.revision] {
            registry.add(family);
        }
        for family in [&own.compacted, &own.keys, &own.size, &own.size_in_use, &own.quota] {
            registry.add(family);
        }
        registry.add(&own.leader_changes);
        registry.add(&own.id);
        registry.add(&own.auth_revision);
        registry.add(&own.known_peers);
        registry.add(&own.cluster_version);
        add_versions(registry);
        own
    }

    fn new() -> Self {
        Self {
            has_leader: gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not."),
            is_leader: gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise."),
            is_learner: gauge(
                "etcd_server_is_learner",
                "Whether or not this member is a learner. 1 if is, 0 otherwise.",
            ),
            leader_changes: counter("etcd_server_leader_changes_seen_total", "The number of leader changes seen."),
            leader_seen: Arc::default(),
            committed: gauge(
                "etcd_server_proposals_committed_total",
                "The total number of consensus proposals committed.",
            ),
            applied: gauge("etcd_server_proposals_applied_total", "The total number of consensus proposals applied."),
            revision: gauge("etcd_debugging_mvcc_current_revision", "The current revision of store."),
            compacted: gauge("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store."),
            keys: gauge("etcd_debugging_mvcc_keys_total", "Total number of keys."),
            size: gauge(
                "etcd_mvcc_db_total_size_in_bytes",
                "Total size of the underlying database physically allocated in bytes.",
            ),
            size_in_use: gauge(
                "etcd_mvcc_db_total_size_in_use_in_bytes",
                "Total size of the underlying database logically in use in bytes.",
            ),
            quota: gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes."),
            auth_revision: gauge("etcd_debugging_auth_revision", "The current revision of auth store."),
            known_peers: gauges("etcd_network_known_peers", "The current number of known peers.", &["Local", "Remote"]),
            id: gauges(
                "etcd_server_id",
                "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
                &["server_id"],
            ),
            cluster_version: gauges(
                "etcd_cluster_version",
                "Which version is running. 1 for 'cluster_version' label with current cluster version",
                &["cluster_version"],
            ),
        }
    }

    pub(crate) fn read(&self, member: &Member) {
        let status = member.status();
        let (header, body) = (status.header, status.body);
        let number = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
        self.has_leader.set(i64::from(body.leader != 0));
        self.is_leader.set(i64::from(body.leader == header.member_id));
        self.is_learner.set(i64::from(body.is_learner));
        self.committed.set(number(body.raft_index));
        self.applied.set(number(body.raft_applied_index));
        self.revision.set(header.revision);
        self.size.set(body.db_size);
        self.size_in_use.set(body.db_size_in_use);
        self.quota.set(body.db_size_quota);
        self.auth_revision.set(number(member.warden().realm().revision()));
        let id = format!("{:x}", header.member_id);
        self.id.with_label_values(&[&id]).set(1);
        // As in etcd a member counts itself. Who has left, and a version that was, are shown no longer.
        self.known_peers.reset();
        for peer in member.peer_ids() {
            self.known_peers.with_label_values(&[id.as_str(), &format!("{peer:x}")]).set(1);
        }
        if let Ok(version) = member.cluster_version() {
            self.cluster_version.reset();
            // Without the patch.
            let version = version.rsplit_once('.').map_or(version.as_str(), |(version, _)| version);
            self.cluster_version.with_label_values(&[version]).set(1);
        }
        if self.leader_seen.swap(body.leader, Ordering::Relaxed) != body.leader {
            self.leader_changes.inc();
        }
        if let Ok(figures) = member.state_figures() {
            // As in etcd, none is -1.
            self.compacted.set(if figures.compacted == 0 { -1 } else { figures.compacted });
            self.keys.set(number(figures.keys));
        }
    }
}

/// Which versions these are does not change while the member runs.
fn add_versions(registry: &Registry) {
    let version = |name, label, help, value: &str| {
        let family = gauges(name, help, &[label]);
        registry.add(&family);
        family.with_label_values(&[value]).set(1);
    };
    let help = "Which version is running. 1 for 'server_version' label with current version.";
    version("etcd_server_version", "server_version", help, ETCD_VERSION);
    let help = "Which version of Strongroom is running. 1 for 'version' label with current version.";
    version("strongroom_build_info", "version", help, env!("CARGO_PKG_VERSION"));
}
