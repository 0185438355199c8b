//! `etcdctl del`, with every flag.

use crate::session::{Session, agree};

async fn some_keys(s: &mut Session) {
    for key in ["a", "k/a", "k/b", "k/c", "l", "z"] {
        s.ok(&["put", key, "value"]).await;
    }
}

#[tokio::test]
async fn one_key_and_none() {
    agree(async |s: &mut Session| {
        some_keys(s).await;
        s.ok(&["del", "a", "-w", "json"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
        // A delete that finds nothing does not raise the revision.
        s.ok(&["del", "a", "-w", "json"]).await;
        s.ok(&["del", "none"]).await;
        s.ok(&["get", "z", "-w", "json"]).await;
        // A key that comes back starts at version 1.
        s.ok(&["put", "a", "again"]).await;
        s.ok(&["get", "a", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn prefixes_and_ranges() {
    agree(async |s: &mut Session| {
        some_keys(s).await;
        s.ok(&["del", "k/a", "k/c", "-w", "json"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        s.ok(&["del", "k/", "--prefix"]).await;
        s.ok(&["del", "k/c", "k/a"]).await;
        s.ok(&["del", "l", "--from-key", "-w", "json"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        s.ok(&["del", "", "--prefix"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn prev_kv_gives_what_was_there() {
    agree(async |s: &mut Session| {
        some_keys(s).await;
        s.ok(&["put", "k/b", "newer"]).await;
        s.ok(&["del", "k/", "--prefix", "--prev-kv"]).await;
        s.ok(&["del", "l", "--prev-kv", "-w", "json"]).await;
        s.ok(&["del", "l", "--prev-kv", "-w", "json"]).await;
        s.ok(&["del", "", "--from-key", "--prev-kv", "-w", "json"]).await;
    })
    .await;
}
