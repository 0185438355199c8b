//! Moving in from a real etcd and out again: nobody who asks notices.

use std::{
    env, fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use harness::{Etcdctl, Kind, Program, Random, Server};
use tokio::{process::Command, time::timeout};

use super::{everything, kind, made_for, newest, saved};
use crate::{
    offices::{done, refused, sealing, text},
    search::{Canary, found},
};

/// Keys of the history that is imported, unless `STRONGROOM_IMPORT_KEYS` says otherwise.
const KEYS: usize = 300;

/// Revisions, between the compaction and the newest, whose keys are all compared.
const REVISIONS: i64 = 40;

fn keys() -> usize {
    env::var("STRONGROOM_IMPORT_KEYS").map_or(KEYS, |keys| keys.parse().unwrap())
}

/// Puts, overwrites, deletes and transactions, some before a compaction, under leases and by users.
async fn filled(server: &Server) -> i64 {
    let etcdctl = server.etcdctl();
    let lease = etcdctl.ok(&["lease", "grant", "6000"]).await.split(' ').nth(1).unwrap().to_owned();
    etcdctl.ok(&["lease", "grant", "7000"]).await;
    let mut random = Random::new(7);
    let mut client = server.client().await;
    for round in 0..3 {
        for key in 0..keys() {
            let request = proto::etcdserverpb::PutRequest {
                key: format!("/{}/{key}", ["sealed", "plain"][key % 2]).into(),
                value: random.word(20 + key % KEYS).into(),
                ..Default::default()
            };
            client.kv.put(request).await.unwrap();
        }
        etcdctl.ok(&["put", &format!("/leased/{round}"), "x", "--lease", &lease]).await;
        // No compares, then what to do, then nothing to do otherwise.
        etcdctl.run_with_input(&["txn"], "\nput /txn/a 1\nput /txn/b 2\ndel /plain/1\nput /txn/c 3\n\n\n").await;
        etcdctl.ok(&["del", &format!("/plain/{}", 2 * round + 3)]).await;
    }
    let compacted = newest(&etcdctl).await - i64::try_from(keys()).unwrap() * 4 / 3;
    etcdctl.ok(&["compaction", &compacted.to_string(), "--physical"]).await;
    for words in [
        &["user", "add", "root:r00t"][..],
        &["user", "add", "jane:sesame"],
        &["user", "add", "certified", "--no-password"],
        &["role", "add", "reader"],
        &["role", "grant-permission", "reader", "readwrite", "/plain/", "--prefix"],
        &["role", "grant-permission", "reader", "read", "/txn/a"],
        &["user", "grant-role", "jane", "reader"],
        &["user", "grant-role", "root", "root"],
    ] {
        etcdctl.ok(words).await;
    }
    compacted
}

/// What a store says that it holds, at every revision that it still knows.
async fn held(etcdctl: &Etcdctl, compacted: i64) -> Vec<String> {
    let mut told = Vec::new();
    let newest = newest(etcdctl).await;
    // Some, the first one and the last ones: a list of everything is long.
    let step = (newest - compacted) / REVISIONS + 1;
    for revision in
        (compacted..=newest).filter(|revision| revision % step == 0 || newest - revision < 20 || *revision == compacted)
    {
        told.push(everything(etcdctl, revision).await);
    }
    told.push(etcdctl.fails(&["get", "x", &format!("--rev={}", compacted - 1)]).await);
    let leases = etcdctl.ok(&["lease", "list"]).await;
    for lease in leases.lines().skip(1) {
        let answer = etcdctl.ok(&["lease", "timetolive", lease, "--keys"]).await;
        // What it has left runs on meanwhile.
        told.push(answer.split("remaining").next().unwrap().to_owned());
        told.push(attached(&answer));
    }
    told.push(leases);
    for question in [
        &["user", "list"][..],
        &["user", "get", "jane"],
        &["user", "get", "certified"],
        &["role", "list"],
        &["role", "get", "reader"],
    ] {
        told.push(etcdctl.ok(question).await);
    }
    told
}

/// The keys of an answer about a lease, which etcd gives in any order.
fn attached(answer: &str) -> String {
    let keys = answer.split("keys([").nth(1).and_then(|rest| rest.split("])").next()).unwrap();
    let mut keys: Vec<&str> = keys.split(' ').collect();
    keys.sort_unstable();
    keys.join(" ")
}

/// Without the whole of what differs, which is long.
fn assert_same(ours: &[String], theirs: &[String]) {
    assert_eq!(ours.len(), theirs.len());
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let differs = ours.bytes().zip(theirs.bytes()).position(|(one, other)| one != other).unwrap_or(0);
        let shown = |text: &str| text.chars().skip(differs.saturating_sub(100)).take(300).collect::<String>();
        assert!(ours == theirs, "answer {at}: {:?} is not {:?}", shown(ours), shown(theirs));
    }
}

/// The events of a prefix since a revision, as a watch gives them.
async fn events(server: &Server, from: i64, count: usize) -> String {
    let mut watch = server.etcdctl().start(&["watch", "/", "--prefix", &format!("--rev={from}")]);
    watch.lines(count).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_real_etcd_held_is_held_and_can_be_taken_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut etcd = Server::etcd().await;
    let compacted = filled(&etcd).await;
    let etcds = folder.path().join("etcd.db");
    saved(&etcd.etcdctl(), &etcds).await;
    let before = held(&etcd.etcdctl(), compacted).await;
    let seen = events(&etcd, compacted + 1, 300).await;

    let config = sealing(folder.path()).await;
    let flag = format!("--seal-config={config}");

    let mut ours = Server::unstarted(kind(&[&flag]));
    let imported = made_for(&ours, &["import", "etcd", text(&etcds), "--seal-config", &config, "-o", "json"]).await;
    done(&imported);
    let told: serde_json::Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!((&told["leases"], &told["users"], &told["compacted"]), (&2.into(), &3.into(), &compacted.into()));
    assert!(told["sealed"].as_u64().unwrap() >= keys() as u64 / 2, "{told}");
    let one = etcd.etcdctl().ok(&["get", "/sealed/100", "--print-value-only"]).await.trim().to_owned();
    let canary = Canary::new("value that was imported", one);
    assert!(found(std::slice::from_ref(&canary), &ours.dir()).is_empty(), "it was sealed before it was written");
    assert!(!found(std::slice::from_ref(&canary), folder.path()).is_empty(), "and is in etcd's own file");
    done(&harness::run(&["check", text(&ours.dir()), "--seal-config", &config], None).await);

    ours.start().await;
    assert_same(&held(&ours.etcdctl(), compacted).await, &before);
    assert_eq!(events(&ours, compacted + 1, 300).await, seen);
    let next = newest(&ours.etcdctl()).await;
    ours.etcdctl().ok(&["put", "/plain/after", "x"]).await;
    assert_eq!(newest(&ours.etcdctl()).await, next + 1);
    ours.etcdctl().ok(&["del", "/plain/after"]).await;
    let before = held(&ours.etcdctl(), compacted).await;

    let snapshot = folder.path().join("ours.db");
    saved(&ours.etcdctl(), &snapshot).await;
    let exported = folder.path().join("exported.db");
    let refused =
        harness::run(&["export", "etcd", text(&snapshot), text(&exported), "--seal-config", &config], None).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("--yes-write-plaintext"), "{refused:?}");
    assert!(!exported.exists());
    let words = ["export", "etcd", text(&snapshot), text(&exported), "--seal-config", &config, "--yes-write-plaintext"];
    done(&harness::run(&words, None).await);
    // It ends itself by the signal that it was given.
    etcd.stop().await;
    let mut back = Server::unstarted(Kind::etcd(None));
    restored_by_etcd(&exported, &back).await;
    back.start().await;
    assert_same(&held(&back.etcdctl(), compacted).await, &before);
    assert_eq!(newest(&back.etcdctl()).await, next + 2);
}

/// As the etcd at hand does it: by `etcdutl`, or before there was one by `etcdctl`.
async fn restored_by_etcd(snapshot: &Path, server: &Server) {
    let peer = format!("http://127.0.0.1:{}", server.ports().peer);
    let mut command = Command::new("etcdctl");
    command.env("ETCDCTL_API", "3").args(["snapshot", "restore", text(snapshot), "--data-dir", text(&server.dir())]);
    command.args(["--initial-cluster", &format!("default={peer}"), "--initial-advertise-peer-urls", &peer]);
    let run = command.output().await.unwrap();
    assert!(run.status.success(), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_directory_of_a_stopped_etcd_is_taken_and_that_of_a_running_one_is_not() {
    let mut etcd = Server::etcd().await;
    for key in 0..20 {
        etcd.etcdctl().ok(&["put", &format!("/{key}"), "x"]).await;
    }
    let before = everything(&etcd.etcdctl(), 0).await;
    let data = etcd.dir();
    let mut ours = Server::unstarted(Kind::Member { program: Program::Strongroom, tls: None, flags: Vec::new() });
    let running = made_for(&ours, &["import", "etcd", text(&data)]).await;
    assert!(running.code == Some(1) && running.stderr.contains("an etcd runs in"), "{running:?}");
    // It writes its database some time after its log: mostly too late for this.
    etcd.kill();
    let behind = made_for(&ours, &["import", "etcd", text(&data)]).await;
    if behind.code == Some(0) {
        fs::remove_dir_all(ours.dir()).unwrap();
    } else {
        assert!(behind.stderr.contains("did not stop in order") && !ours.dir().exists(), "{behind:?}");
    }
    etcd.start().await;
    // It ends itself by the signal that it was given.
    etcd.stop().await;
    done(&made_for(&ours, &["import", "etcd", text(&data)]).await);
    ours.start().await;
    assert_eq!(everything(&ours.etcdctl(), 0).await, before);

    let home = ours.dir().parent().unwrap().to_owned();
    let served = harness::run(&["serve", "--data-dir", text(&data)], None).await;
    assert!(served.code == Some(1) && served.stderr.contains("strongroom import etcd"), "{served:?}");
    let snapshot = harness::run(&["snapshot", "status", text(&data.join("member/snap/db"))], None).await;
    assert!(snapshot.code == Some(1) && snapshot.stderr.contains("strongroom import etcd"), "{snapshot:?}");
    let cut = home.join("cut.db");
    let bytes = fs::read(data.join("member/snap/db")).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let other = Server::unstarted(kind(&[]));
    let refused = made_for(&other, &["import", "etcd", text(&cut)]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("cut.db"), "{refused:?}");
    let mut wrong = bytes;
    wrong.extend([0; 32]);
    fs::write(&cut, wrong).unwrap();
    let refused = made_for(&other, &["import", "etcd", text(&cut)]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("SHA-256"), "{refused:?}");
    assert!(!other.dir().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_is_written_to_is_followed_until_nobody_writes_any_more() {
    let etcd = Server::etcd().await;
    let etcdctl = etcd.etcdctl();
    let lease = etcdctl.ok(&["lease", "grant", "6000"]).await.split(' ').nth(1).unwrap().to_owned();
    let (mut client, id) = (etcd.client().await, i64::from_str_radix(&lease, 16).unwrap());
    for key in 0..keys() / 6 {
        let put = proto::etcdserverpb::PutRequest {
            key: format!("/before/{key}").into(),
            value: "x".into(),
            lease: id,
            ..Default::default()
        };
        client.kv.put(put).await.unwrap();
    }
    let mut ours = Server::unstarted(kind(&[]));
    let (peer, from) =
        (format!("http://127.0.0.1:{}", ours.ports().peer), format!("http://127.0.0.1:{}", etcd.ports().client));
    let dir = ours.dir();
    let mut command = Command::new(harness::binary());
    command.args(["import", "etcd", "--from", &from, "--data-dir", text(&dir), "-o", "json"]);
    command.args(["--initial-cluster", &format!("default={peer}"), "--initial-advertise-peer-urls", &peer]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let import = command.spawn().unwrap();
    let (mut random, begun) = (Random::new(11), Instant::now());
    // Longer than it takes to fetch what was there before.
    while begun.elapsed() < Duration::from_secs(4) * u32::try_from(keys() / KEYS).unwrap().clamp(1, 15) {
        let key = format!("/during/{}", random.below(200));
        if random.below(4) == 0 {
            let delete = proto::etcdserverpb::DeleteRangeRequest { key: key.into(), ..Default::default() };
            client.kv.delete_range(delete).await.unwrap();
        } else {
            let put = proto::etcdserverpb::PutRequest {
                key: key.into(),
                value: random.word(100).into(),
                ..Default::default()
            };
            client.kv.put(put).await.unwrap();
        }
    }
    // What is written after the interrupt and before the comparison would be a mistake of whoever switches over.
    let interrupted =
        Command::new("/bin/kill").args(["-INT", &import.id().unwrap().to_string()]).status().await.unwrap();
    assert!(interrupted.success());
    let finished =
        timeout(Duration::from_secs(harness::START_SECONDS_MAX), import.wait_with_output()).await.unwrap().unwrap();
    assert!(finished.status.success(), "{finished:?}");
    let told: serde_json::Value = serde_json::from_slice(&finished.stdout).unwrap();
    let newest = newest(&etcdctl).await;
    assert_eq!((&told["revision"], &told["leases"]), (&newest.into(), &1.into()));
    ours.start().await;
    for revision in [0, newest - 20, 30] {
        assert_eq!(everything(&ours.etcdctl(), revision).await, everything(&etcdctl, revision).await, "{revision}");
    }
    let keys = ["lease", "timetolive", &lease, "--keys"];
    assert_eq!(attached(&ours.etcdctl().ok(&keys).await), attached(&etcdctl.ok(&keys).await));

    let nobody = harness::run(&["import", "etcd", "--from", "http://127.0.0.1:1", "--data-dir", "nowhere"], None).await;
    assert!(nobody.code == Some(1) && nobody.stderr.contains("http://127.0.0.1:1"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_differ_between_members_is_imported_for_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let etcd = Server::etcd().await;
    etcd.etcdctl().ok(&["put", "/sealed/a", "x"]).await;
    let snapshot = folder.path().join("etcd.db");
    saved(&etcd.etcdctl(), &snapshot).await;
    let (config, from) = (sealing(folder.path()).await, format!("http://127.0.0.1:{}", etcd.ports().client));
    let members = "default=http://127.0.0.1:1,other=http://127.0.0.1:2";
    let dir = folder.path().join("several");
    let import = async |what: &[&str]| {
        let member = ["--initial-cluster", members, "--initial-advertise-peer-urls", "http://127.0.0.1:1"];
        harness::run(&[&["import", "etcd", "--data-dir", text(&dir)], &member[..], what].concat(), None).await
    };
    let sealed = import(&[text(&snapshot), "--seal-config", &config]).await;
    refused(&sealed, "2 members could not open each other's values; import for one member");
    let live = import(&["--from", &from, "--at-once"]).await;
    refused(&live, "2 members would hold different data; import for one member");
    assert!(!dir.exists());
    done(&import(&[text(&snapshot)]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_ends_during_an_import_leaves_no_key_behind() {
    let etcd = Server::etcd().await;
    let (etcdctl, from) = (etcd.etcdctl(), format!("http://127.0.0.1:{}", etcd.ports().client));
    for key in 0..20 {
        let lease = etcdctl.ok(&["lease", "grant", &(2 + key / 4).to_string()]).await;
        let lease = lease.split(' ').nth(1).unwrap().to_owned();
        etcdctl.ok(&["put", &format!("/{key}"), "x", "--lease", &lease]).await;
    }
    let begun = Instant::now();
    loop {
        let ours = Server::unstarted(kind(&[]));
        done(&made_for(&ours, &["import", "etcd", "--from", &from, "--at-once"]).await);
        let checked = harness::run(&["check", text(&ours.dir()), "-o", "json"], None).await;
        done(&checked);
        let told: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        if told["leases"] == 0 && told["keys"] == 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "leases do not end: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_with_users_is_imported_by_one_of_them_from_the_endpoint_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    let etcd = Server::etcd().await;
    for words in [
        &["put", "/a", "x"][..],
        &["user", "add", "root:r00t"],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        etcd.etcdctl().ok(words).await;
    }
    let from = format!("http://127.0.0.1:1,http://127.0.0.1:{}", etcd.ports().client);
    let import = async |more: &[&str]| {
        let ours = Server::unstarted(kind(&[]));
        made_for(&ours, &[&["import", "etcd", "--from", &from, "--at-once"], more].concat()).await
    };
    refused(&import(&[]).await, "user name is empty");
    let password = folder.path().join("password");
    for (written, works) in [("wrong\n", false), ("r00t\n", true)] {
        fs::write(&password, written).unwrap();
        let imported = import(&["--user", "root", "--password-file", text(&password)]).await;
        if works { done(&imported) } else { refused(&imported, "authentication failed") }
    }
}
