//! Every workload against a real etcd and against Strongroom: does it measure what it says, and does it leave nothing behind?

mod fixture;

use std::process::Command;
use std::time::Duration;

use fixture::{anonymous, bench, count, keys, report, run};
use harness::Server;
use load::BenchError;
use tokio::time::sleep;

/// A run of each workload, and the operations that it measures.
const LINES: [(&str, &[&str]); 11] = [
    ("put", &["put"]),
    ("put --order sequential --value-bytes 0 --conns 4", &["put"]),
    ("put --order hot --rate 500", &["put"]),
    ("txn", &["update"]),
    ("range", &["get"]),
    ("range --kind list --limit 50 --serializable", &["list"]),
    ("range --kind paged --limit 100", &["list", "page"]),
    ("range --kind count", &["count"]),
    ("mixed --reads 0.5", &["read", "put"]),
    ("watch --watchers 20 --streams 4 --conns 2 --rate 200 --keys 10", &["event", "put"]),
    ("lease", &["keep-alive"]),
];

async fn every_workload_is_clean(server: &Server) {
    for (line, operations) in LINES {
        let keys_flag = if line.contains("--keys") || line == "lease" { "" } else { "--keys 1000" };
        let report = report(server, &format!("{line} {keys_flag} --clients 4 --warm-up 100ms --duration 700ms")).await;
        for operation in operations {
            assert!(count(&report, operation) > Some(0), "{line}: {report:#}");
        }
        assert_eq!(report["missed"], 0, "{line}: {report:#}");
        assert_eq!(keys(server, "").await, 0, "{line} leaves nothing");
    }
    assert_eq!(server.etcdctl().ok(&["lease", "list"]).await.trim(), "found 0 leases");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_workload_measures_an_etcd_and_leaves_nothing() {
    every_workload_is_clean(&Server::etcd().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_workload_measures_a_strongroom_over_mutual_tls_and_leaves_nothing() {
    every_workload_is_clean(&Server::strongroom().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_certificate_lets_nobody_in_without() {
    let server = Server::strongroom().await;
    let authority = server.environment().get("ETCDCTL_CACERT");
    let refusal = anonymous(server.ports().client, authority).await.unwrap_err().to_string();
    // With TLS 1.3 the server's word comes after the first request, which can find the connection closed before it is read.
    let ways = ["CertificateRequired", "broken pipe", "connection reset", "connection closed"];
    assert!(ways.iter().any(|way| refusal.to_lowercase().contains(&way.to_lowercase())), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_put_of_a_total_is_one_revision() {
    let server = Server::etcd().await;
    let report = report(&server, "put --total 777 --warm-up 0s --keys 50 --keep").await;
    assert_eq!(count(&report, "put"), Some(777));
    let listed = server.etcdctl().ok(&["get", "--prefix", "bench/", "-w", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["header"]["revision"], 778, "etcd begins with revision 1");
    let versions = listed["kvs"].as_array().unwrap().iter().map(|pair| pair["version"].as_u64().unwrap());
    assert_eq!(versions.sum::<u64>(), 777);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_conflict_only_over_shared_objects() {
    let server = Server::etcd().await;
    let own = report(&server, "txn --keys 16 --clients 16 --total 2000").await;
    assert_eq!((count(&own, "update"), count(&own, "conflict")), (Some(2000), Some(0)));
    let shared = report(&server, "txn --keys 1 --clients 16 --total 2000 --contend").await;
    assert!(count(&shared, "conflict") > Some(0), "{shared:#}");
    let all = ["update", "conflict"].map(|operation| count(&shared, operation).unwrap());
    assert_eq!(all.iter().sum::<u64>(), 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_gets_an_event_for_each_put() {
    let server = Server::etcd().await;
    for keys in [1, 5] {
        let line = format!("watch --watchers 30 --streams 3 --conns 3 --keys {keys} --total 500 --warm-up 0s");
        let report = report(&server, &line).await;
        assert_eq!((count(&report, "put"), count(&report, "event")), (Some(500), Some(15_000)), "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_held() {
    let server = Server::etcd().await;
    let report = report(&server, "put --rate 300 --duration 2s --clients 8").await;
    assert_eq!(count(&report, "put").unwrap() + report["unsent"].as_u64().unwrap(), 600, "{report:#}");
}

/// A closed loop would have one slow answer for each client, and p50 would know nothing of the stall.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_charged_to_all_that_were_due_in_it() {
    let server = Server::etcd().await;
    let stalled = bench(&server, "put --rate 200 --duration 6s --warm-up 0s --clients 1");
    let stall = async {
        sleep(Duration::from_secs(2)).await;
        signal(&server, "STOP");
        sleep(Duration::from_secs(3)).await;
        signal(&server, "CONT");
    };
    let (report, ()) = tokio::join!(stalled.measure(), stall);
    let latency = report.unwrap().operations[0].latency;
    assert!(latency.max_us > 900_000 && latency.p90_us > 500_000, "{latency:?}");
}

fn signal(server: &Server, name: &str) {
    let id = server.process_id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().is_ok_and(|status| status.success()));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_fail_are_no_answers() {
    let mut server = Server::etcd().await;
    let dying = bench(&server, "put --duration 10s --warm-up 0s --timeout 1s --keep --json");
    let mut out = Vec::new();
    let death = async {
        sleep(Duration::from_secs(3)).await;
        server.kill();
    };
    let (outcome, ()) = tokio::join!(dying.run(&mut out), death);
    assert!(matches!(outcome, Err(BenchError::Failed { .. })), "{outcome:?}");
    let report: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert!(report["failures"]["Unavailable"]["count"].as_u64().unwrap() > 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_there_are_never_deleted() {
    let server = Server::etcd().await;
    server.etcdctl().ok(&["put", "bench/mine", "1"]).await;
    let report = report(&server, "put --total 100 --warm-up 0s --order sequential").await;
    assert_eq!(report["remarks"][0], "nothing was deleted, because \"bench/\" held 1 key before");
    assert_eq!(keys(&server, "bench/").await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_prepared_once() {
    let server = Server::etcd().await;
    for _ in 0..2 {
        report(&server, "range --keys 1000 --total 100 --keep").await;
    }
    let listed = server.etcdctl().ok(&["get", "--prefix", "bench/", "--limit", "1", "-w", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed["count"], &listed["kvs"][0]["version"]), (&1000.into(), &1.into()));
    let (missing, outcome) = run(&server, "range --keys 2000 --prepare 1000 --total 500").await;
    assert!(outcome.is_ok() && missing["missed"].as_u64().unwrap() > 0, "{missing:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_authenticated() {
    let server = Server::etcd().await;
    let etcdctl = server.etcdctl();
    for line in ["user add root:canary", "user grant-role root root", "auth enable"] {
        etcdctl.ok(&line.split(' ').collect::<Vec<_>>()).await;
    }
    for line in ["put", "watch --watchers 2", "lease --clients 2"] {
        report(&server, &format!("{line} --total 50 --user root:canary")).await;
    }
    let (_, refused) = run(&server, "put --total 10").await;
    assert!(
        refused.unwrap_err().to_string().starts_with("cannot count the keys below --prefix: etcdserver: user name is")
    );
    let (_, refused) = run(&server, "put --total 10 --user root:wrong").await;
    assert!(refused.unwrap_err().to_string().starts_with("cannot authenticate as --user: "));
}

#[tokio::test]
async fn the_exit_code_tells_a_wrong_command_line_from_a_failure() {
    let server = Server::etcd().await;
    let endpoint = format!("http://127.0.0.1:{}", server.ports().client);
    for (words, code, said) in [
        (["--endpoints", &endpoint, "--conns", "5", "--clients", "4"], 2, "raise --clients or lower --conns"),
        (["--endpoints", "http://127.0.0.1:1", "--total", "9", "--clients", "4"], 1, "cannot be reached"),
        (["--endpoints", &endpoint, "--total", "9", "--clients", "4"], 0, ""),
    ] {
        let run = harness::run(&[["bench", "put"].as_slice(), &words].concat(), []).await;
        assert!(run.code == Some(code) && run.stderr.contains(said), "{words:?}: {run:?}");
    }
}
