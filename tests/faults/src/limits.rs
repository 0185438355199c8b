//! Prefixes hold no more than they may and are written no faster; callers ask no more often; deletes are always carried out.

use std::{fs, path::Path, time::Duration};

use harness::{Certificates, Client, Kind, Program, Server, connect};
use proto::{
    admin::audit_client::AuditClient,
    etcdserverpb::{
        DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest, WatchCreateRequest, WatchRequest, WatchResponse,
        watch_request::RequestUnion,
    },
};
use tokio::{sync::mpsc, time::sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::{
    metrics::value,
    offices::{Scene, issued},
};

async fn limited(folder: &Path, file: &str, more: &[&str]) -> Server {
    let path = folder.join("limits.yaml");
    fs::write(&path, file).unwrap();
    let mut flags = vec![format!("--limits-config={}", path.display())];
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    Server::new(Kind::Member { program: Program::Strongroom, tls: None, flags }).await
}

fn put(key: &str, bytes: usize) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: vec![b'x'; bytes].into(), ..PutRequest::default() }
}

fn refused(status: &Status, words: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains(words), "{status}");
}

/// A figure of the page of metrics.
async fn metric(server: &Server, series: &str) -> i64 {
    value(&server.page("/metrics").await.body, series) as i64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_prefix_takes_what_makes_it_smaller_and_others_notice_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = "prefixes:\n- { prefix: /few/, max-keys: 3 }\n- { prefix: /small/, max-bytes: 4KiB }\n";
    let mut server = limited(folder.path(), file, &[]).await;
    let mut kv = server.client().await.kv;
    for key in ["/few/a", "/few/b", "/few/c", "/other/a"] {
        kv.put(put(key, 10)).await.unwrap();
    }
    refused(&kv.put(put("/few/d", 10)).await.unwrap_err(), "the prefix \"/few/\" is full: it may hold 3 keys");
    kv.put(put("/few/a", 1000)).await.unwrap();
    kv.put(put("/other/b", 10)).await.unwrap();
    let txn = |keys: &[&str]| {
        let op = |key: &&str| proto::etcdserverpb::RequestOp {
            request: Some(proto::etcdserverpb::request_op::Request::RequestPut(put(key, 1))),
        };
        TxnRequest { success: keys.iter().map(op).collect(), ..TxnRequest::default() }
    };
    refused(&kv.txn(txn(&["/other/c", "/few/e"])).await.unwrap_err(), "/few/");
    kv.txn(txn(&["/few/a", "/few/b", "/other/c"])).await.unwrap();
    let delete = |key: &str| DeleteRangeRequest { key: key.to_owned().into(), ..DeleteRangeRequest::default() };
    kv.delete_range(delete("/few/a")).await.unwrap();
    kv.put(put("/few/d", 10)).await.unwrap();

    kv.put(put("/small/a", 2000)).await.unwrap();
    refused(&kv.put(put("/small/b", 3000)).await.unwrap_err(), "it may hold 4096 bytes");
    kv.put(put("/small/a", 3500)).await.unwrap();
    kv.put(put("/small/a", 100)).await.unwrap();
    kv.put(put("/small/b", 3000)).await.unwrap();
    let before = [
        metric(&server, "strongroom_prefix_keys{prefix=\"/few/\"}").await,
        metric(&server, "strongroom_prefix_bytes{prefix=\"/small/\"}").await,
    ];
    assert_eq!(before, [3, 8 + 100 + 8 + 3000]);
    assert_eq!(metric(&server, "strongroom_prefix_refused_total{limit=\"keys\",prefix=\"/few/\"}").await, 2);
    assert_eq!(metric(&server, "strongroom_prefix_max{limit=\"bytes\",prefix=\"/small/\"}").await, 4096);
    server.kill();
    server.start().await;
    let after = [
        metric(&server, "strongroom_prefix_keys{prefix=\"/few/\"}").await,
        metric(&server, "strongroom_prefix_bytes{prefix=\"/small/\"}").await,
    ];
    assert_eq!(before, after, "what is counted anew is what was counted as it was written");
    let mut kv = server.client().await.kv;
    refused(&kv.put(put("/few/z", 10)).await.unwrap_err(), "/few/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_write_at_once_do_not_fill_a_prefix_beyond_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path(), "prefixes: [{ prefix: /few/, max-keys: 10 }]\n", &[]).await;
    let writers = (0..20).map(|writer| {
        let client = server.client();
        async move {
            let mut kv = client.await.kv;
            let mut written = 0;
            for key in 0..10 {
                written += i32::from(kv.put(put(&format!("/few/{writer}-{key}"), 1)).await.is_ok());
            }
            written
        }
    });
    let written: i32 = futures::future::join_all(writers).await.into_iter().sum();
    assert_eq!(written, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_is_written_and_a_caller_asks_no_faster_than_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let file = "prefixes: [{ prefix: /slow/, writes-per-second: 2, burst: 3 }]\n\
                identities: [{ identity: '*', requests-per-second: 20, burst: 40 }]\n";
    let server = limited(folder.path(), file, &[]).await;
    let mut kv = server.client().await.kv;
    let (begun, mut passed) = (std::time::Instant::now(), 0);
    let last = loop {
        match kv.put(put("/slow/a", 1)).await {
            Ok(_) => passed += 1,
            Err(status) => break status,
        }
    };
    refused(&last, "the prefix \"/slow/\" is written faster than 2 times a second");
    let most = 4 + 2 * begun.elapsed().as_secs();
    assert!((3..=most).contains(&passed), "{passed}");
    let delete = DeleteRangeRequest { key: "/slow/a".into(), ..DeleteRangeRequest::default() };
    kv.delete_range(delete).await.unwrap();
    sleep(Duration::from_millis(600)).await;
    kv.put(put("/slow/a", 1)).await.unwrap();

    let range = || RangeRequest { key: "x".into(), ..RangeRequest::default() };
    let mut asked = 0;
    let last = loop {
        match kv.range(range()).await {
            Ok(_) => asked += 1,
            Err(status) => break status,
        }
    };
    refused(&last, "127.0.0.1 asks more often than 20 times a second");
    assert!(asked >= 30, "{asked}");
    assert!(metric(&server, "strongroom_identity_refused_total{identity=\"*\",limit=\"rate\"}").await >= 1);
    sleep(Duration::from_millis(200)).await;
    kv.range(range()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_as_many_connections_as_one_may_gets_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path(), "connections: { per-identity: 3 }\n", &[]).await;
    // The one that asked whether it is ready came by another listener.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = server.client().await;
        client.kv.put(put("/a", 1)).await.unwrap();
        held.push(client);
    }
    let fourth = async {
        let channel = connect(server.ports().client, None).await.map_err(|error| error.to_string())?;
        let mut kv = proto::etcdserverpb::kv_client::KvClient::new(channel);
        kv.put(put("/a", 1)).await.map(drop).map_err(|status| status.to_string())
    };
    assert!(fourth.await.is_err());
    held.pop();
    let begun = std::time::Instant::now();
    loop {
        if let Ok(channel) = connect(server.ports().client, None).await
            && proto::etcdserverpb::kv_client::KvClient::new(channel).put(put("/a", 1)).await.is_ok()
        {
            return;
        }
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "who left makes no room");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A call that streams, on a connection of its own, until it is dropped.
#[derive(Debug)]
struct Watched {
    _answers: Streaming<WatchResponse>,
    _requests: mpsc::Sender<WatchRequest>,
}

/// Begins one, and waits until it is answered.
async fn watching(port: u16, who: &Certificates) -> Result<Watched, Status> {
    let (create, requests) = mpsc::channel(1);
    let request = WatchRequest {
        request_union: Some(RequestUnion::CreateRequest(WatchCreateRequest { key: "/a".into(), ..Default::default() })),
    };
    create.send(request).await.unwrap();
    let mut client = Client::new(connect(port, Some(who)).await.unwrap());
    let mut answers = client.watch.watch(ReceiverStream::new(requests)).await?.into_inner();
    answers.message().await?;
    Ok(Watched { _answers: answers, _requests: create })
}

/// Asks until there is room for one more, which has to be soon.
async fn room(port: u16, who: &Certificates) -> Watched {
    let begun = std::time::Instant::now();
    loop {
        match watching(port, who).await {
            Ok(watch) => return watch,
            Err(status) => refused(&status, "streaming calls"),
        }
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "what has ended makes no room");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_has_no_more_streams_than_it_may_until_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.yaml");
    fs::write(&file, "identities: [{ identity: 'CN:trusted', max-streams: 9 }, { identity: '*', max-streams: 2 }]\n")
        .unwrap();
    let scene = Scene::new(&[&*format!("--limits-config={}", file.display())]).await;
    let (port, client) = (scene.server.ports().client, &scene.client);
    let auditor = issued(scene.folder.path(), "auditor", &["--for", "client"]).await;
    let trusted = issued(scene.folder.path(), "trusted", &["--for", "client"]).await;
    let under_way = "strongroom_identity_streams{identity=\"*\"}";
    let mut kv = Client::new(connect(port, Some(client)).await.unwrap()).kv;
    kv.put(put("/a", 1)).await.unwrap();

    let mut held = vec![watching(port, client).await.unwrap(), watching(port, client).await.unwrap()];
    assert_eq!(metric(&scene.server, under_way).await, 2);
    for _ in 0..3 {
        let one_more = watching(port, client).await.unwrap_err();
        refused(&one_more, "CN:client has 2 streaming calls under way, which is as many as it may have");
    }
    // Calls of all kinds that stream count, and no other.
    let list = || RangeRequest { key: "/a".into(), ..RangeRequest::default() };
    refused(&kv.range_stream(list()).await.unwrap_err(), "CN:client has 2 streaming calls");
    let mut lease = Client::new(connect(port, Some(client)).await.unwrap()).lease;
    refused(&lease.lease_keep_alive(futures::stream::pending()).await.unwrap_err(), "CN:client has 2 streaming calls");
    kv.range(list()).await.unwrap();
    let seen: Vec<_> = futures::future::join_all((0..5).map(|_| watching(port, &trusted))).await;
    assert!(seen.iter().all(Result::is_ok), "another one has its own");

    // Streams that the client gives up, and those that come to their end.
    held.pop();
    held.push(room(port, client).await);
    held.clear();
    drop(room(port, client).await);
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let mut answers = loop {
            match kv.range_stream(list()).await {
                Ok(answers) => break answers.into_inner(),
                Err(status) => refused(&status, "streaming calls"),
            }
            assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "what has ended makes no room");
        };
        while answers.message().await.unwrap().is_some() {}
    }

    // What administrators and auditors follow counts as well.
    let mut tails = Vec::new();
    let tail = || proto::admin::TailRequest { follow: true, ..Default::default() };
    let mut audit = AuditClient::new(connect(scene.admin_port, Some(&auditor)).await.unwrap());
    for _ in 0..2 {
        tails.push(audit.tail(tail()).await.unwrap());
    }
    refused(&audit.tail(tail()).await.unwrap_err(), "CN:auditor has 2 streaming calls");
    drop((tails, audit));
    let begun = std::time::Instant::now();
    while metric(&scene.server, under_way).await != 0 {
        assert!(begun.elapsed().as_secs() < harness::ANSWER_SECONDS_MAX, "some are held for ever");
        sleep(Duration::from_millis(50)).await;
    }
    let turned_away = "strongroom_identity_refused_total{identity=\"*\",limit=\"streams\"}";
    assert!(metric(&scene.server, turned_away).await >= 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_mistakes_is_refused_with_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "prefixes: [{ prefix: /a/ }, { prefix: /b/, max-bytes: lots }]\n").unwrap();
    let words = ["serve", "--limits-config", path.to_str().unwrap()];
    let run = harness::run(&words, None).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("prefixes[0]") && run.stderr.contains("prefixes[1]"), "{}", run.stderr);
}
