//! A member whose certificate is revoked: connections that others have dialled to it are closed, and none is made while it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use harness::{Client, Cluster, ClusterOptions};
use proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::time::{sleep, timeout};

use crate::offices::{cert, done, issued, text};
use crate::reload::{CUT_WITHIN, replace};

/// The member that is revoked, and those that hear of it.
const REVOKED: usize = 2;
const OTHERS: [usize; 2] = [0, 1];

/// How long it is watched that nobody connects to it.
const WATCHED: Duration = Duration::from_secs(6);

/// A connection that lasts so long is more than an attempt.
const ATTEMPT: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(30);

/// Three members with certificates of their own. Two of them know of revoked ones.
async fn started(folder: &Path) -> Cluster {
    done(&cert(folder, &["init-ca"]).await);
    done(&cert(folder, &["revoke"]).await);
    let file = |name: &str| text(&folder.join(name)).to_owned();
    let mut own_flags = BTreeMap::new();
    for member in 0..3 {
        let name = format!("m{member}");
        issued(folder, &name, &["--for", "peer", "--host", "127.0.0.1"]).await;
        let mut flags = vec![
            format!("--peer-cert-file={}", file(&format!("{name}.crt"))),
            format!("--peer-key-file={}", file(&format!("{name}.key"))),
        ];
        if OTHERS.contains(&member) {
            flags.push(format!("--peer-crl-file={}", file("ca.crl")));
        }
        own_flags.insert(member, flags);
    }
    let mut flags = vec!["--peer-client-cert-auth".to_owned(), format!("--peer-trusted-ca-file={}", file("ca.crt"))];
    flags.extend(harness::PATIENT.map(str::to_owned));
    let options = ClusterOptions {
        members: 3,
        program: harness::binary(),
        flags,
        own_flags,
        fail_points: vec![],
        disk_bytes: None,
    };
    Cluster::start(options).await
}

fn client(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}

/// Writes by way of a member, however often that takes; so it has asked its leader.
async fn put(cluster: &Cluster, member: usize, key: &str) {
    let request = PutRequest { key: key.to_owned().into(), value: "1".into(), ..PutRequest::default() };
    let begun = Instant::now();
    while client(cluster, member).kv.put(request.clone()).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "m{member} does not write {key}");
        sleep(Duration::from_millis(100)).await;
    }
}

fn dialled(cluster: &Cluster) -> BTreeSet<(usize, u16)> {
    let of = |member| cluster.links().dialled(member, REVOKED).into_iter().map(move |port| (member, port));
    OTHERS.into_iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_stays_connected_to_a_member_whose_certificate_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut cluster = started(path).await;
    for member in 0..3 {
        put(&cluster, member, "/before").await;
    }
    let held = dialled(&cluster);
    assert!(!held.is_empty(), "nobody has dialled it");

    let list = fs::read(path.join("ca.crl")).unwrap();
    done(&cert(path, &["revoke", text(&path.join(format!("m{REVOKED}.crt")))]).await);
    let revoked = Instant::now();
    while !dialled(&cluster).is_disjoint(&held) {
        assert!(revoked.elapsed() < CUT_WITHIN, "connections to it stay open");
        sleep(Duration::from_millis(20)).await;
    }
    eprintln!("{} connections closed within {:?} of the new list", held.len(), revoked.elapsed());
    sleep(ATTEMPT).await;
    let (watching, mut before) = (Instant::now(), dialled(&cluster));
    while watching.elapsed() < WATCHED {
        sleep(ATTEMPT).await;
        let now = dialled(&cluster);
        assert!(now.is_disjoint(&before), "somebody has connected to it");
        before = now;
    }
    for member in OTHERS {
        put(&cluster, member, "/meanwhile").await;
    }

    replace(&path.join("ca.crl"), &list);
    cluster.ready(REVOKED, PATIENCE).await.expect("it comes back once it is trusted");
    let request = RangeRequest { key: "/meanwhile".into(), ..RangeRequest::default() };
    let mut kv = client(&cluster, REVOKED).kv;
    let read = timeout(PATIENCE, kv.range(request)).await.expect("it answers").unwrap();
    assert_eq!(read.into_inner().count, 1);
}
