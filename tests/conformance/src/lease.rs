//! Leases: grant, keep-alive, time to live, revoke, list, expiry.

use std::time::{Duration, Instant};

use proto::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseLeasesRequest, LeaseTimeToLiveRequest, WatchCreateRequest,
};
use tokio_stream::iter;

use crate::{
    render,
    session::{Session, agree},
};

/// Grants a lease with a name of our choice.
async fn grant(s: &mut Session, id: i64, ttl: i64) {
    let what = format!("grant {id} for {ttl} s");
    let answer = s.client.lease.lease_grant(LeaseGrantRequest { ttl, id }).await;
    let answer = s.answered(&what, answer);
    s.note(
        &what,
        &format!("{} id {} ttl {} {:?}", render::header(answer.header.as_ref()), answer.id, answer.ttl, answer.error),
    );
}

/// The rest of a lease's life; with the seconds left as "all of it" or less, for they pass.
async fn time_to_live(s: &mut Session, id: i64) {
    let what = format!("time to live of {id}");
    let answer = s.client.lease.lease_time_to_live(LeaseTimeToLiveRequest { id, keys: true }).await;
    let answer = s.answered(&what, answer);
    let ttl = if answer.ttl > answer.granted_ttl - 10 && answer.ttl <= answer.granted_ttl {
        "nearly all".into()
    } else {
        answer.ttl.to_string()
    };
    // etcd gives them in any order.
    let mut keys: Vec<_> = answer.keys.iter().map(|key| key.escape_ascii().to_string()).collect();
    keys.sort();
    s.note(&what, &format!("id {} ttl {ttl} granted {} keys {keys:?}", answer.id, answer.granted_ttl));
}

#[tokio::test]
async fn etcdctl_all_along() {
    agree(async |s: &mut Session| {
        // The id is the server's choice, so what names it is masked before it is written down.
        let granted = s.etcdctl().ok(&["lease", "grant", "300"]).await;
        let id = granted.split(' ').nth(1).unwrap().to_owned();
        s.mask_lease(i64::from_str_radix(&id, 16).unwrap(), "LEASE");
        s.note("grant", &granted);
        s.note("put", &s.etcdctl().ok(&["put", "k/a", "1", "--lease", &id, "-w", "json"]).await);
        s.note("put", &s.etcdctl().ok(&["put", "k/b", "1", "--lease", &id]).await);
        s.note("get", &s.etcdctl().ok(&["get", "k/a", "-w", "fields"]).await);
        s.note("list", &s.etcdctl().ok(&["lease", "list"]).await);
        let alive = s.etcdctl().ok(&["lease", "timetolive", &id, "--keys"]).await;
        let (before, after) = alive.split_once("remaining(").unwrap();
        // etcd gives the keys in any order.
        let after = after.split_once(')').unwrap().1.replace("[k/b k/a]", "[k/a k/b]");
        s.note("timetolive", &format!("{before} {after}"));
        s.note("keep-alive", &s.etcdctl().ok(&["lease", "keep-alive", "--once", &id]).await);
        s.note("revoke", &s.etcdctl().ok(&["lease", "revoke", &id]).await);
        s.note("timetolive", &s.etcdctl().ok(&["lease", "timetolive", &id, "--keys"]).await);
        s.fails(&["lease", "keep-alive", "--once", &id], "etcdserver: requested lease not found").await;
        s.ok(&["lease", "list"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn keys_follow_the_lease_that_they_were_put_with_last() {
    agree(async |s: &mut Session| {
        grant(s, 1, 100).await;
        grant(s, 2, 200).await;
        for (key, lease) in [("a", "1"), ("b", "1"), ("c", "2"), ("b", "2")] {
            s.ok(&["put", key, "x", "--lease", lease]).await;
        }
        time_to_live(s, 1).await;
        time_to_live(s, 2).await;
        s.ok(&["del", "c"]).await;
        time_to_live(s, 2).await;
        s.ok(&["lease", "revoke", "1"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        time_to_live(s, 1).await;
        s.ok(&["lease", "revoke", "2"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_revoke_deletes_all_its_keys_in_one_revision() {
    agree(async |s: &mut Session| {
        grant(s, 1, 100).await;
        grant(s, 2, 100).await;
        for key in ["c", "a", "b"] {
            s.ok(&["put", key, "x", "--lease", "1"]).await;
        }
        s.ok(&["lease", "revoke", "1"]).await;
        s.ok(&["lease", "revoke", "2"]).await;
        let mut stream = s.client.watch();
        let start = WatchCreateRequest {
            key: "\0".into(),
            range_end: "\0".into(),
            start_revision: 5,
            prev_kv: true,
            ..WatchCreateRequest::default()
        };
        stream.create(start).await;
        stream.next().await;
        let events = stream.events(3).await;
        s.note("events", &render::events(&events));
        // A lease without keys goes without a revision.
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn short_and_strange_lives() {
    agree(async |s: &mut Session| {
        // The shortest life is one and a half election timeouts, in whole seconds.
        for (id, ttl) in [(1, 1), (2, 2), (3, 0), (4, -5), (5, 9_000_000_000), (-6, 60)] {
            grant(s, id, ttl).await;
        }
        let answer = s.client.lease.lease_leases(LeaseLeasesRequest {}).await;
        let mut ids: Vec<_> = s.answered("leases", answer).leases.iter().map(|lease| lease.id).collect();
        ids.retain(|id| [5, -6].contains(id));
        ids.sort_unstable();
        s.note("those that live long", &format!("{ids:?}"));
    })
    .await;
}

#[tokio::test]
async fn expiry_deletes_the_keys_and_a_sign_of_life_delays_it() {
    agree(async |s: &mut Session| {
        grant(s, 1, 2).await;
        grant(s, 2, 2).await;
        s.ok(&["put", "left-alone", "x", "--lease", "1"]).await;
        s.ok(&["put", "kept", "x", "--lease", "2"]).await;
        let mut stream = s.client.watch();
        stream
            .create(WatchCreateRequest {
                key: "\0".into(),
                range_end: "\0".into(),
                start_revision: 4,
                prev_kv: true,
                ..WatchCreateRequest::default()
            })
            .await;
        stream.next().await;
        let begun = Instant::now();
        let mut deleted = None;
        while deleted.is_none() || begun.elapsed() < Duration::from_secs(5) {
            let answer = s.client.lease.lease_keep_alive(iter([LeaseKeepAliveRequest { id: 2 }])).await;
            let answer = s.answered("keep alive", answer).message().await.unwrap().unwrap();
            assert_eq!((answer.id, answer.ttl), (2, 2));
            if let Some(answer) = stream.next_within(300).await {
                assert!(deleted.replace(answer).is_none(), "only one of the two leases may run out");
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the lease does not run out");
        }
        s.note("run out", &render::watch(&deleted.unwrap()));
        time_to_live(s, 1).await;
        let last = stream.next().await;
        s.note("without further signs of life", &render::watch(&last));
        s.ok(&["lease", "list"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn one_stream_keeps_many_alive() {
    agree(async |s: &mut Session| {
        grant(s, 1, 60).await;
        grant(s, 2, 90).await;
        let requests = [1, 404, 2, 1].map(|id| LeaseKeepAliveRequest { id });
        let answer = s.client.lease.lease_keep_alive(iter(requests)).await;
        let mut answers = s.answered("keep alive", answer);
        while let Some(answer) = answers.message().await.unwrap() {
            s.note("kept", &format!("{} id {} ttl {}", render::header(answer.header.as_ref()), answer.id, answer.ttl));
        }
    })
    .await;
}
