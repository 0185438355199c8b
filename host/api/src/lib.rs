//! The doors of a member: etcd's gRPC services and its JSON gateway, the admin services, and the pages for probes and
//! monitoring.
//!
//! ```text
//!  socket -> listener -> calls: gate ------------------> service -> convert -> flow::Member
//!            TLS,        |      class of the call,       one file    wire <->
//!            Caller      |      administrator, metrics   for each    types
//!                        `-> pages: front -> probes, metrics
//!                                   hosts, `-> gateway: JSON <-> messages, to the gate
//!                                   CORS
//! ```
//!
//! It is *not* where anything is decided about data: a door parses, hands over to [`flow::Member`] and encodes the
//! answer.
//!
//! Invariants:
//! - Every RPC has a class in one table. What is not in the table is not served; a test compares it with the
//!   descriptors.
//! - A call of class admin, oversight or backup reaches its handler only with the evidence of that office, made by the gate from the
//!   verified certificate of the connection. On the admin listener every call takes an office.
//! - A call that changes the cluster or takes its data away is carried out once the audit log has it: the gate sees to that.
//! - One map turns errors into gRPC codes and texts. Where etcd has the error, code and text are etcd's.
//! - No value, key or token is logged, counted or put into an error's text.
//!
//! Limits: writes of [`flow::MemberConfig::max_request_bytes`], messages of [`MESSAGE_OVERHEAD_BYTES`] more from clients
//! and of [`ADMIN_MESSAGE_BYTES_MAX`] from administrators, half of the processors for the
//! handshakes of a listener, of at most [`HANDSHAKE_TIMEOUT`] each ([`HANDSHAKE_TIMEOUT_IN_A_CROWD`] among many), [`UNFINISHED_MAX`] connections of a listener that have not ended theirs,
//! [`HANDSHAKE_TIMEOUT`] for the first bytes after it, [`DRAIN_TIMEOUT`] for open requests at shutdown.
//!
//! Failure: a failing call, stream or connection ends alone. A client that does not read blocks its own stream only.

mod admin;
mod class;
mod cluster;
mod convert;
mod counted;
mod credentials;
mod deadline;
mod doors;
mod election;
mod error;
mod front;
mod gate;
mod gateway;
mod header;
mod health;
mod kv;
mod leadership;
mod lease;
mod listener;
mod lock;
mod maintenance;
mod metrics;
mod opening;
mod peers;
mod record;
mod reflection;
mod request;
mod services;
mod serving;
mod socket;
mod status;
mod trust;
mod turn;
mod users;
mod variables;
mod watch;

pub use doors::{ADMIN_MESSAGE_BYTES_MAX, DoorSettings, Doors, MESSAGE_OVERHEAD_BYTES, WATCH_PROGRESS_INTERVAL};
pub use error::ApiError;
pub use front::AllowList;
pub use health::ETCD_VERSION;
pub use listener::{
    ConnectionSettings, DRAIN_TIMEOUT, HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT_IN_A_CROWD, STREAMS_MAX, UNFINISHED_MAX,
    serve,
};
pub use maintenance::{SNAPSHOT_ID, SNAPSHOT_RESUME};
pub use metrics::Metrics;
pub use peers::PeerPages;
pub use services::Routes;
pub use socket::Listener;
pub use trust::{Tls, Trust};
