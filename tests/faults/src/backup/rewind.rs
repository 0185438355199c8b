//! A snapshot that is restored as of an earlier revision, and the backup of a time.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use harness::Server;
use tokio::time::sleep;

use super::{everything, kind, made_for, newest, restored, saved, unasked};
use crate::offices::{done, refused, sealing, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_within_a_snapshot_is_there_again_as_of_a_revision() {
    let folder = tempfile::tempdir().unwrap();
    let config = sealing(folder.path()).await;
    let flag = format!("--seal-config={config}");
    let source = Server::new(kind(&[&flag])).await;
    let etcdctl = source.etcdctl();
    let lease = etcdctl.ok(&["lease", "grant", "600"]).await.split(' ').nth(1).unwrap().to_owned();
    for round in 0..3 {
        for key in ["/sealed/a", "/sealed/b", "/plain/a"] {
            etcdctl.ok(&["put", key, &format!("value {round}")]).await;
        }
        etcdctl.ok(&["put", "/plain/leased", &round.to_string(), "--lease", &lease]).await;
        etcdctl.ok(&["del", "/plain/a"]).await;
        etcdctl.ok(&["put", "/plain/a", "again"]).await;
    }
    etcdctl.ok(&["compaction", "5"]).await;
    let wanted = newest(&etcdctl).await;
    let then = everything(&etcdctl, wanted).await;
    etcdctl.ok(&["del", "/sealed/", "--prefix"]).await;
    etcdctl.ok(&["lease", "revoke", &lease]).await;
    for round in 0..20 {
        etcdctl.ok(&["put", &format!("/plain/{round}"), "written too late"]).await;
    }
    etcdctl.ok(&["user", "add", "jane:sesame"]).await;
    let (last, snapshot) = (newest(&etcdctl).await, folder.path().join("snapshot.db"));
    saved(&etcdctl, &snapshot).await;

    let words = |revision: &str| {
        let words =
            ["snapshot", "restore", text(&snapshot), "--seal-config", &config, "-o", "json", "--to-revision", revision];
        words.map(str::to_owned)
    };
    let mut ours = Server::unstarted(kind(&[&flag]));
    for outside in ["4", &(last + 1).to_string()] {
        let words = words(outside);
        let run = made_for(&ours, &words.each_ref().map(String::as_str)).await;
        refused(&run, &format!("can be from 5, up to which it is compacted, to {last}"));
    }
    assert!(!ours.dir().exists(), "nothing is left of what was refused");
    let run = made_for(&ours, &words(&wanted.to_string()).each_ref().map(String::as_str)).await;
    done(&run);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["revision"], &told["leases_made_again"]), (&wanted.into(), &1.into()), "{told}");
    done(&harness::run(&["check", text(&ours.dir()), "--seal-config", &config], None).await);
    ours.start().await;
    let etcdctl = ours.etcdctl();
    assert_eq!((newest(&etcdctl).await, everything(&etcdctl, 0).await), (wanted, then));
    assert_eq!(etcdctl.ok(&["get", "/sealed/b", "--print-value-only"]).await, "value 2\n");
    let keys = etcdctl.ok(&["lease", "timetolive", &lease, "--keys"]).await;
    assert!(keys.contains("granted with TTL(3600s)") && keys.contains("/plain/leased"), "{keys}");
    assert_eq!(etcdctl.ok(&["user", "list"]).await, "jane\n", "users have no revisions");
    let future = etcdctl.fails(&["get", "/plain/a", &format!("--rev={}", wanted + 1)]).await;
    assert!(future.contains("future revision"), "{future}");
    etcdctl.ok(&["put", "/plain/new", "x"]).await;
    assert_eq!(newest(&etcdctl).await, wanted + 1);
}

fn backups(dir: &Path) -> Vec<PathBuf> {
    unasked::backups(dir).into_iter().collect()
}

/// When a backup was made, as an operator would write it.
fn made(backup: &Path) -> String {
    utc(backup.file_name().unwrap().to_str().unwrap().split('-').nth(1).unwrap().parse().unwrap())
}

fn utc(seconds: u64) -> String {
    let mut date = std::process::Command::new("date");
    date.args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d"]).arg(format!("@{seconds}"));
    String::from_utf8(date.output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fatal_delete_is_undone_by_the_time_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Server::new(kind(&[])).await;
    source.etcdctl().ok(&["put", "/a", "kept"]).await;
    // It is noted within a second, and written down within ten.
    let moments = source.dir().join("moments");
    let begun = Instant::now();
    while !std::fs::read_to_string(&moments).is_ok_and(|text| text.ends_with(" 2\n")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no moment is written down");
        sleep(Duration::from_millis(100)).await;
    }
    // A start knows what an earlier run noted.
    assert!(source.stop().await.success());
    source.start().await;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    sleep(Duration::from_millis(1100)).await;
    source.etcdctl().ok(&["del", "/", "--prefix"]).await;
    source.etcdctl().ok(&["put", "/b", "too late"]).await;
    sleep(Duration::from_secs(2)).await;
    let snapshot = folder.path().join("snapshot.db");
    saved(&source.etcdctl(), &snapshot).await;
    let other = Server::unstarted(kind(&[]));
    for outside in ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let words = ["snapshot", "restore", text(&snapshot), "--to-time", outside];
        refused(&made_for(&other, &words).await, "it tells what the newest revision was from");
    }
    let copy = restored(&snapshot, &[], &["--to-time", &utc(before)]).await;
    assert_eq!(copy.etcdctl().ok(&["get", "", "--prefix"]).await, "/a\nkept\n");
    assert_eq!(newest(&copy.etcdctl()).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_backup_made_not_after_a_time_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("backups");
    let flag = format!("--backup-dir={}", text(&dir));
    let mut source = Server::new(kind(&[&flag, "--backup-interval=1s", "--backup-keep=1000"])).await;
    let begun = Instant::now();
    while backups(&dir).len() < 3 {
        source.etcdctl().ok(&["put", "/a", "x"]).await;
        assert!(begun.elapsed() < Duration::from_secs(60), "no backups are made");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(source.stop().await.success());
    let backups = backups(&dir);
    // Of two in one second, the later one.
    let of_time = backups.iter().rfind(|backup| made(backup) == made(&backups[1])).unwrap();
    let other = Server::unstarted(kind(&[]));
    let early = made_for(&other, &["snapshot", "restore", text(&dir), "--at", "2000-01-01T00:00:00Z"]).await;
    refused(&early, &format!("they were made at: {}", made(&backups[0])));
    let nonsense = made_for(&other, &["snapshot", "restore", text(&dir), "--at", "yesterday"]).await;
    assert!(nonsense.code == Some(2) && nonsense.stderr.contains("2026-05-01T12:00:00Z"), "{nonsense:?}");
    let late = made_for(&other, &["snapshot", "restore", text(&dir), "--to-time", "2100-01-01T00:00:00Z"]).await;
    refused(&late, "the newest backup in it was made at");
    let none = made_for(&other, &["snapshot", "restore", text(folder.path()), "--at", &made(&backups[0])]).await;
    refused(&none, "there is none at all");
    assert!(!other.dir().exists());
    let copy = restored(&dir, &[], &["--at", &made(of_time)]).await;
    let revision: i64 = text(of_time).rsplit('-').next().unwrap().parse().unwrap();
    assert_eq!(newest(&copy.etcdctl()).await, revision);
}
