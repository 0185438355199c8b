//! The load generator behind `strongroom bench`: it asks any endpoint that speaks the etcd v3 API, Strongroom or etcd, for as much
//! as it is told to, and says how fast the answers came.
//!
//! ```text
//!  Bench (flags) --> Session (connections, keys, values) --> a worker for each client --+-- schedule: when to begin
//!                                                                                       +-- recorder: how long it took
//!  Report <-- series (a point each second, totals) <------------------------------------'
//!    '--> table, JSON, SVG
//! ```
//!
//! It is *not* a test of correctness and not a comparison: it drives one endpoint (or one cluster) with one workload. It knows
//! nothing of Strongroom beyond etcd's wire.
//!
//! Invariants:
//! - A call that failed is never counted as a success. It is counted under its gRPC code, and [`Bench::run`] fails for it
//!   unless `--allow-errors` is given.
//! - With `--rate`, a latency begins when the request was due, not when a client was free to send it: a server that stalls is
//!   charged for all who waited. What was due and never sent is reported as unsent.
//! - A watch that misses, repeats or reorders an event makes the run fail, `--allow-errors` or not.
//! - All keys written are `--prefix` followed by digits. They are deleted at the end, unless `--keep` is given or there were keys
//!   below the prefix before: a key that was there is never deleted.
//! - Values are random bytes: a store that compresses gains nothing.
//!
//! Limits: [`CLIENTS_MAX`], [`CONNECTIONS_MAX`], [`WATCHERS_MAX`], [`KEYS_MAX`], [`RATE_MAX`]. A latency is kept in microseconds with
//! three significant digits, up to an hour. Memory does not grow with the length of a run, but for one point a second.
//!
//! What is measured depends on what was written just before. etcd 3.4.23 answered 3.5 times fewer point reads for as long as it ran
//! after the burst of `--prepare` (its read buffer stays as large as it ever was, and each read copies it). To compare reads, let one
//! run `--prepare` with `--keep`, start the server again, and measure with another run.
//!
//! Failure: everything that stops a run is a [`BenchError`], one sentence that says what to do. Ctrl-C ends a run early, with its
//! report; a second one ends the program.
//!
//! ```no_run
//! use clap::Parser;
//!
//! #[derive(Parser)]
//! struct Arguments {
//!     #[command(flatten)]
//!     bench: load::Bench,
//! }
//!
//! # async fn example() -> Result<(), load::BenchError> {
//! let arguments = Arguments::parse_from(["bench", "put", "--endpoints", "127.0.0.1:2379", "--clients", "64"]);
//! arguments.bench.run(&mut std::io::stdout()).await
//! # }
//! ```

mod arguments;
mod bench;
mod connection;
mod credentials;
mod dataset;
mod driver;
mod error;
mod interrupt;
mod keys;
mod plot;
mod progress;
mod random;
mod recorder;
mod report;
mod schedule;
mod series;
mod session;
mod table;
mod values;
mod workload;

pub use arguments::{
    Bench, CLIENTS_MAX, CONNECTIONS_MAX, KEYS_MAX, RATE_MAX, STREAMS_MAX, VALUE_BYTES_MAX, WATCHERS_MAX,
};
pub use error::BenchError;
pub use report::{Failure, Latency, OperationReport, Report, Settings};
pub use series::Point;
