//! Beside objects: status, health, leases for events, compaction.

use std::time::Duration;

use proto::{
    etcdserverpb::{CompactionRequest, LeaseGrantRequest, StatusRequest, WatchCreateRequest},
    mvccpb::event::EventType,
};
use tokio::time::timeout;
use tonic::{Code, Status};

use super::{
    object::pod,
    storage::{COMPACT_KEY, Storage},
};

/// What kube-apiserver compares errors with.
const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";
pub(super) const FUTURE: &str = "etcdserver: mvcc: required revision is a future revision";

/// Objects that share a lease here; kube-apiserver goes up to 1000.
const LEASED: usize = 50;

/// Its bound for a health check.
const HEALTH: Duration = Duration::from_secs(2);

const PODS: &str = "/registry/pods/";

/// Major and minor of the version, which has to be a semantic one.
pub(super) async fn version(storage: &Storage) -> (u64, u64) {
    let answer = storage.client.maintenance.clone().status(StatusRequest {}).await.unwrap().into_inner();
    assert!(answer.db_size > 0, "the size of the database is watched");
    semantic(&answer.version).unwrap_or_else(|| panic!("{:?} is no semantic version", answer.version))
}

/// `MAJOR.MINOR.PATCH`, perhaps with `-PRERELEASE` and `+BUILD`, which do not matter here.
fn semantic(version: &str) -> Option<(u64, u64)> {
    let core = version.split(['-', '+']).next()?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
    };
    let numbers: Vec<u64> = core.split('.').map(number).collect::<Option<_>>()?;
    match numbers[..] {
        [major, minor, _] => Some((major, minor)),
        _ => None,
    }
}

#[test]
fn semantic_versions_are_told_apart() {
    assert_eq!(semantic("3.7.3"), Some((3, 7)));
    assert_eq!(semantic("3.10.0-rc.1+strongroom.0.1.0"), Some((3, 10)));
    for wrong in ["", "3.7", "v3.7.3", "3.07.3", "3.7.3.1", "3.7.x"] {
        assert_eq!(semantic(wrong), None, "{wrong}");
    }
}

pub(super) async fn status_and_health(storage: &Storage) {
    assert!(version(storage).await >= (3, 4));
    let (found, _) = timeout(HEALTH, storage.get("/registry/health")).await.expect("health is answered in time");
    assert_eq!(found, None, "nobody writes that key");
}

/// Events of a while share a lease, and go with it.
pub(super) async fn leases(storage: &Storage) {
    let prefix = "/registry/events/";
    let (_, start) = storage.get("/registry/none").await;
    let mut watching = storage.watch(prefix, start).await;
    assert!(watching.next().await.created);
    let grant = LeaseGrantRequest { ttl: 10, id: 0 };
    let granted = storage.client.lease.clone().lease_grant(grant).await.unwrap().into_inner();
    assert!(granted.id != 0 && granted.ttl >= 10, "the server chooses an id and says the time that it gives");
    for number in 0..LEASED {
        let key = format!("{prefix}default/{number:04}");
        storage.create(&key, pod("event", 1, "x"), granted.id).await.unwrap();
    }
    let created = watching.events(LEASED).await;
    assert!(created.iter().all(|event| event.kv.as_ref().unwrap().lease == granted.id));
    let ended = watching.events(LEASED).await;
    let revision = ended[0].kv.as_ref().unwrap().mod_revision;
    for event in &ended {
        assert_eq!(event.r#type(), EventType::Delete);
        assert_eq!(event.kv.as_ref().unwrap().mod_revision, revision, "they go together");
        assert!(event.prev_kv.is_some(), "an event that ends says what it was");
    }
    let left = storage.page(prefix, prefix.as_bytes(), 500, 0).await.unwrap();
    assert_eq!((left.count, left.kvs.len()), (0, 0));
}

/// Two API servers take turns by the version of a key; a third one watches that key.
pub(super) async fn compaction(storage: &Storage, older: bool) {
    let (none, start) = storage.get(COMPACT_KEY).await;
    assert_eq!(none, None);
    let mut watching = storage.client.watch_with_leader();
    let key = COMPACT_KEY.to_owned().into();
    watching.create(WatchCreateRequest { key, start_revision: start, ..WatchCreateRequest::default() }).await;
    assert!(watching.next().await.created);

    let first = storage.claim_compaction(0, 0).await.expect("the first one finds no key");
    let found = storage.claim_compaction(0, 0).await.unwrap_err().expect("the other one is told what is there");
    assert_eq!((found.version, &found.value[..]), (1, &b"0"[..]));
    storage.claim_compaction(1, first).await.expect("its turn comes with the right version");
    // Before the compaction: etcd ends a watch that has not caught up with what it drops.
    let told = watching.events(2).await;
    let values = told.iter().map(|event| event.kv.as_ref().unwrap().value.clone());
    assert_eq!(values.collect::<Vec<_>>(), ["0".to_owned(), first.to_string()]);
    compact(storage, first).await.unwrap();
    let (kept, newest) = storage.get(COMPACT_KEY).await;
    assert_eq!(kept.unwrap().value, first.to_string());
    let next = storage.claim_compaction(2, newest).await.expect("the next turn");
    let event = watching.events(1).await.remove(0).kv.unwrap();
    assert_eq!((event.mod_revision, event.value), (next, newest.to_string().into()), "the watch outlives it");

    is(&compact(storage, first).await.unwrap_err(), COMPACTED);
    is(&compact(storage, newest + 1000).await.unwrap_err(), FUTURE);
    is(&storage.page(PODS, PODS.as_bytes(), 500, first - 1).await.unwrap_err(), COMPACTED);
    is(&storage.page(PODS, PODS.as_bytes(), 500, newest + 1000).await.unwrap_err(), FUTURE);
    if !older {
        is(&storage.chunks(PODS, first - 1).await.unwrap_err(), COMPACTED);
    }
    storage.page(PODS, PODS.as_bytes(), 500, first).await.expect("the compacted revision itself can be read");

    let mut late = storage.watch(PODS, 1).await;
    let refused = loop {
        let message = late.next().await;
        assert_eq!(message.events.len(), 0, "what was compacted is not shown in part");
        if message.canceled {
            break message;
        }
    };
    assert_eq!(refused.compact_revision, first, "it lists again and watches from there");
}

async fn compact(storage: &Storage, revision: i64) -> Result<(), Status> {
    let request = CompactionRequest { revision, physical: false };
    storage.client.kv.clone().compact(request).await.map(|_| ())
}

fn is(status: &Status, text: &str) {
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, text));
}
