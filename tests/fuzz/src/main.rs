//! The program `fuzz`: malformed, absurd and hostile input for every door of a running member, for so many seconds.
//!
//! Two members take it: one over plaintext, where most input gets far, and one over mutual TLS, where most must not. Whatever is
//! sent, all this has to hold:
//!
//! - neither process ends, and neither log says that anything panicked;
//! - a client with sound requests is answered within [`watchdog::ANSWER_MAX`], all the time;
//! - every call that was sent whole is answered or reset within [`call::ANSWER_MAX`], unless waiting is what it is for;
//! - neither process grows beyond the bound on its memory;
//! - at the end both stop in order when told to.
//!
//! ```text
//! fuzz --seconds 600
//! STRONGROOM_SEED=17 fuzz
//! fuzz --floods --seconds 5
//! ```
//!
//! The seed fixes what each worker sends, not how the workers interleave.

mod call;
mod dictionary;
mod flood;
mod frames;
mod gateway;
mod handshake;
mod message;
mod report;
mod schema;
mod watchdog;

use std::{
    io::Write as _,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use harness::{Kind, Program, Random, Seed, Server};
use report::{Report, Tally};
use schema::Schema;
use watchdog::Watchdog;

/// Sends malformed, absurd and hostile input to a running member.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// How long, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many send at the same time
    #[arg(long, default_value_t = 8)]
    workers: u64,
    /// What the process may grow to, in MiB of resident memory
    #[arg(long, default_value_t = 1024)]
    memory_mib_max: u64,
    /// Flood a member in eight ways instead, each for so many seconds, and show what other clients notice
    #[arg(long)]
    floods: bool,
    /// Flood a port in one of them, as `--floods` has a process of its own do
    #[arg(long, hide = true, num_args = 5)]
    pour: Vec<String>,
}

/// What a worker sends to.
#[derive(Debug, Clone)]
struct Target {
    /// A plaintext client listener.
    plain: u16,
    /// Listeners that want mutual TLS: clients, administrators, members.
    tls: [u16; 3],
    certificates: harness::Certificates,
    schema: Arc<Schema>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (arguments, seed) = (Arguments::parse(), Seed::of_this_run());
    if !arguments.pour.is_empty() {
        flood::pour(&arguments.pour).await;
        return ExitCode::SUCCESS;
    }
    if arguments.floods {
        let (text, passed) = floods(arguments.seconds, arguments.memory_mib_max);
        drop(std::io::stdout().write_all(text.as_bytes()));
        return if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut plain = Server::new(Kind::Member { program: Program::Strongroom, tls: None, flags: Vec::new() }).await;
    let mut tls = Server::strongroom_logging("warn").await;
    let target = Target {
        plain: plain.ports().client,
        tls: [tls.ports().client, tls.ports().admin, tls.ports().peer],
        certificates: tls.environment().client_certificates().expect("strongroom dev serves over TLS"),
        schema: Arc::new(Schema::read()),
    };
    let watchdogs = [Watchdog::start("plain", &plain), Watchdog::start("tls", &tls)];
    let tally = attack(&arguments, seed, &target).await;
    let mut report = Report::new(&arguments, seed, tally);
    for watchdog in watchdogs {
        report.watched(watchdog.stop());
    }
    for (name, server) in [("plain", &mut plain), ("tls", &mut tls)] {
        report.ended(name, &server.log(), server.stop().await);
    }
    // Whoever closed the pipe does not want to hear more.
    drop(std::io::stdout().write_all(report.text().as_bytes()));
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All floods. The client beside them has a thread of its own, as a watchdog has.
fn floods(seconds: u64, memory_mib_max: u64) -> (String, bool) {
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(flood::run(seconds, memory_mib_max))
    };
    std::thread::spawn(watch).join().expect("a client does not panic")
}

/// Runs all workers until the time is up.
async fn attack(arguments: &Arguments, seed: Seed, target: &Target) -> Tally {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let workers: Vec<_> = (0..arguments.workers)
        .map(|worker| tokio::spawn(work(Random::new(seed.0 ^ worker << 48), target.clone(), end)))
        .collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(worker.await.expect("a worker does not panic"));
    }
    tally
}

/// One worker: a case of one kind after the other.
async fn work(mut random: Random, target: Target, end: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < end {
        match random.below(10) {
            0..4 => call::case(&mut random, &target, &mut tally).await,
            4..7 => gateway::case(&mut random, &target, &mut tally).await,
            7..9 => frames::case(&mut random, &target, &mut tally).await,
            _ => handshake::case(&mut random, &target, &mut tally).await,
        }
    }
    tally
}
