//! What a run came to.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::series::Point;

/// The result of a run: what is printed as a table, or as JSON with these names.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub settings: Settings,
    /// Time over which the rates are taken, in seconds: without the warm-up.
    pub elapsed_seconds: f64,
    /// What was measured; the operation that the workload is about comes first.
    pub operations: Vec<OperationReport>,
    /// Calls that failed, by gRPC code. None of them is in `operations`.
    pub failures: BTreeMap<String, Failure>,
    /// With a rate, requests that were due and that no client was free to send before the end.
    pub unsent: u64,
    /// Reads that were answered, but found nothing.
    pub missed: u64,
    /// Events that watchers did not get.
    pub lost: u64,
    /// Events that watchers got beyond the puts that were sent.
    pub excess: u64,
    /// Events that came twice or out of order.
    pub disordered: u64,
    /// What a reader should know.
    pub remarks: Vec<String>,
    /// One for each operation and second.
    pub points: Vec<Point>,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Name of the subcommand, and what tells it from its like.
    pub workload: String,
    /// Where the servers are.
    pub endpoints: Vec<String>,
    /// Connections.
    pub connections: usize,
    /// Clients, spread over the connections.
    pub clients: usize,
    /// Keys that may be asked for.
    pub keys: u64,
    /// Bytes of a key.
    pub key_bytes: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Requests for each second; none means as many as are answered.
    pub rate: Option<f64>,
    /// Makes the same choices again.
    pub seed: u64,
}

/// One kind of call, or of event.
#[derive(Clone, Debug, Serialize)]
pub struct OperationReport {
    /// What it is.
    pub name: &'static str,
    /// How many were answered.
    pub count: u64,
    /// The same for each second.
    pub per_second: f64,
    /// How long they took.
    #[serde(flatten)]
    pub latency: Latency,
}

/// How long calls took, in microseconds. All zero when there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Latency {
    pub mean_us: f64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Latency {
    /// Of what a histogram of microseconds holds.
    pub(crate) fn of(latencies: &Histogram<u64>) -> Self {
        if latencies.is_empty() {
            return Self::default();
        }
        let at = |quantile| latencies.value_at_quantile(quantile);
        let (p50_us, p90_us, p99_us, p999_us) = (at(0.5), at(0.9), at(0.99), at(0.999));
        Self { mean_us: latencies.mean(), p50_us, p90_us, p99_us, p999_us, max_us: latencies.max() }
    }
}

/// Calls that failed with the same code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// How many.
    pub count: u64,
    /// What the first was told.
    pub example: String,
}

impl Report {
    /// Calls that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|failure| failure.count).sum()
    }

    /// Calls that were answered, and events that were received.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.operations.iter().map(|operation| operation.count).sum()
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! A report for the tests of what is made of it.

    use super::*;

    /// Two seconds of puts, without a fault; and an operation that did not happen.
    pub(crate) fn report() -> Report {
        let latency = Latency {
            mean_us: 1500.0,
            p50_us: 1000,
            p90_us: 2000,
            p99_us: 12_345,
            p999_us: 123_456,
            max_us: 1_234_567,
        };
        let operation = |name, count| OperationReport { name, count, per_second: count as f64 / 2.0, latency };
        let point = |at_seconds| Point { operation: "put", at_seconds, count: 1000, per_second: 1000.0, latency };
        Report {
            settings: Settings {
                workload: "put, random keys".to_owned(),
                endpoints: vec!["http://127.0.0.1:2379".to_owned()],
                connections: 1,
                clients: 16,
                keys: 10_000,
                key_bytes: 32,
                value_bytes: 256,
                rate: None,
                seed: 1,
            },
            elapsed_seconds: 2.0,
            operations: vec![operation("put", 2000), operation("conflict", 0)],
            failures: BTreeMap::new(),
            unsent: 0,
            missed: 0,
            lost: 0,
            excess: 0,
            disordered: 0,
            remarks: Vec::new(),
            points: vec![point(1.0), point(2.0)],
        }
    }
}
