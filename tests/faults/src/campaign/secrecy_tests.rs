//! Sealed values in a cluster: what members tell each other, and one that has no root key.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use faults::search::{Canary, found};
use harness::{Client, Cluster, ClusterOptions, Random, Seed};
use prost::Message as _;
use proto::{
    admin::{KeyStatusRequest, RotateRequest, SettleRequest, keys_client::KeysClient},
    etcdserverpb::{
        CompactionRequest, Compare, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest, RequestOp,
        TxnRequest, WatchCreateRequest,
        compare::{CompareResult, CompareTarget, TargetUnion},
        request_op::Request,
    },
};
use tokio::time::sleep;
use tonic::{Code, Status};

use super::{
    CANARY_LENGTH, authority::Authority, catch_up::snapshots, joining::Joining, leadership, membership::client,
    round::different_hashes,
};
use crate::traffic::field::SEALED;

/// The member without a root key.
const KEYLESS: usize = 2;

/// Longest time until something that needs an election, a snapshot or a rotation has come about.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Entries between snapshots, and kept behind one.
const SNAPSHOT_ENTRIES: u64 = 50;

struct Scene {
    cluster: Cluster,
    authority: Authority,
    clients: Vec<Client>,
    random: Random,
    sealed: Vec<Canary>,
}

impl Scene {
    async fn new() -> Self {
        let seed = Seed::of_this_run();
        println!("to repeat: {seed}");
        let authority = Authority::new().unwrap();
        let mut flags = authority.flags();
        flags.extend(harness::PATIENT.map(str::to_owned));
        flags.push(format!("--snapshot-count={SNAPSHOT_ENTRIES}"));
        flags.push("--log-level=debug".to_owned());
        flags.push(format!("--snapshot-catchup-entries={SNAPSHOT_ENTRIES}"));
        let own_flags = BTreeMap::from([(KEYLESS, vec!["--seal-provider=none".to_owned()])]);
        let cluster = Cluster::start(ClusterOptions {
            members: 3,
            program: harness::binary(),
            flags,
            own_flags,
            fail_points: Vec::new(),
            disk_bytes: None,
        })
        .await;
        let clients = (0..cluster.size()).map(|member| client(&cluster, member)).collect();
        Self { cluster, authority, clients, random: Random::new(seed.0), sealed: Vec::new() }
    }

    fn canary(&mut self, way: &'static str) -> String {
        let canary = Canary::new(way, self.random.word(CANARY_LENGTH));
        self.sealed.push(canary.clone());
        canary.word
    }

    async fn put(&self, member: usize, key: &str, value: &str) -> Result<(), Status> {
        self.clients[member].kv.clone().put(put(key, value)).await.map(drop)
    }

    async fn get(&self, member: usize, key: &str) -> Result<String, Status> {
        let answer = self.clients[member].kv.clone().range(range(key)).await?.into_inner();
        Ok(String::from_utf8(answer.kvs[0].value.to_vec()).unwrap())
    }

    /// Makes a member lead.
    async fn lead(&self, member: usize) {
        let begun = Instant::now();
        while leadership::leader(&self.cluster).await != Some(member) {
            assert!(begun.elapsed() < PATIENCE, "m{member} does not get to lead");
            if let Some(leader) = leadership::leader(&self.cluster).await {
                leadership::hand_over(&self.cluster, leader, member).await;
            }
            sleep(POLL).await;
        }
    }

    /// Replaces the data key through a member, and waits until nothing is sealed with the old one.
    async fn rotate(&self, member: usize) {
        let port = self.cluster.ports(member).admin;
        let channel = harness::connect(port, Some(&self.authority.administrator())).await.unwrap();
        let mut keys = KeysClient::new(channel);
        keys.rotate(RotateRequest::default()).await.unwrap();
        let begun = Instant::now();
        while !keys.settle(SettleRequest { wait_ms: 1000 }).await.unwrap().into_inner().settled {
            assert!(begun.elapsed() < PATIENCE, "values are not sealed anew");
        }
    }

    /// Writes down what each member tells of itself, so that it is looked through with the files.
    async fn write_down(&self) {
        let folder = self.cluster.home().join("told");
        fs::create_dir_all(&folder).unwrap();
        for member in 0..self.cluster.size() {
            for (number, path) in ["/metrics", "/readyz?verbose", "/health", "/version"].into_iter().enumerate() {
                let page = harness::get(self.cluster.ports(member).metrics, path).await.unwrap();
                assert!(!page.body.is_empty(), "{path}");
                fs::write(folder.join(format!("m{member}-{number}")), page.body).unwrap();
            }
            let port = self.cluster.ports(member).admin;
            let channel = harness::connect(port, Some(&self.authority.administrator())).await.unwrap();
            let status = KeysClient::new(channel).status(KeyStatusRequest {}).await.unwrap().into_inner();
            fs::write(folder.join(format!("m{member}-keys")), status.encode_to_vec()).unwrap();
        }
    }

    /// Looks for every word in every file of every member, their logs and whatever else lies in the cluster's folder.
    fn nowhere(&self, when: &str) {
        let found = found(&self.sealed, self.cluster.home());
        assert!(found.is_empty(), "{when}: {found:?}");
    }
}

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() }
}

fn range(key: &str) -> RangeRequest {
    RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() }
}

fn sealed_key(name: &str) -> String {
    format!("{SEALED}{name}")
}

async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < PATIENCE, "{what} has not come about");
        sleep(POLL).await;
    }
}

/// Every way in which a value gets in, through one member.
async fn ways_in(scene: &mut Scene, member: usize) {
    let turn = scene.random.word(8);
    let name = |way: &str| sealed_key(&format!("{turn}/{way}"));
    let client = scene.clients[member].clone();
    let (first, second) = (scene.canary("put that was overwritten"), scene.canary("put over another"));
    scene.put(member, &name("put"), &first).await.unwrap();
    let over = PutRequest { prev_kv: true, ..put(&name("put"), &second) };
    assert_eq!(client.kv.clone().put(over).await.unwrap().into_inner().prev_kv.unwrap().value, first);
    let leased = scene.canary("put with a lease");
    let lease = client.lease.clone().lease_grant(LeaseGrantRequest { ttl: 10, id: 0 }).await.unwrap().into_inner().id;
    client.kv.clone().put(PutRequest { lease, ..put(&name("leased"), &leased) }).await.unwrap();
    let (guess, branch) = (scene.canary("compare operand"), scene.canary("put in a transaction"));
    for (operand, result) in [(&second, CompareResult::Equal), (&guess, CompareResult::NotEqual)] {
        let compare = Compare {
            result: result.into(),
            target: CompareTarget::Value.into(),
            key: name("put").into(),
            target_union: Some(TargetUnion::Value(operand.clone().into())),
            ..Compare::default()
        };
        let success = vec![RequestOp { request: Some(Request::RequestPut(put(&name("txn"), &branch))) }];
        let txn = TxnRequest { compare: vec![compare], success, ..TxnRequest::default() };
        assert!(client.kv.clone().txn(txn).await.unwrap().into_inner().succeeded);
    }
    let deletion = DeleteRangeRequest { key: name("txn").into(), prev_kv: true, ..DeleteRangeRequest::default() };
    assert_eq!(client.kv.clone().delete_range(deletion).await.unwrap().into_inner().prev_kvs[0].value, branch);
    let mut stream = client.watch();
    let history = WatchCreateRequest {
        key: name("put").into(),
        start_revision: 1,
        prev_kv: true,
        ..WatchCreateRequest::default()
    };
    stream.create(history).await;
    stream.next().await;
    assert_eq!(stream.events(2).await[1].kv.as_ref().unwrap().value, second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_tell_each_other_nothing_in_plain_text_and_one_without_a_key_has_none() {
    let mut scene = Scene::new().await;
    let tap = scene.cluster.home().join("tap");
    scene.cluster.links().tap(&tap);
    let control = Canary::new("control", scene.random.word(CANARY_LENGTH));
    for member in [0, 1] {
        scene.lead(member).await;
        // Through the leader, and forwarded to it.
        scene.put(1 - member, &format!("/open/{member}"), &control.word).await.unwrap();
        ways_in(&mut scene, member).await;
        ways_in(&mut scene, 1 - member).await;
        scene.nowhere("after writes through leader and follower");
    }
    let found: Vec<_> = control.files(scene.cluster.home()).into_iter().map(|(file, _)| file).collect();
    assert!(found.contains(&tap), "the tap hears nothing: {found:?}");
    let keyless = scene.cluster.data(KEYLESS);
    assert!(found.iter().any(|file| file.starts_with(&keyless)), "nothing is found with the keyless one: {found:?}");

    // One member is away for longer than the log reaches back, so that it is sent a snapshot.
    scene.cluster.kill(1);
    scene.lead(0).await;
    let missed = scene.canary("put that a member missed");
    let begun = Instant::now();
    // Then its leader finds that it lacks what the log does not have any more. It is not purged while it is being sent.
    while !String::from_utf8_lossy(&scene.cluster.log(0)).contains("a snapshot was not sent") {
        assert!(begun.elapsed() < PATIENCE * 3, "the log is not purged");
        for number in 0..SNAPSHOT_ENTRIES {
            scene.put(0, &sealed_key(&format!("missed/{number}")), &format!("{missed}-{number}")).await.unwrap();
        }
        sleep(Duration::from_millis(500)).await;
    }
    scene.cluster.launch(1);
    scene.cluster.ready(1, PATIENCE).await.unwrap();
    assert!(snapshots(&scene.cluster, 1).await.is_some_and(|count| count > 0.0), "it was sent no snapshot");
    scene.nowhere("after a snapshot between members");

    // A learner joins, gets a vote, and goes.
    let joining = Joining::begin(&mut scene.cluster, &mut scene.random).await.expect("a member can be added");
    let mut complaints = Vec::new();
    assert!(joining.end(&scene.cluster, &mut complaints).await, "it does not get a vote");
    assert_eq!(complaints, [""; 0]);
    scene.nowhere("after a member has joined");

    let answer = scene.clients[0].kv.clone().range(range("/open/0")).await.unwrap().into_inner();
    let revision = answer.header.unwrap().revision;
    let compaction = CompactionRequest { revision, physical: true };
    scene.clients[0].kv.clone().compact(compaction).await.unwrap();
    scene.rotate(1).await;
    scene.write_down().await;
    scene.nowhere("after a compaction and a rotation");
    assert_eq!(different_hashes(&scene.clients, revision).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_a_key_keeps_the_quorum_when_another_one_is_lost() {
    let mut scene = Scene::new().await;
    let (value, other) = (scene.canary("put"), scene.canary("put after the loss"));
    let (control, key) = (Canary::new("control", scene.random.word(CANARY_LENGTH)), sealed_key("a"));
    scene.put(0, &key, &value).await.unwrap();
    scene.put(0, "/open", &control.word).await.unwrap();
    assert_eq!(scene.get(KEYLESS, "/open").await.unwrap(), control.word);
    for refused in [scene.get(KEYLESS, &key).await.map(drop), scene.put(KEYLESS, &key, &other).await] {
        let status = refused.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains("no root key"), "{status}");
    }

    scene.cluster.kill(0);
    until("a write", async || scene.put(1, &key, &other).await.is_ok()).await;
    assert_eq!(scene.get(1, &key).await.unwrap(), other);
    scene.put(KEYLESS, "/open/2", "too").await.unwrap();
    assert_eq!(scene.get(1, "/open/2").await.unwrap(), "too");

    // It leads, and seals nothing anew: it lets the other one do that.
    scene.lead(KEYLESS).await;
    scene.rotate(1).await;
    assert_eq!(scene.get(1, &key).await.unwrap(), other);
    assert_eq!(leadership::leader(&scene.cluster).await, Some(1));

    scene.cluster.launch(0);
    scene.cluster.ready(0, PATIENCE).await.unwrap();
    assert_eq!(scene.get(0, &key).await.unwrap(), other);
    assert_eq!(different_hashes(&scene.clients, 0).await, None);
    let files = control.files(&scene.cluster.data(KEYLESS));
    assert!(!files.is_empty(), "nothing is found with the keyless one");
    scene.nowhere("at the end");
}
