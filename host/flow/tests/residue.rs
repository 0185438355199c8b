//! What is said of plain text that still lies in a member's files after its prefix was sealed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use auth::Auditor;
use flow::{KeyStatus, Member, Residue};
use seal::SealRule;

use crate::{
    fixture::{config, put, write},
    sealing::{PATIENCE, admin},
};

/// So many that snapshots are made of them.
const WRITES: u64 = 3000;

async fn status(member: &Member) -> KeyStatus {
    member.key_status(&Auditor::bootstrap()).await.unwrap()
}

/// Waits for what comes about by itself.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waits = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_counted_where_it_lies_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    for number in 0..WRITES {
        let prefix = if number % 2 == 0 { "/s/" } else { "/other/" };
        write(&member, put(format!("{prefix}{}", number % 1000), &"v".repeat(100))).await.unwrap();
    }
    let is_snapshot = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let snapshots = || std::fs::read_dir(dir.path().join("data/snapshot")).into_iter().flatten().flatten();
    until(async || snapshots().any(|entry| entry.file_name().to_str().is_some_and(is_snapshot))).await;
    member.set_seal_rule(&admin(), SealRule::seal("/s/".into()), false).await.unwrap();
    let before = status(&member).await;
    let [residue] = &before.residue[..] else { panic!("one rule") };
    let half = WRITES / 2;
    assert!(!before.forgotten && residue.prefix == "/s/");
    assert!((1..=half).contains(&residue.snapshot.records), "{residue:?}");
    assert_eq!(residue.snapshot.bytes, residue.snapshot.records * 100);
    assert!((1..=half).contains(&residue.logged.records), "{residue:?}");
    assert_eq!(residue.logged.bytes, residue.logged.records * 100);
    assert!((1..=half).contains(&residue.plain.records), "{residue:?}");
    assert!((1..=half - 500).contains(&residue.past.records), "500 are not in the past: {residue:?}");
    until(async || {
        let status = status(&member).await;
        status.settled && status.forgotten
    })
    .await;
    assert_eq!(status(&member).await.residue, [Residue { prefix: "/s/".into(), ..Residue::default() }]);
    member.shutdown().await;
}
