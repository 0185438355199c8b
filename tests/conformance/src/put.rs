//! `etcdctl put`, with every flag.

use crate::session::{Session, agree};

/// A lease whose id both servers are told, so that it needs no masking. `etcdctl` wants it in hexadecimal.
async fn lease(session: &mut Session, id: i64) -> String {
    let request = proto::etcdserverpb::LeaseGrantRequest { ttl: 600, id };
    let answer = session.client.lease.lease_grant(request).await;
    assert_eq!(session.answered("lease grant", answer).id, id);
    format!("{id:x}")
}

#[tokio::test]
async fn puts_and_overwrites() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1", "-w", "json"]).await;
        s.ok(&["put", "a", "2"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["put", "empty", ""]).await;
        s.ok(&["get", "empty", "-w", "fields"]).await;
        s.ok_with_input(&["put", "from-input"], "several\nlines\n").await;
        s.ok(&["get", "from-input"]).await;
        s.ok(&["put", "ключ \u{1F511}", "значение"]).await;
        s.ok(&["get", "ключ \u{1F511}", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn prev_kv_gives_what_was_there() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1", "--prev-kv", "-w", "json"]).await;
        s.ok(&["put", "a", "2", "--prev-kv"]).await;
        s.ok(&["put", "a", "3", "--prev-kv", "-w", "json"]).await;
        s.ok(&["del", "a"]).await;
        s.ok(&["put", "a", "4", "--prev-kv", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_put_without_a_lease_takes_the_key_off_its_lease() {
    agree(async |s: &mut Session| {
        let id = lease(s, 0x77).await;
        s.ok(&["put", "a", "1", "--lease", &id]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["put", "a", "2"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["lease", "revoke", &id]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn ignore_value_and_ignore_lease_keep_what_is_there() {
    agree(async |s: &mut Session| {
        let [first, second] = [lease(s, 0x11).await, lease(s, 0x22).await];
        s.ok(&["put", "a", "1", "--lease", &first]).await;
        s.ok(&["put", "a", "--ignore-value", "--lease", &second, "-w", "json"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["put", "a", "2", "--ignore-lease", "--prev-kv", "-w", "json"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["put", "a", "--ignore-value", "--ignore-lease"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.ok(&["put", "a", "--ignore-value"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        s.fails(&["put", "none", "--ignore-value"], "etcdserver: key not found").await;
        s.fails(&["put", "none", "1", "--ignore-lease"], "etcdserver: key not found").await;
        s.fails(&["put", "a", "1", "--lease", "999"], "etcdserver: requested lease not found").await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}
