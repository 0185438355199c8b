//! A snapshot is saved over connections that break, and by a command that does.

use std::{
    fs, io,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Certificates, Environment, Random, Run};
use proto::etcdserverpb::PutRequest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
    time::sleep,
};

use super::restored;
use crate::offices::{Scene, done, issued, text};

/// What passes from the member before a connection breaks or stands still.
const PASSES: u64 = 2 << 20;

/// What a connection does once that has passed.
#[derive(Clone, Copy)]
enum Then {
    Breaks,
    Stands,
    GoesOn,
}

/// A proxy before the member, whose connections do as this says, each in its turn and the last one for all that follow.
struct Proxy {
    port: u16,
    connections: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    async fn before(member: u16, fates: &'static [Then]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, passed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (counted, counting) = (connections.clone(), passed.clone());
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let number = usize::try_from(counted.fetch_add(1, Ordering::Relaxed)).unwrap();
                open.spawn(carry(client, member, fates[number.min(fates.len() - 1)], counting.clone()));
            }
        });
        Self { port, connections, passed, _accepting: accepting }
    }
}

/// Ends with the connection.
async fn carry(mut client: TcpStream, member: u16, then: Then, passed: Arc<AtomicU64>) {
    let mut server = TcpStream::connect(("127.0.0.1", member)).await.unwrap();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut own = 0;
    loop {
        let carried: io::Result<usize> = tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(read) if read > 0 => server.write_all(&up[..read]).await.map(|()| read),
                ended => ended,
            },
            read = server.read(&mut down) => match read {
                Ok(read) if read > 0 => {
                    own += read as u64;
                    passed.fetch_add(read as u64, Ordering::Relaxed);
                    client.write_all(&down[..read]).await.map(|()| read)
                }
                ended => ended,
            },
        };
        match then {
            _ if !carried.is_ok_and(|bytes| bytes > 0) => return,
            Then::Breaks if own >= PASSES => return,
            Then::Stands if own >= PASSES => {
                // Until the client is gone.
                while client.read(&mut up).await.is_ok_and(|read| read > 0) {}
                return;
            }
            _ => {}
        }
    }
}

/// A member with more than passes of one connection, and an operator of backups.
async fn filled() -> (Scene, Certificates) {
    let scene = Scene::new(&[]).await;
    let backup = issued(scene.folder.path(), "backup", &["--for", "client"]).await;
    let (mut client, mut random) = (scene.server.client().await, Random::new(5));
    for number in 0..200 {
        let value = random.word(50_000).into();
        client.kv.put(PutRequest { key: format!("/{number}").into(), value, ..PutRequest::default() }).await.unwrap();
    }
    (scene, backup)
}

async fn saved(proxy: &Proxy, backup: &Certificates, file: &Path) -> Run {
    let words = ["snapshot", "save", text(file), "-o", "json"];
    harness::run(&words, Environment::administration(proxy.port, backup).iter()).await
}

/// That the file is whole and is what was asked for, and nothing is left beside it or with the member.
async fn assert_whole(scene: &Scene, run: &Run, file: &Path) {
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["bytes"].as_u64().unwrap(), fs::metadata(file).unwrap().len());
    let verified = harness::run(&["snapshot", "status", text(file), "-o", "json"], None).await;
    done(&verified);
    let verified: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(verified["sha256"], told["sha256"]);
    let left = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".part")).collect();
    assert!(left.is_empty(), "{left:?}");
    let kept = || fs::read_dir(scene.server.dir().join("backup")).map_or(0, Iterator::count);
    let begun = Instant::now();
    while kept() > 0 {
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "the member keeps what has arrived");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_gone_on_with_where_the_connection_broke() {
    let (scene, backup) = filled().await;
    let proxy = Proxy::before(scene.admin_port, &[Then::Breaks, Then::Breaks, Then::GoesOn]).await;
    let file = scene.folder.path().join("snapshot.db");
    let run = saved(&proxy, &backup, &file).await;
    done(&run);
    assert_whole(&scene, &run, &file).await;
    assert!(run.stderr.contains("trying again"), "{}", run.stderr);
    // Two that broke, the one that brought the rest, and the word that all has arrived.
    assert_eq!(proxy.connections.load(Ordering::Relaxed), 4);
    let (passed, bytes) = (proxy.passed.load(Ordering::Relaxed), fs::metadata(&file).unwrap().len());
    assert!(bytes > 3 * PASSES && passed < bytes + PASSES, "{passed} bytes for {bytes}");
    let copy = restored(&file, &[], &[]).await;
    let keys = copy.etcdctl().ok(&["get", "/", "--prefix", "--keys-only"]).await;
    assert_eq!(keys.lines().filter(|line| line.starts_with('/')).count(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_goes_on_where_an_earlier_one_was_killed() {
    let (scene, backup) = filled().await;
    let proxy = Proxy::before(scene.admin_port, &[Then::Stands, Then::GoesOn]).await;
    let file = scene.folder.path().join("snapshot.db");
    let part = file.with_added_extension("part");
    let mut command = Command::new(harness::binary());
    command.args(["snapshot", "save", text(&file)]).envs(Environment::administration(proxy.port, &backup).iter());
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let begun = Instant::now();
    while fs::metadata(&part).map_or(0, |part| part.len()) < PASSES / 2 {
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "nothing arrives");
        sleep(Duration::from_millis(20)).await;
    }
    killed.kill().await.unwrap();
    let (arrived, before) = (fs::metadata(&part).unwrap().len(), proxy.passed.load(Ordering::Relaxed));
    // What is written meanwhile is not in it.
    scene.etcdctl(&scene.client, false).ok(&["put", "/later", "x"]).await;
    let run = saved(&proxy, &backup, &file).await;
    done(&run);
    assert_whole(&scene, &run, &file).await;
    assert!(run.stderr.contains(&format!("going on with {} at {arrived} bytes", part.display())), "{}", run.stderr);
    let (passed, bytes) = (proxy.passed.load(Ordering::Relaxed) - before, fs::metadata(&file).unwrap().len());
    assert!(passed < bytes - arrived + PASSES / 2, "{passed} bytes for {bytes} of which {arrived} were there");
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["revision"], 201);

    // What the member does not know any more is saved from its beginning.
    let again = scene.folder.path().join("again.db");
    fs::write(again.with_added_extension("part"), "of another snapshot").unwrap();
    fs::write(again.with_added_extension("part.id"), "0123").unwrap();
    let run = saved(&proxy, &backup, &again).await;
    done(&run);
    assert_whole(&scene, &run, &again).await;
    assert!(run.stderr.contains("from its beginning"), "{}", run.stderr);
}
