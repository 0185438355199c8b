//! A value of a sealed prefix is in no file, no log line and no metric, whichever way it came.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::Command,
    time::{Duration, Instant},
};

use harness::{Process, Random, Seed, Server};
use proto::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
    WatchCreateRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
};
use tokio::time::sleep;
use tonic::Code;

use crate::{
    backup::restored,
    offices::text,
    search::{Canary, found},
};

const CANARY_LENGTH: usize = 40;

/// Values of a kilobyte, written so that files are flushed and rolled.
const FILLERS: usize = 2000;
const FILLERS_AT_ONCE: usize = 200;

/// Longest time until what was sealed afterwards is gone from files.
const FORGOTTEN_MAX: Duration = Duration::from_secs(30);

/// Words and the ways they went.
struct Canaries {
    random: Random,
    sealed: Vec<Canary>,
}

impl Canaries {
    fn new(seed: Seed) -> Self {
        Self { random: Random::new(seed.0), sealed: Vec::new() }
    }

    fn sealed(&mut self, way: &'static str) -> String {
        let canary = Canary::new(way, self.random.word(CANARY_LENGTH));
        self.sealed.push(canary.clone());
        canary.word
    }

    /// Looks for all of them in everything that the server leaves behind.
    async fn nowhere(&self, server: &Server, running: bool, when: &str) {
        let mut heaps = vec![("the log", server.log())];
        if running {
            heaps.push(("the metrics", server.page("/metrics").await.body.into_bytes()));
        }
        let files = found(&self.sealed, &server.dir());
        assert!(files.is_empty(), "{when}: {files:?}");
        for canary in &self.sealed {
            for (name, bytes) in &heaps {
                assert_eq!(canary.form_in(bytes), None, "{when}: the value of a {} is in {name}", canary.way);
            }
        }
    }
}

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() }
}

fn compare(key: &str, result: CompareResult, value: &str) -> Compare {
    let target_union = Some(TargetUnion::Value(value.to_owned().into()));
    let (result, target) = (result.into(), CompareTarget::Value.into());
    Compare { result, target, key: key.to_owned().into(), range_end: "".into(), target_union }
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_values_leave_no_trace() {
    let seed = Seed::of_this_run();
    println!("to repeat: {seed}");
    let mut canaries = Canaries::new(seed);
    let mut server = Server::strongroom_logging("trace").await;
    let control = Canary::new("control", canaries.random.word(CANARY_LENGTH));
    server.etcdctl().ok(&["put", "/registry/pods/default/control", &control.word]).await;

    puts_and_reads(&server, &mut canaries).await;
    transactions(&server, &mut canaries).await;
    refusals(&server, &mut canaries).await;
    changed_by_a_plugin(&server, &mut canaries).await;
    assert!(!server.log().is_empty(), "a trace that says nothing shows nothing");
    canaries.nowhere(&server, true, "while it runs").await;
    assert!(
        !control.files(&server.dir()).is_empty(),
        "the search does not find an open value either: it shows nothing"
    );

    fill(&server, &mut canaries.random).await;
    canaries.nowhere(&server, true, "after many writes and a compaction").await;
    assert!(server.stop().await.success());
    canaries.nowhere(&server, false, "after a stop").await;
    assert!(!control.files(&server.dir()).is_empty(), "the control is found after a stop");
    server.start().await;
    canaries.nowhere(&server, true, "after a restart").await;
    server.kill();
    server.start().await;
    canaries.nowhere(&server, true, "after a crash").await;
    let value = server.etcdctl().ok(&["get", "/registry/secrets/default/put", "--print-value-only"]).await;
    assert_eq!(value.trim(), canaries.sealed[0].word, "the value itself is still there");

    administer(&server, &["key", "rotate"]).await;
    administer(&server, &["key", "rewrap", "--wait"]).await;
    canaries.nowhere(&server, true, "after a rotation").await;
    let value = server.etcdctl().ok(&["get", "/registry/secrets/default/put", "--print-value-only"]).await;
    assert_eq!(value.trim(), canaries.sealed[0].word, "the value opens with the new key");
    told_to_administrators(&server, &canaries).await;
    in_a_snapshot(&server, &canaries, &control).await;
    sealed_afterwards(&server, &control).await;
    what_cannot_be_opened(&server).await;
    no_core_file(&mut server).await;
}

/// One record is lost, not the list that it is in: it is named, and left out for whoever asks for that.
async fn what_cannot_be_opened(server: &Server) {
    const PREFIX: &str = "/registry/pods/lost/";
    let mut client = server.client().await;
    administer(server, &["seal", "add", PREFIX]).await;
    let key = format!("{PREFIX}a");
    client.kv.put(put(&key, "value")).await.unwrap();
    administer(server, &["key", "rewrap", "--wait"]).await;
    administer(server, &["key", "shred", PREFIX, "--confirm", PREFIX]).await;
    let list = || RangeRequest {
        key: "/registry/pods/".into(),
        range_end: "/registry/pods0".into(),
        ..RangeRequest::default()
    };
    let refused = client.kv.range(list()).await.unwrap_err();
    assert!(refused.code() == Code::DataLoss && refused.message().contains(&key), "{refused}");
    let mut skipping = tonic::Request::new(list());
    skipping.metadata_mut().insert("strongroom-skip-damaged", "true".parse().unwrap());
    let answer = client.kv.range(skipping).await.unwrap();
    let named = answer.metadata().get_all_bin("strongroom-damaged-key-bin").iter();
    assert_eq!(named.map(|name| name.to_bytes().unwrap()).collect::<Vec<_>>(), [key.as_bytes()]);
    assert_eq!(answer.into_inner().kvs.len(), 1, "the others are there");
    client.kv.put(put(&key, "again")).await.unwrap();
    assert_eq!(client.kv.range(list()).await.unwrap().into_inner().kvs.len(), 2);
}

/// What admin calls answer, the wrapped data keys included.
async fn told_to_administrators(server: &Server, canaries: &Canaries) {
    for asked in [&["key", "status", "-o", "json"][..], &["key", "status"], &["seal", "list"], &["plugin", "list"]] {
        let told = administer(server, asked).await;
        assert!(!told.is_empty(), "{asked:?}");
        for canary in &canaries.sealed {
            assert_eq!(canary.form_in(told.as_bytes()), None, "{asked:?} tells the value of a {}", canary.way);
        }
    }
}

/// What would hold all its memory, keys included, is not made; of another process it is, or this would show nothing.
async fn no_core_file(server: &mut Server) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sleep");
    command.arg("60").current_dir(folder.path());
    let other = Process::start(command, &folder.path().join("log")).abort().await;
    assert!(other.core_dumped(), "this machine makes no core files: {other}");
    let status = server.abort().await;
    assert!(!status.core_dumped() && status.signal().is_some(), "{status}");
}

/// Nor is a value in a snapshot, nor in anything that a member made of it leaves behind; there it opens.
async fn in_a_snapshot(server: &Server, canaries: &Canaries, control: &Canary) {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("snapshot.db");
    administer(server, &["snapshot", "save", text(&snapshot)]).await;
    let files = found(&canaries.sealed, folder.path());
    assert!(files.is_empty() && !control.files(folder.path()).is_empty(), "in a snapshot: {files:?}");
    let seal = format!("--seal-config={}", server.dir().join("seal.yaml").display());
    let restored = restored(&snapshot, &[&seal, "--log-level=debug"], &[&seal]).await;
    canaries.nowhere(&restored, true, "after a restore").await;
    assert!(!control.files(&restored.dir()).is_empty(), "the control is found after a restore");
    let value = restored.etcdctl().ok(&["get", "/registry/secrets/default/put", "--print-value-only"]).await;
    assert_eq!(value.trim(), canaries.sealed[0].word, "the value opens where it was restored");
}

/// What was in plain text is in no file any more once its prefix is sealed: log, snapshots and what was overwritten included.
async fn sealed_afterwards(server: &Server, control: &Canary) {
    administer(server, &["seal", "add", "/registry/pods/"]).await;
    administer(server, &["key", "rewrap", "--wait"]).await;
    let begun = Instant::now();
    loop {
        let status = administer(server, &["key", "status", "-o", "json"]).await;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        if status["forgotten"] == true {
            break;
        }
        assert!(begun.elapsed() < FORGOTTEN_MAX, "{status}");
        sleep(Duration::from_millis(100)).await;
    }
    let files = control.files(&server.dir());
    assert!(files.is_empty(), "what was sealed afterwards still lies in {files:?}");
    let value = server.etcdctl().ok(&["get", "/registry/pods/default/control", "--print-value-only"]).await;
    assert_eq!(value.trim(), control.word);
}

async fn administer(server: &Server, arguments: &[&str]) -> String {
    let run = harness::run(arguments, server.environment().iter()).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout
}

async fn puts_and_reads(server: &Server, canaries: &mut Canaries) {
    let etcdctl = server.etcdctl();
    let mut client = server.client().await;
    let first = canaries.sealed("put");
    etcdctl.ok(&["put", "/registry/secrets/default/put", &first]).await;
    assert_eq!(etcdctl.ok(&["get", "/registry/secrets/default/put", "--print-value-only"]).await.trim(), first);

    let (old, new) = (canaries.sealed("put that was overwritten"), canaries.sealed("put over another"));
    etcdctl.ok(&["put", "/registry/secrets/default/twice", &old]).await;
    assert!(etcdctl.ok(&["put", "/registry/secrets/default/twice", &new, "--prev-kv"]).await.contains(&old));

    let deleted = canaries.sealed("put that was deleted");
    client.kv.put(put("/registry/secrets/default/gone", &deleted)).await.unwrap();
    let request = DeleteRangeRequest {
        key: "/registry/secrets/default/gone".into(),
        prev_kv: true,
        ..DeleteRangeRequest::default()
    };
    assert_eq!(client.kv.delete_range(request).await.unwrap().into_inner().prev_kvs[0].value, deleted);

    let leased = canaries.sealed("put with a lease");
    client.lease.lease_grant(LeaseGrantRequest { ttl: 600, id: 9 }).await.unwrap();
    client.kv.put(PutRequest { lease: 9, ..put("/registry/secrets/default/leased", &leased) }).await.unwrap();

    let mut stream = client.watch();
    let range = WatchCreateRequest {
        key: "/registry/secrets/".into(),
        range_end: "/registry/secrets0".into(),
        ..WatchCreateRequest::default()
    };
    stream.create(WatchCreateRequest { start_revision: 1, prev_kv: true, ..range }).await;
    stream.next().await;
    stream.events(6).await;
    let watched = canaries.sealed("put that was watched");
    client.kv.put(put("/registry/secrets/default/watched", &watched)).await.unwrap();
    assert_eq!(stream.events(1).await[0].kv.as_ref().unwrap().value, watched);
}

async fn transactions(server: &Server, canaries: &mut Canaries) {
    let mut client = server.client().await;
    let (inside, nested) = (canaries.sealed("put in a transaction"), canaries.sealed("put in a nested transaction"));
    let other = canaries.sealed("put in the branch that is not taken");
    let inner = TxnRequest {
        success: vec![op(Request::RequestPut(put("/registry/secrets/default/nested", &nested)))],
        ..TxnRequest::default()
    };
    let request = TxnRequest {
        compare: vec![],
        success: vec![
            op(Request::RequestPut(put("/registry/secrets/default/txn", &inside))),
            op(Request::RequestTxn(inner)),
        ],
        failure: vec![op(Request::RequestPut(put("/registry/secrets/default/other", &other)))],
    };
    assert!(client.kv.txn(request).await.unwrap().into_inner().succeeded);

    // Equality is compared without the key; the operand that holds is the value itself, the other one was never written.
    let guess = canaries.sealed("compare with another value");
    for (value, result, succeeds) in [
        (&inside, CompareResult::Equal, true),
        (&inside, CompareResult::NotEqual, false),
        (&guess, CompareResult::Equal, false),
        (&guess, CompareResult::NotEqual, true),
    ] {
        let read = RangeRequest { key: "/registry/secrets/default/txn".into(), ..RangeRequest::default() };
        let request = TxnRequest {
            compare: vec![compare("/registry/secrets/default/txn", result, value)],
            success: vec![op(Request::RequestRange(read.clone()))],
            failure: vec![op(Request::RequestRange(read))],
        };
        assert_eq!(client.kv.txn(request).await.unwrap().into_inner().succeeded, succeeds, "{}", result.as_str_name());
    }
}

/// Values that a plugin has made, which logs them besides.
async fn changed_by_a_plugin(server: &Server, canaries: &mut Canaries) {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("reversing.wasm");
    std::fs::write(&component, guests::change_to_reversed()).unwrap();
    let prefixes = ["--prefix", "/registry/secrets/changed/", "--prefix", "/registry/nodes/changed/"];
    let install = [&["plugin", "install", component.to_str().unwrap()], &prefixes[..]].concat();
    let granted = ["--operation", "put", "--may-mutate", "--sees-sealed"];
    administer(server, &[&install[..], &granted].concat()).await;
    let (given, key) = (canaries.sealed("put that a plugin changes"), "/registry/secrets/changed/a");
    let made = Canary::new("value that a plugin made", given.chars().rev().collect());
    server.etcdctl().ok(&["put", key, &given]).await;
    assert_eq!(server.etcdctl().ok(&["get", key, "--print-value-only"]).await.trim(), made.word);
    canaries.sealed.push(made);
    // What it says of a value that is not sealed is there; so it does say something.
    server.etcdctl().ok(&["put", "/registry/nodes/changed/a", "nothing-to-hide"]).await;
    let logged = administer(server, &["plugin", "logs", "reversing"]).await;
    assert!(logged.contains("edih-ot-gnihton"), "{logged}");
    for canary in &canaries.sealed {
        assert_eq!(canary.form_in(logged.as_bytes()), None, "the plugin's log tells the value of a {}", canary.way);
    }
}

/// Values that come with a request that is refused, and what is said then.
async fn refusals(server: &Server, canaries: &mut Canaries) {
    let mut client = server.client().await;
    let ordered = canaries.sealed("ordered compare");
    let request = TxnRequest {
        compare: vec![compare("/registry/secrets/default/txn", CompareResult::Greater, &ordered)],
        ..TxnRequest::default()
    };
    let status = client.kv.txn(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("equality"), "{status}");

    let contradiction = canaries.sealed("put that contradicts itself");
    let request = PutRequest { ignore_value: true, ..put("/registry/secrets/default/txn", &contradiction) };
    client.kv.put(request).await.unwrap_err();
    let leaseless = canaries.sealed("put with a lease that is not there");
    client.kv.put(PutRequest { lease: 404, ..put("/registry/secrets/default/x", &leaseless) }).await.unwrap_err();
    let large = canaries.sealed("put that is too large");
    let value = format!("{}{large}", "x".repeat(1_600_000));
    client.kv.put(put("/registry/secrets/default/large", &value)).await.unwrap_err();
    let denied = canaries.sealed("put that a plugin denies");
    let value = format!("-----BEGIN RSA PRIVATE KEY-----\n{denied}\n");
    let status = client.kv.put(put("/registry/configmaps/default/denied", &value)).await.unwrap_err();
    for canary in &canaries.sealed {
        assert_eq!(canary.form_in(status.message().as_bytes()), None, "an error quotes a value");
    }
}

/// Enough for a log to roll and a table to be written, then a compaction.
async fn fill(server: &Server, random: &mut Random) {
    let client = server.client().await;
    for first in (0..FILLERS).step_by(FILLERS_AT_ONCE) {
        let mut puts = tokio::task::JoinSet::new();
        for number in first..first + FILLERS_AT_ONCE {
            let (mut client, value) = (client.clone(), random.word(1000));
            puts.spawn(async move { client.kv.put(put(&format!("/registry/secrets/fill/{number}"), &value)).await });
        }
        for put in puts.join_all().await {
            put.unwrap();
        }
    }
    let etcdctl = server.etcdctl();
    let revision = crate::history::revision(&client).await.to_string();
    etcdctl.ok(&["compaction", &revision, "--physical"]).await;
}
