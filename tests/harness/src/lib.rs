//! Servers for tests: the built `strongroom` program and a real etcd, started, driven, killed and started again.
//!
//! The end-to-end tests and the bench see Strongroom as a user does: a program with a directory, ports, certificates and a log.
//! So this crate depends on none of the host's crates, only on the wire (`proto`).
//! It is *not* an in-process cluster and knows nothing of what is inside the program: [`Cluster`] starts processes and puts a
//! proxy before each peer listener ([`Links`]). A cluster whose members have disks of their own needs root to mount them.
//!
//! Invariants:
//! - Every server listens on 127.0.0.1 only, on ports that no other server of this run was given.
//! - Every server and every `etcdctl` ends with the value that stands for it: dropped means killed, by process id.
//! - Every wait has a bound ([`START_SECONDS_MAX`], [`STOP_SECONDS_MAX`], [`ANSWER_SECONDS_MAX`]); running into it panics with
//!   the end of the server's log.
//!
//! What goes wrong in here is a broken test run, not a result: it panics with a sentence that says what to do.
//!
//! ```no_run
//! # async fn example() {
//! let mut server = harness::Server::strongroom().await;
//! server.etcdctl().ok(&["put", "a", "1"]).await;
//! server.kill();
//! server.start().await;
//! assert_eq!(server.etcdctl().ok(&["get", "a", "--print-value-only"]).await, "1\n");
//! # }
//! ```
//!
//! Environment: `STRONGROOM_BIN` names the program to test (default: the one built beside the running test), `ETCD_BIN` the etcd
//! to compare with (see [`reference()`]),
//! `STRONGROOM_SEED` the seed of a run to repeat (see [`Seed`]), and `STRONGROOM_SUBJECT=etcd` puts etcd in Strongroom's place,
//! which tests the cases rather than the program (see [`Server::subject`]).

mod callers;
mod certificates;
mod client;
mod cluster;
mod disk;
mod environment;
mod etcdctl;
mod http;
mod kms_plugin;
mod link;
mod member;
mod newcomer;
mod ports;
mod process;
mod program;
mod seed;
mod server;
mod watching;

pub use certificates::Certificates;
pub use client::{Client, connect, connect_lazy};
pub use cluster::{Cluster, ClusterOptions, PATIENT};
pub use environment::Environment;
pub use etcdctl::{Etcdctl, Finished, Running};
pub use http::{Request, Response, get, send};
pub use kms_plugin::KmsPlugin;
pub use link::{Condition, Links};
pub use newcomer::Newcomer;
pub use ports::{Ports, free_port};
pub use process::Process;
pub use program::{Program, Run, binary, reference, run};
pub use seed::{Random, Seed};
pub use server::{EtcdTls, Kind, Server};
pub use watching::Watching;

/// Longest start of a server. A first start makes certificates and compiles a plugin; on a loaded machine that takes seconds.
pub const START_SECONDS_MAX: u64 = 90;

/// Longest orderly stop.
pub const STOP_SECONDS_MAX: u64 = 30;

/// Longest wait for one answer or one line. Far above what any takes, so that only a hang runs into it.
pub const ANSWER_SECONDS_MAX: u64 = 30;
