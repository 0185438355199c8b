//! A client with sound requests, and an eye on the process, while others send what they like.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use harness::{Certificates, Client, Server};
use proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

/// Longest wait for the answer to a sound request.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How often one is sent.
const PERIOD: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) name: &'static str,
    pub(crate) answers: u64,
    pub(crate) slowest: Duration,
    pub(crate) memory_mib: u64,
    pub(crate) failures: Vec<String>,
}

/// Watches one member from a thread of its own, so that the workers' load is not taken for the member's.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Watched>,
}

impl Watchdog {
    pub(crate) fn start(name: &'static str, server: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (until, port, process) = (Arc::clone(&stop), server.ports().client, server.process_id());
        let certificates = server.environment().client_certificates();
        let watch = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime starts");
            runtime.block_on(watch(name, port, process, certificates.as_ref(), &until))
        };
        Self { stop, thread: thread::spawn(watch) }
    }

    pub(crate) fn stop(self) -> Watched {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a watchdog does not panic")
    }
}

async fn watch(
    name: &'static str,
    port: u16,
    process: u32,
    certificates: Option<&Certificates>,
    until: &AtomicBool,
) -> Watched {
    let mut seen = Watched { name, answers: 0, slowest: Duration::ZERO, memory_mib: 0, failures: Vec::new() };
    let channel = harness::connect(port, certificates).await.expect("a ready server takes connections");
    let mut client = Client::new(channel);
    while !until.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match timeout(ANSWER_MAX, ask(&mut client)).await {
            Ok(Ok(())) => seen.answers += 1,
            Ok(Err(status)) => seen.failures.push(format!("a sound request was answered: {status}")),
            Err(_) => seen.failures.push(format!("a sound request was not answered within {ANSWER_MAX:?}")),
        }
        seen.slowest = seen.slowest.max(begun.elapsed());
        match memory_mib(process) {
            Some(now) => seen.memory_mib = seen.memory_mib.max(now),
            None => seen.failures.push("the process is gone".to_owned()),
        }
        if seen.failures.len() > 20 {
            break;
        }
        sleep(PERIOD).await;
    }
    seen
}

/// A write and a read. What the fuzzing itself brings about, such as an alarm, is an answer, too.
async fn ask(client: &mut Client) -> Result<(), Status> {
    let put = client.kv.put(PutRequest { key: "watchdog".into(), value: "v".into(), ..PutRequest::default() }).await;
    let get = client.kv.range(RangeRequest { key: "watchdog".into(), ..RangeRequest::default() }).await;
    for status in [put.map(drop), get.map(drop)].into_iter().filter_map(Result::err) {
        if [Code::Unavailable, Code::Internal, Code::Unknown, Code::Cancelled].contains(&status.code()) {
            return Err(status);
        }
    }
    Ok(())
}

/// The resident memory of a process.
pub(crate) fn memory_mib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// What the kernel counts in: hundredths of a second on every Linux that there is.
const TICKS_PER_SECOND: u64 = 100;

/// How long a process has had a processor so far; nothing for one that does not run.
pub(crate) fn processor_time(process: u32) -> Duration {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Its name, in brackets, may hold anything; user time and system time are the 12th and 13th field behind it.
    let fields = line.rsplit_once(')').map(|(_, fields)| fields.split_whitespace()).into_iter().flatten();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

#[test]
fn this_process_has_a_size_and_has_had_a_processor() {
    assert!(memory_mib(std::process::id()).is_some_and(|mib| mib > 0));
    assert_eq!(memory_mib(u32::MAX), None);
    let begun = Instant::now();
    while processor_time(std::process::id()) < Duration::from_millis(50) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it has had none");
    }
    assert_eq!(processor_time(u32::MAX), Duration::ZERO);
}
