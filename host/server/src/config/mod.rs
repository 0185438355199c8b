//! Configuration, in two forms: as written (flags and environment, [`written`]) and as resolved ([`Config`]).
//!
//! [`resolve()`] goes from the one to the other once, and reports every problem that it finds, not only the first.

mod cluster;
mod doors;
mod error;
pub(crate) mod flags;
mod reader;
mod resolve;
#[cfg(test)]
mod resolve_tests;
pub(crate) mod url;
mod value;
pub(crate) mod written;

use std::path::PathBuf;
use std::time::Duration;

use auth::AdminAccess;
pub(crate) use error::{ConfigError, ConfigErrors};
pub(crate) use resolve::resolve;
use url::Url;

/// A configuration that can be run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// Name of this member.
    pub(crate) name: String,
    /// Where the log and the state are.
    pub(crate) data_dir: PathBuf,
    /// Sets this cluster apart from others made of the same members.
    pub(crate) cluster_token: String,
    /// Whether the cluster starts with this member.
    pub(crate) cluster_state: ClusterState,
    /// The listener of etcd clients.
    pub(crate) client: Door,
    /// The listener of members.
    pub(crate) peer: Door,
    /// The listener of administrators.
    pub(crate) admin: Door,
    /// Rules for who is an administrator.
    pub(crate) administrators: auth::Administrators,
    /// Who may make admin calls on the client listener.
    pub(crate) admin_access: AdminAccess,
    /// The listener of monitoring.
    pub(crate) metrics: Door,
    /// The YAML file that names sealed prefixes and root key.
    pub(crate) seal_config: Option<PathBuf>,
    /// Raft and watch timing.
    pub(crate) timing: Timing,
    /// Committed entries between snapshots.
    pub(crate) snapshot_entries: u64,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
}

impl Config {
    /// Who counts as an administrator on the client listener: the administrators when both listeners trust the same
    /// file of authorities, else nobody, since another authority may issue a name of theirs to anybody. A wider
    /// `--admin-access` adds to that.
    pub(crate) fn client_administrators(&self) -> auth::Administrators {
        let authority = |door: &Door| door.tls.as_ref().and_then(|tls| tls.client_authority.clone());
        let named = match (authority(&self.client), authority(&self.admin)) {
            (Some(client), Some(admin)) if client == admin => self.administrators.clone(),
            _ => auth::Administrators::default(),
        };
        named.with_access(self.admin_access)
    }
}

/// One listener: where it listens, what others are told, and its TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    /// The flag that names its addresses, for error texts.
    pub(crate) flag: &'static str,
    /// Where to listen.
    pub(crate) listen: Vec<Url>,
    /// What others are told. Empty: what is listened on.
    pub(crate) advertised: Vec<Url>,
    /// Files for `https` URLs; present whenever `listen` holds one.
    pub(crate) tls: Option<TlsFiles>,
}

/// PEM files of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Certificate chain, leaf first.
    pub(crate) certificate: PathBuf,
    /// Private key of the leaf.
    pub(crate) key: PathBuf,
    /// Authority of client certificates. When present, a client without a certificate is turned away.
    pub(crate) client_authority: Option<PathBuf>,
}

/// `--initial-cluster-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterState {
    /// Start a cluster when there is no data yet.
    New,
    /// There must be data already.
    Existing,
}

/// Clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Between heartbeats.
    pub(crate) heartbeat: Duration,
    /// Without a heartbeat until an election.
    pub(crate) election: Duration,
    /// Between progress notifications of an idle watch.
    pub(crate) watch_progress: Duration,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// The least severe level that is written.
    pub(crate) level: tracing::Level,
    /// Lines for people or for machines.
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Console,
}
