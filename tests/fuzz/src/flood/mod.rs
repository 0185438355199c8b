//! One flood after the other over the client listener of a member with mutual TLS, and what a client with sound requests notices.
//!
//! | flood | what it does |
//! |---|---|
//! | `busy` | nothing but to use what is left of the processors: what other floods cost beyond that is the member's |
//! | `idle` | ten thousand connections that never say a word |
//! | `half-hello` | as many that send half of a ClientHello |
//! | `stalled` | a thousand that send a whole ClientHello, and nothing after it |
//! | `handshakes` | connections that are made, proven by certificate, and left, over and over |
//! | `slow-headers` | connections that send the head of a request a byte at a time, HTTP/1.1 and HTTP/2 |
//! | `large-headers` | requests whose headers are far larger than any |
//! | `rapid-reset` | streams that are opened and reset at once (CVE-2023-44487) |
//! | `continuation` | headers without an end (CVE-2024-27316) |
//!
//! What floods behind a handshake does so with a client's certificate. The figures depend on the machine, which floods and is
//! flooded; only a failed request, and memory beyond its bound, are failures.

mod pour;

use std::time::{Duration, Instant};

use harness::{Certificates, Client, Server};
use proto::etcdserverpb::RangeRequest;
use tokio::time::{sleep, timeout};

use crate::watchdog;
pub(crate) use pour::pour;
use pour::{ALL, Flood, Pouring};

/// How long a flood goes on before anything is measured.
const SETTLE: Duration = Duration::from_secs(2);

/// Longest time until a new client is let in.
const ENTRY_MAX: Duration = Duration::from_secs(30);

/// What was seen while one flood went on.
struct Seen {
    answers: usize,
    p50: Duration,
    p99: Duration,
    /// Of the member, in processors.
    load: f64,
    memory_mib: u64,
    /// How long a new client waited until it was answered.
    entered: Option<Duration>,
    failures: Vec<String>,
}

/// A member and the client that goes on beside the floods.
struct Scene {
    server: Server,
    certificates: Certificates,
    client: Client,
    time: Duration,
}

/// Every flood for so many seconds; the table, and whether nothing failed.
pub(crate) async fn run(seconds: u64, memory_mib_max: u64) -> (String, bool) {
    let server = Server::strongroom_logging("error").await;
    let certificates = server.environment().client_certificates().expect("strongroom dev serves over TLS");
    let channel = harness::connect(server.ports().client, Some(&certificates)).await;
    let client = Client::new(channel.expect("a ready server takes connections"));
    let scene = Scene { server, certificates, client, time: Duration::from_secs(seconds) };
    let mut text = format!(
        "{:<15}{:>12}{:>11}{:>9}{:>9}{:>9}{:>9}{:>8}{:>10}{:>6}\n",
        "FLOOD", "CONNECTIONS", "ANSWERS/S", "P50 MS", "P99 MS", "TO CALM", "TO BUSY", "LOAD", "ENTRY MS", "MIB"
    );
    let calm = scene.look().await;
    let (mut busy, mut failures) = (calm.p99, calm.failures.clone());
    text += &row("(none)", 0, &calm, [calm.p99, busy], scene.time);
    for (name, flood) in ALL {
        let pouring = Pouring::start(flood, scene.server.ports().client, &scene.certificates);
        sleep(SETTLE).await;
        let seen = scene.look().await;
        let connections = pouring.stop().await;
        if flood == Flood::Busy {
            busy = seen.p99;
        } else if connections == 0 {
            failures.push(format!("{name}: nothing was flooded"));
        }
        text += &row(name, connections, &seen, [calm.p99, busy], scene.time);
        failures.extend(seen.failures.iter().map(|failure| format!("{name}: {failure}")));
        if seen.memory_mib > memory_mib_max {
            failures.push(format!("{name}: the member grew to {} MiB; the bound is {memory_mib_max}", seen.memory_mib));
        }
        if seen.entered.is_none() {
            failures.push(format!("{name}: a new client was not let in within {ENTRY_MAX:?}"));
        }
        sleep(SETTLE).await;
    }
    text += &if failures.is_empty() { "passed\n".to_owned() } else { format!("FAILED\n{}\n", failures.join("\n")) };
    (text, failures.is_empty())
}

fn row(name: &str, connections: u64, seen: &Seen, [calm, busy]: [Duration; 2], time: Duration) -> String {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let ratio = |other: Duration| seen.p99.as_secs_f64() / other.as_secs_f64();
    let entered = seen.entered.map_or_else(|| "-".to_owned(), |entered| format!("{:.0}", ms(entered)));
    format!(
        "{name:<15}{connections:>12}{:>11.0}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>8.2}{entered:>10}{:>6}\n",
        seen.answers as f64 / time.as_secs_f64(),
        ms(seen.p50),
        ms(seen.p99),
        ratio(calm),
        ratio(busy),
        seen.load,
        seen.memory_mib
    )
}

impl Scene {
    /// One linearizable read after the other, and then a new client.
    async fn look(&self) -> Seen {
        let process = self.server.process_id();
        let (begun, mut took, mut failures) = (Instant::now(), Vec::new(), Vec::new());
        let used = watchdog::processor_time(process);
        while begun.elapsed() < self.time {
            let asked = Instant::now();
            match timeout(watchdog::ANSWER_MAX, self.client.clone().kv.range(read())).await {
                Ok(Ok(_)) => took.push(asked.elapsed()),
                Ok(Err(status)) => failures.push(format!("a sound request was answered: {status}")),
                Err(_) => failures.push(format!("a sound request was not answered within {:?}", watchdog::ANSWER_MAX)),
            }
            // As clients do: it is not a race.
            sleep(Duration::from_millis(2)).await;
        }
        let used = watchdog::processor_time(process).saturating_sub(used);
        let load = used.as_secs_f64() / begun.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default();
        let (p50, p99) = (at(0.5), at(0.99));
        let memory_mib = watchdog::memory_mib(process).unwrap_or_default();
        Seen { answers: took.len(), p50, p99, load, memory_mib, entered: self.entry().await, failures }
    }

    async fn entry(&self) -> Option<Duration> {
        let begun = Instant::now();
        let enter = async {
            let channel = harness::connect(self.server.ports().client, Some(&self.certificates)).await.ok()?;
            Client::new(channel).kv.range(read()).await.ok()
        };
        timeout(ENTRY_MAX, enter).await.ok().flatten().map(|_| begun.elapsed())
    }
}

fn read() -> RangeRequest {
    RangeRequest { key: "flood".into(), ..RangeRequest::default() }
}
