//! The page of metrics: what etcd's dashboards and alerts look for is there, by name and type.

use std::collections::BTreeMap;

use harness::Server;
use proto::etcdserverpb::{
    AlarmRequest, AlarmType, CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest,
    RequestOp, TxnRequest, WatchCreateRequest, alarm_request::AlarmAction, request_op::Request,
};

/// etcd's families: name, type, and why one is absent here.
const ETCDS: &str = include_str!("etcd_metrics.tsv");

/// Prefixes of families that are ours alone.
const OURS: [&str; 2] = ["strongroom_", "grpc_server_handling_"];

/// The families of a page with their types.
fn families(page: &str) -> BTreeMap<&str, &str> {
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

/// The value of a series, labels and all.
pub(crate) fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {series} in\n{page}")).parse().expect("a value is a number")
}

async fn used() -> Server {
    let server = Server::strongroom().await;
    let mut client = server.client().await;
    let put = |value: &str| PutRequest { key: "key".into(), value: value.to_owned().into(), ..Default::default() };
    for text in ["a", "bc"] {
        client.kv.put(put(text)).await.unwrap();
    }
    client.kv.range(RangeRequest { key: "key".into(), ..Default::default() }).await.unwrap();
    client.lease.lease_grant(LeaseGrantRequest { ttl: 60, id: 0 }).await.unwrap();
    assert_eq!(server.page("/readyz").await.status, 200);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_family_of_etcd_is_there_or_has_its_reason() {
    let server = used().await;
    let page = server.page("/metrics").await.body;
    let found = families(&page);
    let mut wrong = Vec::new();
    let mut listed = Vec::new();
    for line in ETCDS.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (name, kind) = (columns.next().unwrap(), columns.next().unwrap());
        listed.push(name);
        match (found.get(name), columns.next()) {
            (Some(here), None) if *here == kind => {}
            (None, Some(reason)) if !reason.is_empty() => {}
            (here, reason) => wrong.push(format!("{name}: etcd {kind}, here {here:?}, reason {reason:?}")),
        }
    }
    let ours = |name: &str| OURS.iter().any(|prefix| name.starts_with(prefix));
    let strange = found.keys().filter(|name| !listed.contains(name) && !ours(name));
    wrong.extend(strange.map(|name| format!("{name}: neither etcd's nor ours")));
    assert!(listed.len() > 80 && wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_counted() {
    let server = used().await;
    let page = server.page("/metrics").await.body;
    for (series, expected) in [
        ("etcd_mvcc_put_total", 2.0),
        ("etcd_debugging_mvcc_total_put_size_in_bytes", 9.0),
        ("etcd_debugging_lease_granted_total", 1.0),
        ("etcd_debugging_lease_ttl_total_bucket{le=\"64\"}", 1.0),
        ("etcd_server_has_leader", 1.0),
        ("etcd_server_is_leader", 1.0),
        ("etcd_server_version{server_version=\"3.7.3\"}", 1.0),
        ("etcd_server_healthcheck{name=\"linearizable_read\",type=\"readyz\"}", 1.0),
        (
            "grpc_server_msg_received_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}",
            2.0,
        ),
        ("etcd_server_request_duration_seconds_count{success=\"true\",type=\"Put\"}", 2.0),
    ] {
        assert_eq!(value(&page, series), expected, "{series}");
    }
    for series in [
        "etcd_disk_wal_fsync_duration_seconds_count",
        "etcd_disk_backend_commit_duration_seconds_count",
        "etcd_disk_wal_write_bytes_total",
        "etcd_network_client_grpc_received_bytes_total",
        "etcd_network_client_grpc_sent_bytes_total",
        "etcd_debugging_mvcc_keys_total",
        "process_resident_memory_bytes",
    ] {
        assert!(value(&page, series) > 0.0, "{series}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_request_has_its_own_count() {
    let server = used().await;
    let mut client = server.client().await;
    let before = server.page("/metrics").await.body;
    let delete = DeleteRangeRequest { key: "key".into(), ..Default::default() };
    client.kv.delete_range(delete.clone()).await.unwrap();
    client.kv.range(RangeRequest { key: "key".into(), ..Default::default() }).await.unwrap();
    let inner = RequestOp { request: Some(Request::RequestDeleteRange(delete)) };
    client.kv.txn(TxnRequest { success: vec![inner], ..Default::default() }).await.unwrap();
    client.kv.compact(CompactionRequest { revision: 3, physical: true }).await.unwrap();
    client.kv.compact(CompactionRequest { revision: 3, physical: true }).await.unwrap_err();
    let after = server.page("/metrics").await.body;
    for (series, more) in [
        ("etcd_mvcc_put_total", 0.0),
        ("etcd_mvcc_delete_total", 2.0),
        ("etcd_mvcc_range_total", 1.0),
        ("etcd_mvcc_txn_total", 1.0),
    ] {
        assert_eq!(value(&after, series) - value(&before, series), more, "{series}");
    }
    for (series, expected) in [
        ("etcd_debugging_mvcc_compact_revision", 3.0),
        ("etcd_server_quota_backend_bytes", 2_147_483_648.0),
        ("etcd_server_leader_changes_seen_total", 1.0),
        ("etcd_server_proposals_pending", 0.0),
        ("etcd_server_request_duration_seconds_count{success=\"false\",type=\"Compaction\"}", 1.0),
        ("etcd_server_request_duration_seconds_count{success=\"true\",type=\"Compaction\"}", 1.0),
    ] {
        assert_eq!(value(&after, series), expected, "{series}");
    }
    assert!(value(&after, "etcd_mvcc_db_total_size_in_use_in_bytes") > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ails_a_member_is_shown_and_what_ended_is_not() {
    let server = used().await;
    let mut client = server.client().await;
    let mut watching = client.watch();
    watching.create(WatchCreateRequest { key: "key".into(), ..Default::default() }).await;
    assert!(watching.next().await.created);
    assert_eq!(value(&server.page("/metrics").await.body, "etcd_debugging_mvcc_watcher_total"), 1.0);
    drop(watching);
    let healthy = value(&server.page("/metrics").await.body, "etcd_server_health_success");
    let certificates = server.environment().administrator_certificates();
    let administrator = harness::connect(server.ports().client, Some(&certificates)).await.unwrap();
    let mut administrator = harness::Client::new(administrator);
    let (action, alarm) = (AlarmAction::Activate.into(), AlarmType::Corrupt.into());
    administrator.maintenance.alarm(AlarmRequest { action, member_id: 1, alarm }).await.unwrap();
    assert_eq!((server.page("/health").await.status, server.page("/readyz").await.status), (503, 503));
    client.kv.put(PutRequest { key: "key".into(), ..Default::default() }).await.unwrap_err();
    let page = server.page("/metrics").await.body;
    for (series, expected) in [
        ("etcd_server_health_success", healthy),
        ("etcd_server_health_failures", 1.0),
        ("etcd_server_healthcheck{name=\"data_corruption\",type=\"readyz\"}", 0.0),
        ("etcd_server_proposals_pending", 0.0),
        ("etcd_debugging_mvcc_watcher_total", 0.0),
    ] {
        assert_eq!(value(&page, series), expected, "{series}");
    }
    let canceled = "grpc_server_handled_total{grpc_code=\"Canceled\",grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}";
    assert_eq!(value(&page, canceled), 0.0, "Go spells it with one l");
}
