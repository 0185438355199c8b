//! Backups that are made without being asked: how many there are after many starts, and what of others in the same folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::fixture::config;
use flow::{BackupConfig, BackupPlace, Member, MemberConfig, offline};
use meters::Registry;

/// Longer than any backup takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Long enough for a backup that is due at once.
const QUIET: Duration = Duration::from_secs(3);

const HOUR: Duration = Duration::from_secs(3600);

fn backed_up(home: &Path, interval: Duration, keep: usize) -> MemberConfig {
    let to = BackupPlace::Folder(home.join("backups"));
    MemberConfig { backups: Some(BackupConfig { to, interval, keep }), ..config(home, &[]) }
}

/// Where the whole backups of all members are, oldest first.
async fn whole(home: &Path) -> Vec<String> {
    let found = offline::backups(home.join("backups").to_str().unwrap()).await;
    found.map(|found| found.into_iter().map(|backup| backup.place).collect()).unwrap_or_default()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A crash loop would otherwise put backups of a few minutes in the place of those of a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_makes_no_backup_while_the_newest_is_younger_than_the_interval() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let member = Member::start(backed_up(home, HOUR, 2)).await.unwrap();
    until("the first one is made at once", async || whole(home).await.len() == 1).await;
    let first = whole(home).await;
    member.shutdown().await;
    drop(member);
    for _ in 0..2 {
        let member = Member::start(backed_up(home, HOUR, 2)).await.unwrap();
        let registry = Registry::default();
        member.register_metrics(&registry);
        until("the metric tells of an earlier run", async || {
            let page = registry.page().unwrap();
            !page.contains("strongroom_backup_last_success_timestamp_seconds 0\n")
        })
        .await;
        tokio::time::sleep(QUIET).await;
        assert_eq!(whole(home).await, first);
        member.shutdown().await;
    }
    let member = Member::start(backed_up(home, Duration::from_secs(1), 2)).await.unwrap();
    until("one that is due is made", async || whole(home).await.last() != first.last()).await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_in_the_folder_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let others = [
        "backup-before-upgrade",
        "backup-by-hand.unfinished",
        "backup-001795926067-00000000000000000007",
        "00000000000000ff/backup-001795926066-00000000000000000005",
        "00000000000000ff/backup-001795926067-00000000000000000006.unfinished",
    ];
    let folder = home.join("backups");
    others.iter().for_each(|other| fs::create_dir_all(folder.join(other)).unwrap());
    let member = Member::start(backed_up(home, Duration::from_secs(1), 1)).await.unwrap();
    let place = folder.join(format!("{:016x}", member.header().member_id));
    let own = || -> Vec<_> { fs::read_dir(&place).into_iter().flatten().map(|entry| entry.unwrap().path()).collect() };
    let is_own = |path: &String| path.starts_with(place.to_str().unwrap());
    let newest = async || whole(home).await.into_iter().rfind(is_own);
    until("a first one is made", async || newest().await.is_some()).await;
    let first = newest().await;
    until("another one takes its place", async || newest().await.is_some_and(|path| Some(path) != first)).await;
    member.shutdown().await;
    assert!(others.iter().all(|other| folder.join(other).exists()));
    assert!(own().len() <= 3, "one is kept, and one more or two where it was stopped meanwhile: {:?}", own());
}
