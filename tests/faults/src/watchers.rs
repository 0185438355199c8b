//! Thousands of watches, on one stream and on many, while one client never reads.
//!
//! `STRONGROOM_WATCHES` is how many (default [`WATCHES`]).

use std::{
    collections::HashMap,
    env,
    time::{Duration, Instant},
};

use harness::{Client, Server, Watching};
use proto::etcdserverpb::{PutRequest, WatchCreateRequest};
use tokio::task::JoinSet;

/// Watches without a word from the environment: enough that one pass over all of them for each event would show.
const WATCHES: usize = 2000;

/// Events that every watch receives.
const EVENTS: usize = 20;

/// Puts of a large value that only the client which does not read would receive. With their size they fill every buffer
/// between the server and it.
const LARGE_PUTS: usize = 64;
const LARGE_BYTES: usize = 64 * 1024;

/// Connections that the streams share.
const CONNECTIONS: usize = 8;

/// Watches that are asked for before their answers are read: fewer than the buffers on the way hold.
const CREATES: usize = 16;

fn watches() -> usize {
    env::var("STRONGROOM_WATCHES").map_or(WATCHES, |number| number.parse().expect("STRONGROOM_WATCHES is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_stream_each_event_comes_once_and_in_order() {
    each_event_once(1, watches()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_many_streams_each_event_comes_once_and_in_order() {
    each_event_once(watches().div_ceil(100), 100).await;
}

/// Half of the watches share a prefix, the other half have a key each.
async fn each_event_once(streams: usize, of_each: usize) {
    let server = Server::subject().await;
    let mut writer = server.client().await;
    let mut silent = server.client().await.watch();
    silent.create(everything()).await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS.min(streams) {
        connections.push(server.client().await);
    }
    let begun = Instant::now();
    let mut open = Vec::new();
    for stream in 0..streams {
        open.push(open_watches(&connections[stream % connections.len()], of_each).await);
    }
    let (opened, resident) = (begun.elapsed(), server.resident_bytes().0);
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for stream in open {
        readers.spawn(read_all(stream, of_each));
    }
    let own = put_everything(&mut writer, of_each).await;
    let written = begun.elapsed();
    let received: usize = readers.join_all().await.into_iter().sum();
    println!(
        "{streams} streams of {of_each} watches: opened in {opened:?}, {own} puts in {written:?}, {received} events \
         received after {:?}; memory {} MiB before, {} MiB at most",
        begun.elapsed(),
        resident >> 20,
        server.resident_bytes().1 >> 20,
    );
    reads_at_last(&mut silent, own).await;
}

fn everything() -> WatchCreateRequest {
    WatchCreateRequest { key: "\0".into(), range_end: "\0".into(), ..WatchCreateRequest::default() }
}

fn own_key(number: usize) -> String {
    format!("/own/{number:06}")
}

/// Opens the watches of one stream: those with an even number on `/all/`, the others on a key of their own.
async fn open_watches(client: &Client, count: usize) -> Watching {
    let mut stream = client.watch();
    let request = |number: usize| match number % 2 {
        0 => WatchCreateRequest { key: "/all/".into(), range_end: "/all0".into(), ..WatchCreateRequest::default() },
        _ => WatchCreateRequest { key: own_key(number).into(), ..WatchCreateRequest::default() },
    };
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(CREATES) {
        for number in some {
            stream.create(request(*number)).await;
        }
        for number in some {
            let answer = stream.next().await;
            assert!(answer.created && !answer.canceled, "{answer:?}");
            assert_eq!(usize::try_from(answer.watch_id), Ok(*number));
        }
    }
    stream
}

/// Puts what all watches receive, what single ones receive, and what only the silent client would. Gives how many puts.
async fn put_everything(writer: &mut Client, of_each: usize) -> usize {
    let mut puts = 0;
    for round in 0..EVENTS {
        put(writer, "/all/x", round.to_string()).await;
        put(writer, &own_key((2 * round + 1) % of_each.max(2)), round.to_string()).await;
        puts += 2;
        for large in 0..LARGE_PUTS / EVENTS {
            put(writer, &format!("/large/{large}"), "x".repeat(LARGE_BYTES)).await;
            puts += 1;
        }
    }
    puts
}

async fn put(client: &mut Client, key: &str, value: String) {
    let request = PutRequest { key: key.to_owned().into(), value: value.into(), ..PutRequest::default() };
    client.kv.put(request).await.expect("a put succeeds");
}

/// Reads until every watch of the stream has all its events, and checks that none came twice or out of order.
async fn read_all(mut stream: Watching, watches: usize) -> usize {
    let own: usize = (0..EVENTS).filter(|round| (2 * round + 1) % watches.max(2) < watches).count();
    let wanted = watches.div_ceil(2) * EVENTS + own;
    let (mut received, mut newest) = (0, HashMap::new());
    while received < wanted {
        let answer = stream.next().await;
        assert!(!answer.canceled, "{answer:?}");
        for event in answer.events {
            let kv = event.kv.expect("an event has a key");
            let before = newest.insert(answer.watch_id, kv.mod_revision).unwrap_or(0);
            assert!(before < kv.mod_revision, "watch {} saw {before} and then {}", answer.watch_id, kv.mod_revision);
            let number = usize::try_from(answer.watch_id).expect("ids are chosen from zero on");
            let expected = if number % 2 == 0 { "/all/x".to_owned() } else { own_key(number) };
            assert_eq!(kv.key, expected.as_bytes(), "watch {number}");
            received += 1;
        }
    }
    assert!(stream.next_within(100).await.is_none(), "nothing comes twice");
    received
}

/// The client that did not read finds everything when it does.
async fn reads_at_last(silent: &mut Watching, puts: usize) {
    let begun = Instant::now();
    assert!(silent.next().await.created);
    let revisions: Vec<_> =
        silent.events(puts).await.into_iter().map(|event| event.kv.expect("an event has a key").mod_revision).collect();
    assert!(revisions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "each revision once, in order: {revisions:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
