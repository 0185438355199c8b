//! Locks and elections: who waits for whom, and what ends a wait.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{future::Future, path::Path, time::Duration};

use auth::Caller;
use bytes::Bytes;
use flow::{FlowError, LeaderKey, Member, MemberConfig};
use tempfile::TempDir;
use types::{KeyRange, Operation, Plain, Put, PutLease, PutValue, RangeQuery};

/// Long enough that a wait which is not over by then is a wait.
const A_WHILE: Duration = Duration::from_millis(300);

const TIME_MAX: Duration = Duration::from_secs(20);

async fn start(dir: &Path) -> Member {
    let peer_urls = vec!["http://127.0.0.1:1".to_owned()];
    let config = MemberConfig { data_dir: dir.join("data"), peer_urls, ..MemberConfig::default() };
    Member::start(config).await.unwrap()
}

async fn member() -> (TempDir, Member) {
    let dir = tempfile::tempdir().unwrap();
    let member = start(dir.path()).await;
    for lease in [16, 17, 18] {
        member.lease_grant(&caller(), lease, 600).await.unwrap();
    }
    (dir, member)
}

fn caller() -> Caller {
    Caller::internal()
}

fn value(text: &str) -> Plain {
    text.as_bytes().to_vec().into()
}

/// Waits for a lock beside the test.
fn locking(member: &Member, lease: i64) -> tokio::task::JoinHandle<Result<Bytes, FlowError>> {
    let member = member.clone();
    tokio::spawn(async move { member.lock(&caller(), b"lock", lease).await.map(|locked| locked.body) })
}

fn campaigning(
    member: &Member,
    lease: i64,
    text: &'static str,
) -> tokio::task::JoinHandle<Result<LeaderKey, FlowError>> {
    let member = member.clone();
    tokio::spawn(async move {
        member.campaign(&caller(), "vote".into(), lease, value(text)).await.map(|elected| elected.body)
    })
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME_MAX, event).await.expect("it takes too long")
}

async fn keys(member: &Member, prefix: &str) -> Vec<Bytes> {
    let found = member.range(&caller(), RangeQuery::all(KeyRange::prefix(prefix.as_bytes()))).await.unwrap();
    found.body.kvs.into_iter().map(|kv| kv.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_held_by_one_and_passed_on_in_order() {
    let (_dir, member) = member().await;
    let held = member.lock(&caller(), b"lock", 16).await.unwrap();
    assert_eq!(held.body, "lock/10", "the key of etcd's client library");
    let again = member.lock(&caller(), b"lock", 16).await.unwrap();
    assert_eq!((again.body, again.header.revision), (held.body.clone(), held.header.revision), "it is held already");
    let second = locking(&member, 17);
    while keys(&member, "lock/").await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let third = locking(&member, 18);
    tokio::time::sleep(A_WHILE).await;
    assert!(!second.is_finished() && !third.is_finished());
    member.unlock(&caller(), held.body).await.unwrap();
    let key = soon(second).await.unwrap().unwrap();
    assert_eq!(key, "lock/11");
    tokio::time::sleep(A_WHILE).await;
    assert!(!third.is_finished());
    member.lease_revoke(&caller(), 17).await.unwrap();
    assert_eq!(soon(third).await.unwrap().unwrap(), "lock/12", "the end of a lease gives its lock back");
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_the_queue() {
    let (_dir, member) = member().await;
    member.lock(&caller(), b"lock", 16).await.unwrap();
    let waiting = locking(&member, 17);
    while keys(&member, "lock/").await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(A_WHILE).await;
    waiting.abort();
    let left = async {
        while keys(&member, "lock/").await != ["lock/10"] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(left).await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_its_lease() {
    let (_dir, member) = member().await;
    member.lock(&caller(), b"lock", 16).await.unwrap();
    member.campaign(&caller(), "vote".into(), 16, value("a")).await.unwrap();
    let (waiting, candidate) = (locking(&member, 17), campaigning(&member, 17, "b"));
    while keys(&member, "lock/").await.len() < 2 || keys(&member, "vote/").await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(A_WHILE).await;
    member.lease_revoke(&caller(), 17).await.unwrap();
    assert!(matches!(soon(waiting).await.unwrap(), Err(FlowError::SessionExpired)));
    assert!(matches!(soon(candidate).await.unwrap(), Err(FlowError::ElectionNotLeader)));
    assert!(matches!(member.lock(&caller(), b"lock", 17).await, Err(FlowError::LeaseNotFound)));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_a_client_made_for_itself_is_respected() {
    let (_dir, member) = member().await;
    let own = Put { key: "lock/abc".into(), value: PutValue::Set(value("")), lease: PutLease::Set(16), prev_kv: false };
    member.write(&caller(), Operation::Put(own)).await.unwrap();
    let waiting = locking(&member, 17);
    tokio::time::sleep(A_WHILE).await;
    assert!(!waiting.is_finished());
    member.lease_revoke(&caller(), 16).await.unwrap();
    soon(waiting).await.unwrap().unwrap();
    let without_lease = member.lock(&caller(), b"other", 0).await.unwrap();
    assert!(without_lease.body.starts_with(b"other/"));
    let leases = member.leases(&caller()).await.unwrap().body;
    let granted = leases.iter().find(|lease| format!("other/{lease:x}").as_bytes() == without_lease.body);
    let left = member.lease_time_to_live(&caller(), *granted.unwrap(), false).await.unwrap().body;
    assert_eq!(left.granted_ttl, 60);
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_has_one_leader_that_proclaims_and_resigns() {
    let (_dir, member) = member().await;
    let by = caller();
    assert!(matches!(member.leader(&by, b"vote").await, Err(FlowError::ElectionNoLeader)));
    let elected = member.campaign(&by, "vote".into(), 16, value("one")).await.unwrap();
    let leader = elected.body;
    assert_eq!((leader.key.as_ref(), leader.revision, leader.lease), (&b"vote/10"[..], elected.header.revision, 16));
    let again = member.campaign(&by, "vote".into(), 16, value("two")).await.unwrap();
    assert_eq!((&again.body, again.header.revision), (&leader, leader.revision), "it leads, and has a new value now");
    let found = member.leader(&by, b"vote").await.unwrap().body;
    assert_eq!((found.value.expose(), found.version), (&b"two"[..], 2));
    let other = LeaderKey { revision: leader.revision + 1, ..leader.clone() };
    assert!(matches!(member.proclaim(&by, &other, value("x")).await, Err(FlowError::ElectionNotLeader)));
    member.resign(&by, &other).await.unwrap();
    let next = campaigning(&member, 17, "three");
    tokio::time::sleep(A_WHILE).await;
    assert!(!next.is_finished(), "a resignation of somebody else changed nothing");
    member.proclaim(&by, &leader, value("four")).await.unwrap();
    assert_eq!(member.leader(&by, b"vote").await.unwrap().body.value.expose(), b"four");
    member.resign(&by, &leader).await.unwrap();
    assert_eq!(soon(next).await.unwrap().unwrap().key, "vote/11");
    assert!(matches!(member.proclaim(&by, &leader, value("x")).await, Err(FlowError::ElectionNotLeader)));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_is_told_of_each_leader_and_value() {
    let (_dir, member) = member().await;
    let by = caller();
    let mut observer = member.observe(&by, b"vote");
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let observing = tokio::spawn(async move {
        while let Some(observed) = observer.next().await {
            let (kv, revision) = (observed.body, observed.header.revision);
            assert!(revision >= kv.mod_revision);
            sender.send((kv.key, kv.value.expose().to_vec())).unwrap();
        }
    });
    tokio::time::sleep(A_WHILE).await;
    let leader = member.campaign(&by, "vote".into(), 16, value("one")).await.unwrap().body;
    assert_eq!(soon(told.recv()).await.unwrap(), ("vote/10".into(), b"one".to_vec()));
    member.proclaim(&by, &leader, value("two")).await.unwrap();
    assert_eq!(soon(told.recv()).await.unwrap(), ("vote/10".into(), b"two".to_vec()));
    let next = campaigning(&member, 17, "three");
    tokio::time::sleep(A_WHILE).await;
    assert!(told.is_empty(), "a candidate does not lead");
    member.resign(&by, &leader).await.unwrap();
    soon(next).await.unwrap().unwrap();
    assert_eq!(soon(told.recv()).await.unwrap(), ("vote/11".into(), b"three".to_vec()));
    observing.abort();
    member.shutdown().await;
}
