//! A lease ends by the clock of the member that leads, and of no other.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::{Cluster, ClusterOptions, Environment, Etcdctl};
use tokio::time::sleep;

/// Seconds of the lease: the least that an election timeout of a second allows is two.
const TTL: &str = "3";

fn options() -> ClusterOptions {
    let flags = ["--admin-access=any", "--heartbeat-interval=100", "--election-timeout=1000"];
    ClusterOptions {
        members: 3,
        program: harness::binary(),
        flags: flags.map(str::to_owned).to_vec(),
        own_flags: BTreeMap::new(),
        fail_points: Vec::new(),
        disk_bytes: None,
    }
}

fn etcdctl(cluster: &Cluster, member: usize) -> Etcdctl {
    Etcdctl::new(Environment::plain(cluster.ports(member).client))
}

async fn leads(cluster: &Cluster, member: usize) -> bool {
    let status = etcdctl(cluster, member).ok(&["endpoint", "status", "-w", "fields"]).await;
    let field = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().split(" : ").nth(1).unwrap();
    field("\"MemberID\"") == field("\"Leader\"")
}

/// The member that slept through the election believes that it leads when it wakes, and that the lease ran out long ago. What it
/// wants to end must not reach the one that leads by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_leads_no_more_ends_no_lease() {
    let cluster = Cluster::start(options()).await;
    let mut leader = 0;
    while !leads(&cluster, leader).await {
        leader = (leader + 1) % 3;
        sleep(Duration::from_millis(20)).await;
    }
    let other = etcdctl(&cluster, (leader + 1) % 3);
    let granted = other.ok(&["lease", "grant", TTL]).await;
    let lease = granted.split(' ').nth(1).unwrap();
    other.ok(&["put", "held", "x", "--lease", lease]).await;

    cluster.pause(leader);
    // The others need an election before they answer; a failed call is tried again.
    let begun = Instant::now();
    let mut kept = 0;
    let mut woken = false;
    while begun.elapsed() < Duration::from_secs(11) {
        let answered = other.run(&["lease", "keep-alive", "--once", lease]).await;
        kept += usize::from(answered.stdout.contains("keepalived"));
        // Long enough for the lease to be over on the clock of who sleeps.
        if !woken && begun.elapsed() > Duration::from_secs(6) {
            cluster.resume(leader);
            woken = true;
        }
        sleep(Duration::from_millis(200)).await;
    }
    assert!(kept > 10, "it was kept alive under the next leader");
    assert!(!other.ok(&["get", "held"]).await.is_empty(), "and it is there, with its key");
}
