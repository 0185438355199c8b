//! Backups that are made without being asked: each can be restored, and old ones go.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use harness::{Random, Seed, Server};
use proto::etcdserverpb::PutRequest;
use tokio::time::sleep;

use super::{everything, kind, newest, restored};
use crate::{
    metrics::value,
    offices::{done, refused, text},
};

/// How many backups are looked at, unless `STRONGROOM_BACKUPS` says otherwise.
const BACKUPS: usize = 4;

/// Those of the one member that has its place in the folder.
pub(super) fn backups(dir: &Path) -> BTreeSet<PathBuf> {
    let within = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let entries = within(dir.to_owned()).flat_map(within);
    entries.filter(|path| path.extension().is_none()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_can_be_restored_and_only_so_many_are_kept() {
    let seed = Seed::of_this_run();
    println!("to repeat: {seed}");
    let wanted = env::var("STRONGROOM_BACKUPS").map_or(BACKUPS, |backups| backups.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("backups");
    let interval = env::var("STRONGROOM_BACKUP_INTERVAL").unwrap_or_else(|_| "4s".to_owned());
    let flags =
        [format!("--backup-dir={}", text(&dir)), format!("--backup-interval={interval}"), "--backup-keep=3".to_owned()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let source = Server::new(kind(&flags)).await;
    let (mut client, mut random) = (source.client().await, Random::new(seed.0));
    let (mut looked_at, mut linked) = (BTreeSet::new(), 0);
    let begun = Instant::now();
    while looked_at.len() < wanted {
        for _ in 0..50 {
            let (key, value) = (format!("/{}", random.below(500)), random.word(200));
            client.kv.put(PutRequest { key: key.into(), value: value.into(), ..Default::default() }).await.unwrap();
        }
        let Some(newest_backup) = backups(&dir).into_iter().next_back().filter(|path| !looked_at.contains(path)) else {
            assert!(begun.elapsed() < Duration::from_secs(60) * u32::try_from(wanted).unwrap(), "no backup is made");
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Before the fourth after it is made, which takes this one's place. On a busy machine it takes longer to look at it.
        for file in fs::read_dir(newest_backup.join("state")).into_iter().flatten() {
            linked += usize::from(file.unwrap().metadata().is_ok_and(|metadata| metadata.nlink() > 1));
        }
        let linked_copy = folder.path().join("copy");
        let copied = Command::new("cp").arg("-al").args([&newest_backup, &linked_copy]).status().unwrap();
        assert!(copied.success(), "{}", newest_backup.display());
        let verified = harness::run(&["snapshot", "verify", text(&linked_copy)], None).await;
        done(&verified);
        let copy = restored(&linked_copy, &[], &[]).await;
        fs::remove_dir_all(&linked_copy).unwrap();
        let revision = newest(&copy.etcdctl()).await;
        let (held, known) = (everything(&copy.etcdctl(), 0).await, everything(&source.etcdctl(), revision).await);
        assert_eq!(held, known, "{} at revision {revision}", newest_backup.display());
        assert!(backups(&dir).len() <= 4, "three are kept, and one may be about to go");
        looked_at.insert(newest_backup);
    }
    assert!(linked > 0, "nothing of an earlier backup was used again");
    let page = source.page("/metrics").await.body;
    assert!(value(&page, "strongroom_backup_last_success_timestamp_seconds") > 1.7e9);
    assert_eq!(value(&page, "strongroom_backup_failures_total"), 0.0);
    assert!(value(&page, "strongroom_backup_last_written_bytes") > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_store_gets_what_is_new_and_gives_any_of_them_back() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, url) = (folder.path().join("depot"), format!("file://{}/depot", text(folder.path())));
    let flag = format!("--backup-dir={url}");
    let source = Server::new(kind(&[&flag, "--backup-interval=1s"])).await;
    // Each member has its own place.
    let place = || fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().path()).next();
    let backups = || -> BTreeSet<String> {
        let Some(dir) = place() else { return BTreeSet::new() };
        let names =
            fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| dir.join(name).join("SHA256SUMS").exists()).collect()
    };
    let begun = Instant::now();
    for number in 0.. {
        source.etcdctl().ok(&["put", &format!("/{number}"), &"x".repeat(100)]).await;
        if backups().len() > 2 {
            break;
        }
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "no backup is made");
    }
    let url = format!("{url}/{}", text(Path::new(place().unwrap().file_name().unwrap())));
    let newest_backup = PathBuf::from(format!("{url}/{}", backups().last().unwrap()));
    done(&harness::run(&["snapshot", "verify", text(&newest_backup)], None).await);
    let listed = harness::run(&["snapshot", "ls", text(&newest_backup), "/0"], None).await;
    assert!(listed.stdout.starts_with("/0\t"), "{listed:?}");
    let copy = restored(&newest_backup, &[], &[]).await;
    let revision = newest(&copy.etcdctl()).await;
    assert_eq!(everything(&copy.etcdctl(), 0).await, everything(&source.etcdctl(), revision).await);
    let early = harness::run(
        &["snapshot", "restore", &url, "--at", "2020-01-01T00:00:00Z", "--data-dir", text(&folder.path().join("x"))],
        None,
    )
    .await;
    refused(&early, "no backup in it was made until 2020-01-01T00:00:00Z; they were made at: 20");
    // What is to be chosen from is shown, and the first that has a revision is taken.
    let listed = harness::run(&["snapshot", "list", &url], None).await;
    done(&listed);
    assert!(
        listed.stdout.contains(text(&newest_backup)) && listed.stdout.contains(&revision.to_string()),
        "{listed:?}"
    );
    let to = |revision: i64, name: &str| {
        let dir = text(&folder.path().join(name)).to_owned();
        ["snapshot", "restore", &url, "--to-revision", &revision.to_string(), "--data-dir", &dir].map(str::to_owned)
    };
    let back = to(revision, "back");
    let back = harness::run(&back.each_ref().map(String::as_str), None).await;
    done(&back);
    assert!(back.stdout.contains(&revision.to_string()), "{back:?}");
    let ahead = to(i64::MAX, "ahead");
    refused(&harness::run(&ahead.each_ref().map(String::as_str), None).await, "which is before 9223372036854775807");
    let gone = harness::run(&["snapshot", "status", &format!("{url}/backup-1-1")], None).await;
    refused(&gone, "there is no whole backup");
    let page = source.page("/metrics").await.body;
    assert_eq!(value(&page, "strongroom_backup_failures_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_costs_the_member_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let flag = format!("--backup-dir={}", text(&file));
    let server = Server::new(kind(&[&flag, "--backup-interval=1s"])).await;
    server.etcdctl().ok(&["put", "/a", "x"]).await;
    let begun = Instant::now();
    while value(&server.page("/metrics").await.body, "strongroom_backup_failures_total") < 2.0 {
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "failures are not counted");
        sleep(Duration::from_millis(100)).await;
    }
    server.etcdctl().ok(&["put", "/a", "y"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_damaged_since_spoils_no_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("backups");
    let flag = format!("--backup-dir={}", text(&dir));
    let server = Server::new(kind(&[&flag, "--backup-interval=1s"])).await;
    server.etcdctl().ok(&["put", "/a", &"x".repeat(10_000)]).await;
    let revision = newest(&server.etcdctl()).await;
    let next = async |last: Option<PathBuf>| {
        let (begun, holds) = (Instant::now(), format!("{revision:020}"));
        loop {
            let found = backups(&dir).into_iter().next_back().filter(|path| text(path).ends_with(&holds));
            match found.filter(|path| Some(path) != last.as_ref()) {
                Some(path) => return path,
                None => sleep(Duration::from_millis(50)).await,
            }
            assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "no other backup is made");
        }
    };
    let first = next(None).await;
    let files = fs::read_dir(first.join("state")).unwrap().map(|entry| entry.unwrap().path());
    let largest = files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    // In its place: what is linked is one file under many names.
    let mut file = fs::OpenOptions::new().write(true).open(&largest).unwrap();
    file.write_all(b"changed").unwrap();
    let verified = harness::run(&["snapshot", "verify", text(&first)], None).await;
    assert_eq!(verified.code, Some(1), "{verified:?}");
    let second = next(Some(first)).await;
    // The one after the change at the latest was begun after it.
    let third = next(Some(second)).await;
    done(&harness::run(&["snapshot", "verify", text(&third)], None).await);
}
