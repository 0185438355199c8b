//! `etcdctl get`, with every flag.

use crate::session::{Session, agree};

/// Six keys whose orders by key, version, creation, change and value all differ.
async fn six_keys(s: &mut Session) {
    for (key, value) in [
        ("k/c", "3"),
        ("k/a", "9"),
        ("k/b", "5"),
        ("k", "root"),
        ("l", "other"),
        ("k/a", "1"),
        ("k/b", "6"),
        ("k/a", "7"),
    ] {
        s.ok(&["put", key, value]).await;
    }
    s.ok(&["put", "k0", "behind the prefix k/"]).await;
}

#[tokio::test]
async fn prefixes_and_ranges() {
    agree(async |s: &mut Session| {
        six_keys(s).await;
        for arguments in [
            &["get", "k/a"][..],
            &["get", "none"],
            &["get", "none", "-w", "json"],
            &["get", "k/", "--prefix", "-w", "json"],
            &["get", "", "--prefix"],
            &["get", "k/b", "--from-key"],
            &["get", "", "--from-key", "-w", "json"],
            &["get", "k/a", "k/c"],
            &["get", "k/a", "k/c", "-w", "json"],
            // An empty range: its end lies before its start.
            &["get", "k/c", "k/a", "-w", "json"],
            &["get", "k/a", "k/a", "-w", "json"],
        ] {
            s.ok(arguments).await;
        }
    })
    .await;
}

#[tokio::test]
async fn forms_of_output() {
    agree(async |s: &mut Session| {
        six_keys(s).await;
        for flag in ["--keys-only", "--print-value-only", "--consistency=s", "--consistency=l", "--hex"] {
            s.ok(&["get", "k/", "--prefix", flag]).await;
        }
        s.ok(&["get", "k/", "--prefix", "--keys-only", "-w", "json"]).await;
        s.ok(&["get", "k/", "--prefix", "-w", "fields"]).await;
        // `etcdctl` has no --count-only before 3.5: see `range` for that.
        s.ok(&["get", "k/", "--prefix", "--limit=1", "--keys-only", "-w", "fields"]).await;
    })
    .await;
}

#[tokio::test]
async fn every_order() {
    agree(async |s: &mut Session| {
        six_keys(s).await;
        for target in ["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"] {
            let by = format!("--sort-by={target}");
            s.ok(&["get", "", "--prefix", &by]).await;
            for order in ["ASCEND", "DESCEND"] {
                let order = format!("--order={order}");
                s.ok(&["get", "", "--prefix", &by, &order]).await;
                s.ok(&["get", "", "--prefix", &by, &order, "--limit=2", "-w", "json"]).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn limits_say_whether_there_is_more() {
    agree(async |s: &mut Session| {
        six_keys(s).await;
        for limit in ["0", "1", "3", "6", "7"] {
            s.ok(&["get", "k", "--prefix", "--limit", limit, "-w", "json"]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn older_revisions() {
    agree(async |s: &mut Session| {
        six_keys(s).await;
        s.ok(&["del", "k/a"]).await;
        s.ok(&["put", "k/a", "again"]).await;
        s.ok(&["del", "k/", "--prefix"]).await;
        for revision in 1..=13 {
            let at = format!("--rev={revision}");
            s.ok(&["get", "", "--prefix", &at, "-w", "json"]).await;
            s.ok(&["get", "k/a", &at, "-w", "json"]).await;
        }
        s.ok(&["get", "k/", "--prefix", "--rev=9", "--limit=1", "--order=DESCEND", "-w", "json"]).await;
        s.fails(&["get", "k/a", "--rev=14"], "etcdserver: mvcc: required revision is a future revision").await;
        s.fails(&["get", "k/a", "--rev=14", "--consistency=s"], "required revision is a future revision").await;
    })
    .await;
}
