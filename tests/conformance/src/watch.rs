//! `etcdctl watch`, with every flag.

use crate::session::{Session, agree};

/// What a watch prints for the changes that are there already and for those that come while it runs: so many lines.
async fn watched(s: &mut Session, arguments: &[&str], lines: usize, later: &[&[&str]]) {
    let mut watch = s.etcdctl().start(arguments);
    for change in later {
        s.ok(change).await;
    }
    let printed = watch.lines(lines).await;
    s.note(&format!("etcdctl {}", arguments.join(" ")), &printed);
}

async fn some_changes(s: &mut Session) {
    for (key, value) in [("a", "1"), ("k/a", "1"), ("a", "2"), ("k/b", "1"), ("k0", "outside")] {
        s.ok(&["put", key, value]).await;
    }
    s.ok(&["del", "k/", "--prefix"]).await;
}

#[tokio::test]
async fn history_and_what_comes() {
    agree(async |s: &mut Session| {
        some_changes(s).await;
        watched(s, &["watch", "a", "--rev=1"], 9, &[&["put", "a", "3"]]).await;
        watched(s, &["watch", "a", "--rev=3"], 6, &[]).await;
        watched(
            s,
            &["watch", "a", "--rev=9"],
            6,
            &[&["put", "a", "4"], &["del", "a"], &["del", "a"], &["put", "b", "unseen"]],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn previous_values() {
    agree(async |s: &mut Session| {
        some_changes(s).await;
        // PUT, key, value for the first; PUT, previous key, previous value, key, value for the second.
        watched(s, &["watch", "a", "--rev=1", "--prev-kv"], 3 + 5, &[]).await;
        watched(s, &["watch", "a", "--rev=8", "--prev-kv"], 5 + 5, &[&["put", "a", "3"], &["del", "a"]]).await;
        // Two puts of new keys, two deletes with what was there.
        watched(s, &["watch", "k/", "--prefix", "--rev=1", "--prev-kv"], 3 + 3 + 5 + 5, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn prefixes_and_ranges() {
    agree(async |s: &mut Session| {
        some_changes(s).await;
        // Two puts of three lines, two deletes of three (the value of a deleted key is an empty line).
        watched(s, &["watch", "k/", "--prefix", "--rev=1"], 12, &[]).await;
        watched(s, &["watch", "a", "k/b", "--rev=1"], 12, &[]).await;
        watched(s, &["watch", "", "--prefix", "--rev=1"], 21, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn one_message_for_one_transaction() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "k/a", "1"]).await;
        s.ok_with_input(&["txn"], "\nput k/b 2\nput k/c 3\ndel k/a\n\n\n").await;
        watched(s, &["watch", "k/", "--prefix", "--rev=3", "-w", "json"], 1, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn several_watches_at_once() {
    agree(async |s: &mut Session| {
        some_changes(s).await;
        let mut watch = s.etcdctl().start(&["watch", "-i"]);
        watch.type_line("watch a --rev=4").await;
        let first = watch.lines(3).await;
        s.note("the first", &first);
        watch.type_line("watch k0 --rev=1").await;
        let second = watch.lines(3).await;
        s.note("the second", &second);
        s.ok(&["put", "a", "3"]).await;
        let more = watch.lines(3).await;
        s.note("more of the first", &more);
    })
    .await;
}

#[tokio::test]
async fn a_start_that_was_compacted() {
    agree(async |s: &mut Session| {
        some_changes(s).await;
        s.ok(&["compaction", "5"]).await;
        let error = s.etcdctl().start(&["watch", "a", "--rev=2"]).error().await;
        assert!(error.contains("etcdserver: mvcc: required revision has been compacted"), "{error}");
        s.note("too old", &error);
        watched(s, &["watch", "k/", "--prefix", "--rev=5"], 3 + 6, &[]).await;
    })
    .await;
}
