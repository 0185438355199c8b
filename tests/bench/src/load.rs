//! One round: clients that put one key after the other, and how long each put took.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Client, Random, Server};
use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;

/// Puts before the clock starts, for each client: connections, caches and files warm up.
const WARM_UP_PUTS: u64 = 20;

/// Keys that are written, over and over. Enough that no two clients meet.
const KEYS: u64 = 100_000;

/// What a round does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) clients: usize,
    pub(crate) duration: Duration,
    pub(crate) total: u64,
    pub(crate) value_bytes: usize,
    pub(crate) prefix: String,
}

/// What came out of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) puts_per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Runs one round.
pub(crate) async fn round(server: &Server, plan: &Plan) -> Outcome {
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(server.client().await);
    }
    each_client(&connections, plan, &Arc::new(AtomicU64::new(WARM_UP_PUTS * plan.clients as u64))).await;
    let begun = Instant::now();
    let latencies = each_client(&connections, plan, &Arc::new(AtomicU64::new(plan.total))).await;
    Outcome::of(latencies, begun.elapsed())
}

async fn each_client(connections: &[Client], plan: &Plan, left: &Arc<AtomicU64>) -> Vec<Duration> {
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let client = connections[number % connections.len()].clone();
        clients.spawn(put_again_and_again(client, plan.clone(), Arc::clone(left), number as u64));
    }
    clients.join_all().await.concat()
}

async fn put_again_and_again(mut client: Client, plan: Plan, left: Arc<AtomicU64>, number: u64) -> Vec<Duration> {
    let mut random = Random::new(number);
    let mut latencies = Vec::new();
    let end = Instant::now() + plan.duration;
    while Instant::now() < end
        && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    {
        let key = format!("{}{:08}", plan.prefix, random.below(KEYS));
        let request =
            PutRequest { key: key.into(), value: random.word(plan.value_bytes).into(), ..PutRequest::default() };
        let begun = Instant::now();
        client.kv.put(request).await.expect("a put succeeds");
        latencies.push(begun.elapsed());
    }
    latencies
}

impl Outcome {
    fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        assert!(!latencies.is_empty(), "not one put was made");
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        let puts_per_second = latencies.len() as f64 / elapsed.as_secs_f64();
        Self { puts_per_second, p50: at(50), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let latencies = (0..=100).rev().map(Duration::from_millis).collect();
        let outcome = Outcome::of(latencies, Duration::from_secs(10));
        assert_eq!((outcome.p50, outcome.p99), (Duration::from_millis(50), Duration::from_millis(99)));
        assert!((outcome.puts_per_second - 10.1).abs() < 0.001);
    }
}
