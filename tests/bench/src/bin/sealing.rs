//! The program `sealing`: what a sealed prefix costs. Puts and lists under one and under a prefix in plain text, in turn, on one
//! member that syncs every put.
//!
//! ```text
//! sealing --rounds 9 --seconds 5
//! ```
//!
//! Each round does the same under both prefixes, and the next one in the other order, so that what drifts falls on both. A
//! ratio is taken within each round; the table gives the median of those.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Parser;
use harness::{Client, Random, Server};
use proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::task::JoinSet;

/// Sealed by `strongroom dev`, and not. They are equally long.
const SEALED: &str = "/registry/secrets/";
const PLAIN: &str = "/registry/plainly/";

/// Compares a sealed prefix with one in plain text.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// Clients that put, each on a connection of its own
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// Clients that list, each on a connection of its own
    #[arg(long, default_value_t = 8)]
    readers: usize,
    /// Keys of a list
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// Bytes of each value
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
    /// Rounds of each work
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Length of each half of a round in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Work {
    Put,
    List,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let server = Server::strongroom_logging("warn").await;
    let mut connections = Vec::new();
    for _ in 0..arguments.writers.max(arguments.readers) {
        connections.push(server.client().await);
    }
    for prefix in [SEALED, PLAIN] {
        fill(&connections, prefix, &arguments).await;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{:<6} {:>12} {:>12} {:>22}", "work", "plain /s", "sealed /s", "sealed to plain")?;
    for (name, work) in [("put", Work::Put), ("list", Work::List)] {
        let (mut plain, mut sealed, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=arguments.rounds {
            let order = if round % 2 == 0 { [PLAIN, SEALED] } else { [SEALED, PLAIN] };
            let mut rates = [0.0; 2];
            for prefix in order {
                rates[usize::from(prefix == SEALED)] = rate(&connections, work, prefix, &arguments).await;
            }
            // The first one warms up.
            if round > 0 {
                plain.push(rates[0]);
                sealed.push(rates[1]);
                ratios.push(rates[1] / rates[0]);
            }
        }
        let [least, middle, most] = spread(&mut ratios);
        let ([_, plain, _], [_, sealed, _]) = (spread(&mut plain), spread(&mut sealed));
        writeln!(out, "{name:<6} {plain:>12.1} {sealed:>12.1} {middle:>8.3} ({least:.3}-{most:.3})")?;
    }
    Ok(())
}

/// Least, median and most.
fn spread(numbers: &mut [f64]) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [numbers[0], numbers[numbers.len() / 2], numbers[numbers.len() - 1]]
}

/// The keys of the list, and only those: puts go elsewhere below the same prefix.
fn listed(prefix: &str) -> String {
    format!("{prefix}listed/")
}

async fn fill(connections: &[Client], prefix: &'static str, arguments: &Arguments) {
    let mut writers = JoinSet::new();
    for (number, client) in connections.iter().enumerate() {
        let (mut client, arguments, step) = (client.clone(), arguments.clone(), connections.len());
        writers.spawn(async move {
            let mut random = Random::new(number as u64);
            for key in (number as u64..arguments.keys).step_by(step) {
                let value = random.word(arguments.value_bytes);
                let request = PutRequest {
                    key: format!("{}{key:08}", listed(prefix)).into(),
                    value: value.into(),
                    ..PutRequest::default()
                };
                client.kv.put(request).await.expect("a put succeeds");
            }
        });
    }
    writers.join_all().await;
}

/// How often the work was done in a second, by all clients together.
async fn rate(connections: &[Client], work: Work, prefix: &'static str, arguments: &Arguments) -> f64 {
    let clients = match work {
        Work::Put => arguments.writers,
        Work::List => arguments.readers,
    };
    let (begun, length) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let mut done = JoinSet::new();
    for (number, client) in connections.iter().take(clients).enumerate() {
        let (client, arguments) = (client.clone(), arguments.clone());
        done.spawn(async move {
            match work {
                Work::Put => puts(client, prefix, &arguments, number as u64, begun + length).await,
                Work::List => lists(client, prefix, &arguments, begun + length).await,
            }
        });
    }
    let count: u64 = done.join_all().await.into_iter().sum();
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn puts(mut client: Client, prefix: &str, arguments: &Arguments, number: u64, end: Instant) -> u64 {
    let (mut random, mut count) = (Random::new(number), 0);
    // Making values is not what is measured.
    let value = Bytes::from(random.word(arguments.value_bytes));
    while Instant::now() < end {
        let key = format!("{prefix}put/{:08}", random.below(arguments.keys));
        let request = PutRequest { key: key.into(), value: value.clone(), ..PutRequest::default() };
        client.kv.put(request).await.expect("a put succeeds");
        count += 1;
    }
    count
}

async fn lists(mut client: Client, prefix: &str, arguments: &Arguments, end: Instant) -> u64 {
    let (key, mut range_end) = (listed(prefix), listed(prefix).into_bytes());
    *range_end.last_mut().expect("a prefix is not empty") += 1;
    let mut count = 0;
    while Instant::now() < end {
        let request =
            RangeRequest { key: key.clone().into(), range_end: range_end.clone().into(), ..RangeRequest::default() };
        let answer = client.kv.range(request).await.expect("a list succeeds").into_inner();
        assert_eq!(answer.kvs.len() as u64, arguments.keys, "the list is whole");
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median_and_prefixes_are_equally_long() {
        assert_eq!(spread(&mut [3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(SEALED.len(), PLAIN.len());
    }
}
