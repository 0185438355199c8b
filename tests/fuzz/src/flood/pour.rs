//! What floods: a process of its own, of the lowest priority, so that what it costs itself is not taken for what it costs the member.

use std::{
    fmt, hint,
    io::Write as _,
    num::NonZero,
    path::PathBuf,
    process::Stdio,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use harness::Certificates;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{frames, handshake};

/// Connections of a flood that costs its sender nothing.
const MANY: usize = 10_000;

/// Connections of one that does.
const FEW: usize = 20;

/// Between two blows on one connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A kind of flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    Busy,
    Idle,
    HalfHello,
    Stalled,
    Handshakes,
    SlowHeaders,
    LargeHeaders,
    RapidReset,
    Continuation,
}

/// All of them, the one that floods nothing first.
pub(crate) const ALL: [(&str, Flood); 9] = [
    ("busy", Flood::Busy),
    ("idle", Flood::Idle),
    ("half-hello", Flood::HalfHello),
    ("stalled", Flood::Stalled),
    ("handshakes", Flood::Handshakes),
    ("slow-headers", Flood::SlowHeaders),
    ("large-headers", Flood::LargeHeaders),
    ("rapid-reset", Flood::RapidReset),
    ("continuation", Flood::Continuation),
];

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(ALL.iter().find(|(_, flood)| flood == self).map_or("?", |(name, _)| name))
    }
}

impl FromStr for Flood {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, flood)| *flood).ok_or_else(|| format!("there is no flood {text}"))
    }
}

/// The process that floods.
pub(crate) struct Pouring(Child);

impl Pouring {
    /// Starts it.
    pub(crate) fn start(flood: Flood, port: u16, certificates: &Certificates) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(program).arg("--pour").arg(flood.to_string()).arg(port.to_string());
        command.args([&certificates.authority, &certificates.certificate, &certificates.key]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        Self(command.spawn().expect("it can be started"))
    }

    /// Ends it; how many connections it has made.
    pub(crate) async fn stop(mut self) -> u64 {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().await.expect("it ends");
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("it says how many connections it has made")
    }
}

/// Where the flood goes.
#[derive(Clone)]
struct Shore {
    port: u16,
    certificates: Certificates,
    stop: Arc<AtomicBool>,
    connections: Arc<AtomicU64>,
}

/// Floods until nobody is left who started it, then prints how many connections there were. `words` are those of [`Pouring::start`].
pub(crate) async fn pour(words: &[String]) {
    let [flood, port, authority, certificate, key] = words else { panic!("flood, port and three files are needed") };
    let certificates = Certificates {
        authority: PathBuf::from(authority),
        certificate: PathBuf::from(certificate),
        key: PathBuf::from(key),
    };
    let (flood, port) = (flood.parse().expect("a flood"), port.parse().expect("a port"));
    let shore = Shore { port, certificates, stop: Arc::default(), connections: Arc::default() };
    let flooding = tokio::spawn(flow(flood, shore.clone()));
    let stdin = tokio::task::spawn_blocking(|| drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink())));
    stdin.await.expect("waiting does not panic");
    shore.stop.store(true, Ordering::Relaxed);
    // What still waits for an answer is left to itself.
    drop(timeout(Duration::from_secs(1), flooding).await);
    let connections = shore.connections.load(Ordering::Relaxed).to_string();
    std::io::stdout().write_all(connections.as_bytes()).expect("whoever started it listens");
}

async fn flow(flood: Flood, shore: Shore) {
    let count = match flood {
        Flood::Busy => return spin(&shore),
        Flood::Idle | Flood::HalfHello => MANY,
        Flood::Stalled | Flood::SlowHeaders => MANY / 10,
        Flood::Handshakes | Flood::LargeHeaders | Flood::RapidReset | Flood::Continuation => FEW,
    };
    let mut connections = JoinSet::new();
    for _ in 0..count {
        connections.spawn(connection(flood, shore.clone()));
    }
    connections.join_all().await;
}

/// Uses all that is left of the processors, and sends nothing.
fn spin(shore: &Shore) {
    for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
        let stop = Arc::clone(&shore.stop);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                hint::spin_loop();
            }
        });
    }
}

/// One connection, made again whenever the member closes it.
async fn connection(flood: Flood, shore: Shore) {
    while !shore.stop.load(Ordering::Relaxed) {
        let flooded = match flood {
            Flood::Busy => return,
            Flood::Idle => silent(&shore, b"").await,
            // A record of 512 bytes, of which only the head of the ClientHello comes.
            Flood::HalfHello => silent(&shore, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await,
            Flood::Stalled => silent(&shore, &handshake::hello(&shore.certificates)).await,
            Flood::Handshakes => connect_with_tls(&shore).await.map(drop),
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
    let mut answer = [0; 4096];
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

#[test]
fn a_flood_is_called_by_its_name() {
    for (name, flood) in ALL {
        assert_eq!((name.parse(), flood.to_string().as_str()), (Ok(flood), name));
    }
}
