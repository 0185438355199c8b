//! One flood after the other over the client listener of a member with mutual TLS, and what a client with sound requests notices.
//!
//! | flood | what it does |
//! |---|---|
//! | `idle` | ten thousand connections that never say a word |
//! | `half hello` | as many that send half of a ClientHello |
//! | `slow headers` | connections that send the head of a request a byte at a time, HTTP/1.1 and HTTP/2 |
//! | `large headers` | requests whose headers are far larger than any |
//! | `rapid reset` | streams that are opened and reset at once (CVE-2023-44487) |
//! | `continuation` | headers without an end (CVE-2024-27316) |
//!
//! What floods behind a handshake does so with a client's certificate. The figures depend on the machine, which floods and is
//! flooded; only a failed request, and memory beyond its bound, are failures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Certificates, Client, Server};
use proto::etcdserverpb::RangeRequest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{frames, handshake, watchdog};

/// Connections of a flood that costs its sender nothing.
const MANY: usize = 10_000;

/// Connections of one that does.
const FEW: usize = 20;

/// Between two blows on one connection, so that flooding leaves the flooded something of the machine.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a flood goes on before anything is measured.
const SETTLE: Duration = Duration::from_secs(2);

/// Longest time until a new client is let in.
const ENTRY_MAX: Duration = Duration::from_secs(30);

/// A kind of flood.
#[derive(Debug, Clone, Copy)]
enum Flood {
    Idle,
    HalfHello,
    SlowHeaders,
    LargeHeaders,
    RapidReset,
    Continuation,
}

const ALL: [(&str, Flood); 6] = [
    ("idle", Flood::Idle),
    ("half hello", Flood::HalfHello),
    ("slow headers", Flood::SlowHeaders),
    ("large headers", Flood::LargeHeaders),
    ("rapid reset", Flood::RapidReset),
    ("continuation", Flood::Continuation),
];

/// Where the flood goes.
#[derive(Clone)]
struct Shore {
    port: u16,
    certificates: Certificates,
    stop: Arc<AtomicBool>,
    connections: Arc<AtomicU64>,
}

/// What a client saw.
struct Seen {
    answers: usize,
    p50: Duration,
    p99: Duration,
    failures: Vec<String>,
}

/// Every flood for so many seconds; the table, and whether nothing failed.
pub(crate) async fn run(seconds: u64, memory_mib_max: u64) -> (String, bool) {
    let server = Server::strongroom_logging("error").await;
    let port = server.ports().client;
    let certificates = server.environment().client_certificates().expect("strongroom dev serves over TLS");
    let channel = harness::connect(port, Some(&certificates)).await.expect("a ready server takes connections");
    let (client, time) = (Client::new(channel), Duration::from_secs(seconds));
    let mut text = format!(
        "{:<14}{:>12}{:>12}{:>10}{:>10}{:>9}{:>12}{:>8}\n",
        "FLOOD", "CONNECTIONS", "ANSWERS/S", "P50 MS", "P99 MS", "RATIO", "ENTRY MS", "MIB"
    );
    let mut failures = Vec::new();
    let calm = measure(&client, time).await;
    row(&mut text, "(none)", 0, &calm, 1.0, time, entry(port, &certificates).await, memory(&server));
    for (name, flood) in ALL {
        let shore =
            Shore { port, certificates: certificates.clone(), stop: Arc::default(), connections: Arc::default() };
        let flooding = tokio::spawn(pour(flood, shore.clone()));
        sleep(SETTLE).await;
        let seen = measure(&client, time).await;
        let (entered, memory_mib) = (entry(port, &certificates).await, memory(&server));
        shore.stop.store(true, Ordering::Relaxed);
        flooding.await.expect("a flood does not panic");
        let ratio = seen.p99.as_secs_f64() / calm.p99.as_secs_f64();
        let connections = shore.connections.load(Ordering::Relaxed);
        row(&mut text, name, connections, &seen, ratio, time, entered, memory_mib);
        failures.extend(seen.failures.iter().map(|failure| format!("{name}: {failure}")));
        if memory_mib > memory_mib_max {
            failures.push(format!("{name}: the member grew to {memory_mib} MiB; the bound is {memory_mib_max}"));
        }
        if entered.is_none() {
            failures.push(format!("{name}: a new client was not let in within {ENTRY_MAX:?}"));
        }
        if connections == 0 {
            failures.push(format!("{name}: nothing was flooded"));
        }
        sleep(SETTLE).await;
    }
    let passed = failures.is_empty() && calm.failures.is_empty();
    text += &if passed { "passed\n".to_owned() } else { format!("FAILED\n{}\n", failures.join("\n")) };
    (text, passed)
}

#[expect(clippy::too_many_arguments, reason = "a row has as many cells")]
fn row(
    text: &mut String,
    name: &str,
    connections: u64,
    seen: &Seen,
    ratio: f64,
    time: Duration,
    entered: Option<Duration>,
    memory_mib: u64,
) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let rate = seen.answers as f64 / time.as_secs_f64();
    let entered = entered.map_or_else(|| "-".to_owned(), |entered| format!("{:.0}", ms(entered)));
    *text += &format!(
        "{name:<14}{connections:>12}{rate:>12.0}{:>10.2}{:>10.2}{ratio:>9.2}{entered:>12}{memory_mib:>8}\n",
        ms(seen.p50),
        ms(seen.p99)
    );
}

/// One linearizable read after the other.
async fn measure(client: &Client, time: Duration) -> Seen {
    let (begun, mut took, mut failures) = (Instant::now(), Vec::new(), Vec::new());
    while begun.elapsed() < time {
        let asked = Instant::now();
        let request = RangeRequest { key: "flood".into(), ..RangeRequest::default() };
        match timeout(watchdog::ANSWER_MAX, client.clone().kv.range(request)).await {
            Ok(Ok(_)) => took.push(asked.elapsed()),
            Ok(Err(status)) => failures.push(format!("a sound request was answered: {status}")),
            Err(_) => failures.push(format!("a sound request was not answered within {:?}", watchdog::ANSWER_MAX)),
        }
        // As clients do: it is not a race.
        sleep(Duration::from_millis(2)).await;
    }
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default();
    Seen { answers: took.len(), p50: at(0.5), p99: at(0.99), failures }
}

/// How long a new client waits until it is answered.
async fn entry(port: u16, certificates: &Certificates) -> Option<Duration> {
    let begun = Instant::now();
    let enter = async {
        let channel = harness::connect(port, Some(certificates)).await.ok()?;
        Client::new(channel).kv.range(RangeRequest { key: "flood".into(), ..RangeRequest::default() }).await.ok()
    };
    timeout(ENTRY_MAX, enter).await.ok().flatten().map(|_| begun.elapsed())
}

fn memory(server: &Server) -> u64 {
    watchdog::memory_mib(server.process_id()).unwrap_or_default()
}

async fn pour(flood: Flood, shore: Shore) {
    let count = match flood {
        Flood::Idle | Flood::HalfHello => MANY,
        Flood::SlowHeaders => MANY / 10,
        Flood::LargeHeaders | Flood::RapidReset | Flood::Continuation => FEW,
    };
    let mut connections = JoinSet::new();
    for _ in 0..count {
        connections.spawn(connection(flood, shore.clone()));
    }
    connections.join_all().await;
}

/// One connection, made again whenever the member closes it.
async fn connection(flood: Flood, shore: Shore) {
    while !shore.stop.load(Ordering::Relaxed) {
        let flooded = match flood {
            Flood::Idle => silent(&shore, b"").await,
            // A record of 512 bytes, of which only the head of the ClientHello comes.
            Flood::HalfHello => silent(&shore, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await,
            Flood::SlowHeaders => slow(&shore).await,
            Flood::LargeHeaders => blows(&shore, &frames::large_headers()).await,
            Flood::RapidReset => blows(&shore, &frames::rapid_resets()).await,
            Flood::Continuation => blows(&shore, &frames::endless_headers()).await,
        };
        if flooded.is_none() {
            sleep(PAUSE).await;
        }
    }
}

async fn connect(shore: &Shore) -> Option<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", shore.port)).await.ok()?;
    shore.connections.fetch_add(1, Ordering::Relaxed);
    Some(stream)
}

async fn connect_with_tls(shore: &Shore) -> Option<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(shore.certificates.for_rustls(false));
    connector.connect(handshake::name(), connect(shore).await?).await.ok()
}

/// Says this and no more.
async fn silent(shore: &Shore, bytes: &[u8]) -> Option<()> {
    let mut stream = connect(shore).await?;
    stream.write_all(bytes).await.ok()?;
    let mut answer = [0; 64];
    while !shore.stop.load(Ordering::Relaxed) {
        match timeout(Duration::from_millis(500), stream.read(&mut answer)).await {
            Ok(Ok(1..)) | Err(_) => {}
            Ok(_) => return None,
        }
    }
    Some(())
}

/// A byte each half second, in turn of HTTP/1.1 and HTTP/2.
async fn slow(shore: &Shore) -> Option<()> {
    let mut stream = connect_with_tls(shore).await?;
    let bytes = match shore.connections.load(Ordering::Relaxed) % 2 {
        0 => b"GET /health HTTP/1.1\r\nhost: x\r\nx: ".to_vec(),
        _ => frames::unfinished_head(),
    };
    stream.write_all(&bytes[..bytes.len() / 2]).await.ok()?;
    for byte in &bytes[bytes.len() / 2..] {
        if shore.stop.load(Ordering::Relaxed) {
            break;
        }
        sleep(Duration::from_millis(500)).await;
        stream.write_all(&[*byte]).await.ok()?;
        stream.flush().await.ok()?;
    }
    Some(())
}

/// The same bytes on a new connection, until that is closed.
async fn blows(shore: &Shore, bytes: &[u8]) -> Option<()> {
    let mut stream = connect_with_tls(shore).await?;
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()?;
    let mut answer = vec![0; 64 * 1024];
    drop(timeout(PAUSE, stream.read(&mut answer)).await);
    sleep(PAUSE).await;
    Some(())
}
