//! The flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;

use crate::connection::Endpoints;
use crate::error::BenchError;
use crate::keys::{KeySpace, Order};
use crate::workload::{
    lease::LeaseLoad, mixed::MixedLoad, put::PutLoad, range::RangeLoad, txn::TxnLoad, watch::WatchLoad,
};

/// Most clients: each is a task, and each may have a call under way.
pub const CLIENTS_MAX: u64 = 100_000;
/// Most connections: each is a file, and few systems allow a process more.
pub const CONNECTIONS_MAX: u64 = 10_000;
/// Most streams of watches.
pub const STREAMS_MAX: u64 = 100_000;
/// Most watchers.
pub const WATCHERS_MAX: u64 = 1_000_000;
/// Most keys: `txn` remembers a revision (8 bytes) of each.
pub const KEYS_MAX: u64 = 100_000_000;
/// Longest value in bytes; etcd's own limit is 1.5 MiB.
pub const VALUE_BYTES_MAX: u64 = 64 << 20;
/// Highest `--rate` for each second.
pub const RATE_MAX: f64 = 10_000_000.0;

/// Time that is measured when neither `--duration` nor `--total` is given.
const DURATION: Duration = Duration::from_secs(10);

/// Clients when `--clients` is not given.
const CLIENTS: usize = 16;

/// Keys when `--keys` is not given.
const KEYS: u64 = 10_000;

/// Clients that share a connection when `--conns` is not given.
const CLIENTS_OF_A_CONNECTION: usize = 16;

/// `bench`: measures an endpoint that speaks the etcd v3 API.
#[derive(Clone, Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    pub(crate) workload: Workload,
}

/// What is asked of the endpoint.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Workload {
    /// Put keys: at random, one after the other, or a few far more often than the others
    Put(Run<PutLoad>),
    /// Update objects as kube-apiserver does: put if the revision is the known one, else read it
    Txn(Run<TxnLoad>),
    /// Read one key, a list, a list page by page, or a count
    Range(Run<RangeLoad>),
    /// Read and put keys
    Mixed(Run<MixedLoad>),
    /// Watch keys that are put, from the put to the event at each watcher
    Watch(Run<WatchLoad>),
    /// Keep leases alive
    Lease(Run<LeaseLoad>),
}

/// A workload, and what all of them take.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Run<W: clap::Args> {
    #[command(flatten)]
    pub(crate) own: W,
    #[command(flatten)]
    pub(crate) endpoints: Endpoints,
    #[command(flatten)]
    pub(crate) load: Load,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How much, how fast and how long.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct Load {
    /// Connections [default: one for every 16 clients]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=CONNECTIONS_MAX))]
    pub(crate) conns: Option<usize>,
    /// Clients, spread over the connections; each waits for an answer before its next request [default: 16; 1 that puts for
    /// watch]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=CLIENTS_MAX))]
    pub(crate) clients: Option<usize>,
    /// Requests per second of all clients together; latencies then count from when a request was due [default: as many as
    /// are answered]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Time before measuring begins
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) warm_up: Duration,
    /// Time that is measured [default: 10s, or until --total is reached]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Requests that are measured, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) total: Option<u64>,
    /// A request without an answer has failed after this time
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// The same seed makes the same choices of keys and values
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// End well even though calls failed
    #[arg(long)]
    pub(crate) allow_errors: bool,
}

/// What the result becomes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print one JSON document rather than a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw throughput and latencies over time into this file (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// The keys and values.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct Data {
    /// Everything written is below this
    #[arg(long, default_value = "bench/", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) prefix: String,
    /// Keys that are used [default: 10000; 1 for watch]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=KEYS_MAX))]
    pub(crate) keys: Option<u64>,
    /// Bytes of a key with its prefix [default: 32, or what prefix and number need]
    #[arg(long, value_name = "N")]
    pub(crate) key_bytes: Option<usize>,
    /// Bytes of a value
    #[arg(long, value_name = "N", default_value = "256",
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=VALUE_BYTES_MAX))]
    pub(crate) value_bytes: usize,
    /// Leave the keys there. Without it they are deleted, unless there were any below the prefix before
    #[arg(long)]
    pub(crate) keep: bool,
}

/// The order of keys.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct Sequence {
    /// Which key is next
    #[arg(long, value_enum, default_value_t = Order::Random)]
    pub(crate) order: Order,
}

/// Keys that have to be there before.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct Prepare {
    /// Keys that are written first, unless they are there [default: all of --keys]
    #[arg(long, value_name = "N")]
    prepare: Option<u64>,
}

impl Sequence {
    /// What the order is called.
    pub(crate) fn name(&self) -> &'static str {
        match self.order {
            Order::Random => "random",
            Order::Sequential => "sequential",
            Order::Hot => "hot",
        }
    }
}

impl Data {
    /// Of a workload that has neither keys nor values.
    pub(crate) fn none() -> Self {
        Self { prefix: String::new(), keys: None, key_bytes: None, value_bytes: 0, keep: true }
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> u64 {
        self.keys.unwrap_or(KEYS)
    }

    /// The keys.
    ///
    /// # Errors
    /// [`BenchError::Arguments`] for a length that is too small.
    pub(crate) fn key_space(&self, count: u64) -> Result<KeySpace, BenchError> {
        KeySpace::new(&self.prefix, self.key_bytes, count).map_err(|least| {
            let (key_bytes, prefix) = (self.key_bytes.unwrap_or_default(), &self.prefix);
            BenchError::Arguments(format!(
                "--key-bytes {key_bytes} is too small for --prefix {prefix:?} and {count} keys; it takes {least} or more"
            ))
        })
    }
}

impl Prepare {
    /// How many keys to have.
    ///
    /// # Errors
    /// [`BenchError::Arguments`] for more than there are.
    pub(crate) fn count(&self, keys: u64) -> Result<u64, BenchError> {
        match self.prepare {
            Some(count) if count > keys => Err(BenchError::Arguments(format!(
                "--prepare {count} is more than the {keys} keys that are used; raise --keys, too"
            ))),
            count => Ok(count.unwrap_or(keys)),
        }
    }
}

impl Load {
    /// How many clients there are.
    pub(crate) fn clients(&self) -> usize {
        self.clients.unwrap_or(CLIENTS)
    }

    /// Time that is measured; none when only the total counts.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration.or_else(|| self.total.is_none().then_some(DURATION))
    }

    /// Connections for so many users of them, which are called `name`.
    ///
    /// # Errors
    /// [`BenchError::Arguments`] when some would be idle.
    pub(crate) fn connections(&self, users: usize, name: &str) -> Result<usize, BenchError> {
        match self.conns {
            Some(conns) if conns > users => Err(BenchError::Arguments(format!(
                "--conns {conns} is more than the {users} of {name}, so some would be idle; raise {name} or lower --conns"
            ))),
            Some(conns) => Ok(conns),
            None => Ok(users.div_ceil(CLIENTS_OF_A_CONNECTION)),
        }
    }

    /// # Errors
    /// [`BenchError::Arguments`] for times in which nothing can be measured.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        for (name, time) in [("--duration", self.duration), ("--timeout", Some(self.timeout))] {
            if time == Some(Duration::ZERO) {
                return Err(BenchError::Arguments(format!("{name} is zero; give it a time such as 10s")));
            }
        }
        Ok(())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= RATE_MAX);
    rate.ok_or_else(|| format!("it has to be a number above 0, up to {RATE_MAX}"))
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
