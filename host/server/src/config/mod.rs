//! Configuration, in two forms: as written (flags, environment or a file, [`written`]) and as resolved ([`Config`]).
//!
//! [`resolve()`] goes from the one to the other once, and reports every problem that it finds, not only the first.

mod ceilings;
mod cipher_suites;
mod cluster;
mod doors;
#[cfg(test)]
mod doors_tests;
mod environment;
mod error;
mod feature_gates;
mod file;
pub(crate) mod flags;
mod limits;
mod log;
mod reader;
mod remark;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod tls;
pub(crate) mod url;
mod users;
mod value;
pub(crate) mod written;

use std::path::PathBuf;
use std::time::Duration;

use auth::AdminAccess;
pub(crate) use ceilings::Ceilings;
pub(crate) use cluster::{Cluster, ClusterState};
pub(crate) use error::{ConfigError, ConfigErrors, did_you_mean};
pub(crate) use limits::Limits;
pub(crate) use log::{LogConfig, LogFormat, LogOutput, Rotation};
pub(crate) use remark::Remark;
pub(crate) use resolve::resolve;
pub(crate) use tls::TlsRules;
use url::Url;
pub(crate) use users::{HttpRules, Users};

/// A configuration that can be run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// Name of this member.
    pub(crate) name: String,
    /// Where the log and the state are.
    pub(crate) data_dir: PathBuf,
    /// The cluster that it founds or joins.
    pub(crate) cluster: Cluster,
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
    /// Whether calls that make a hash of the whole state take an administrator.
    pub(crate) hashes_take_administrator: bool,
    /// The listener of monitoring.
    pub(crate) metrics: Door,
    /// How long what takes two administrators waits for the second.
    pub(crate) second_within: Option<Duration>,
    /// How the audit log is kept.
    pub(crate) audit: flow::AuditConfig,
    /// Where backups go, how often, and how many are kept.
    pub(crate) backups: Option<flow::BackupConfig>,
    /// Public keys of those whose plugins are run.
    pub(crate) plugin_trusted_keys: Option<PathBuf>,
    /// The YAML file that names sealed prefixes and root key.
    pub(crate) seal_config: Option<PathBuf>,
    /// Whether it runs without a root key whatever the seal configuration says.
    pub(crate) seal_keyless: bool,
    /// Whether it starts also when its root keys unwrap no data key.
    pub(crate) seal_recovering: bool,
    /// Raft and watch timing.
    pub(crate) timing: Timing,
    /// Committed entries between snapshots.
    pub(crate) snapshot_entries: u64,
    /// How members that hold other data than the rest are looked for.
    pub(crate) corruption_checks: flow::CorruptionChecks,
    /// What requests and the state may take.
    pub(crate) limits: Limits,
    /// What prefixes may hold and take, and callers ask for.
    pub(crate) ceilings: Ceilings,
    /// How users prove who they are.
    pub(crate) users: Users,
    /// Which HTTP requests are answered.
    pub(crate) http: HttpRules,
    /// What one connection may take.
    pub(crate) connections: api::ConnectionSettings,
    /// Whether `/metrics` also shows how long each kind of call takes.
    pub(crate) extensive_metrics: bool,
    /// What TLS the client and peer listeners speak.
    pub(crate) tls: TlsRules,
    /// Whether writes are answered before they are on disk.
    pub(crate) unsafe_no_fsync: bool,
    /// Whether the memory of the process is kept out of swap.
    pub(crate) memory_lock: bool,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
    /// What the log is to say about how the configuration came about.
    pub(crate) remarks: Vec<Remark>,
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

/// PEM files of one listener, and who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Certificate chain, leaf first.
    pub(crate) certificate: PathBuf,
    /// Private key of the leaf.
    pub(crate) key: PathBuf,
    /// Authority of client certificates. When present, a client without a certificate is turned away.
    pub(crate) client_authority: Option<PathBuf>,
    /// Revoked certificates.
    pub(crate) revoked: Option<PathBuf>,
    /// Whose certificates are let in, of those that the authority issued.
    pub(crate) allowed: AllowedNames,
    /// When the member makes the certificate itself: for how many years.
    pub(crate) self_signed_years: Option<u64>,
    /// Certificate and key that are shown to other members; without it those of the listener.
    pub(crate) dialling: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// A certificate that is there, for callers whom this authority knows.
    pub(crate) fn mutual(certificate: PathBuf, key: PathBuf, client_authority: Option<PathBuf>) -> Self {
        let (revoked, allowed, self_signed_years, dialling) = (None, AllowedNames::Any, None, None);
        Self { certificate, key, client_authority, revoked, allowed, self_signed_years, dialling }
    }
}

/// Names of which a caller's certificate must carry one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum AllowedNames {
    /// Any name will do.
    #[default]
    Any,
    /// Common names.
    Common(Vec<String>),
    /// Host names or addresses.
    Hosts(Vec<String>),
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
    /// How long applying may take before that is logged.
    pub(crate) warning_apply: Duration,
    /// How long a unary request may take before that is logged.
    pub(crate) warning_unary_request: Duration,
}
