//! Compaction: what goes, what stays.

use crate::session::{Session, agree};

const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";

async fn some_history(s: &mut Session) {
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("a", "3")] {
        s.ok(&["put", key, value]).await;
    }
    s.ok(&["del", "c"]).await;
    s.ok(&["put", "c", "2"]).await;
}

#[tokio::test]
async fn older_revisions_go_and_the_newest_stay() {
    agree(async |s: &mut Session| {
        some_history(s).await;
        for (compacted, flag) in [(3, "--physical=false"), (6, "--physical"), (8, "--physical")] {
            s.ok(&["compaction", &compacted.to_string(), flag]).await;
            for revision in 1..=8 {
                let at = format!("--rev={revision}");
                if revision < compacted {
                    s.fails(&["get", "", "--prefix", &at], COMPACTED).await;
                } else {
                    s.ok(&["get", "", "--prefix", &at, "-w", "json"]).await;
                }
            }
            s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        }
        s.fails(&["compaction", "8"], COMPACTED).await;
        s.fails(&["compaction", "5"], COMPACTED).await;
        s.fails(&["compaction", "9"], "etcdserver: mvcc: required revision is a future revision").await;
    })
    .await;
}

#[tokio::test]
async fn life_goes_on_as_if_nothing_had_happened() {
    agree(async |s: &mut Session| {
        some_history(s).await;
        s.ok(&["compaction", "8", "--physical"]).await;
        s.ok(&["put", "a", "4", "--prev-kv", "-w", "json"]).await;
        s.ok(&["del", "b", "--prev-kv", "-w", "json"]).await;
        s.ok(&["put", "b", "2", "-w", "json"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        s.ok(&["get", "", "--prefix", "--rev=9", "-w", "json"]).await;
        s.ok(&["compaction", "10"]).await;
        s.ok(&["get", "", "--prefix", "--rev=10", "-w", "json"]).await;
    })
    .await;
}
