//! The table of flags that `strongroom serve` knows: all of etcd's, and our own.
//!
//! A flag is never ignored: it is read ([`Support::Honoured`]), or it may only say what this version does anyhow
//! ([`Support::Only`]), or it is refused by name ([`Support::Refused`]).

use Kind::{Switch, Text};
use Support::{Honoured, Only, Refused};

/// How a flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `--flag VALUE` or `--flag=VALUE`.
    Text,
    /// `--flag` or `--flag=true|false`.
    Switch,
}

/// What this version makes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// The value is read by `resolve`.
    Honoured,
    /// These values describe what this version does anyhow; any other is refused.
    Only(&'static [&'static str]),
    /// Refused, whatever the value.
    Refused,
}

/// One flag of `strongroom serve`.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Without the leading dashes.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The value when it is not given, as etcd prints it; empty means none.
    pub(crate) default: &'static str,
    pub(crate) support: Support,
    /// One line for `--help`; empty for flags which `--help` does not list.
    pub(crate) help: &'static str,
}

const fn honoured(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, support: Honoured, help }
}

/// A flag whose only accepted value is etcd's default.
const fn fixed(name: &'static str, kind: Kind, accepted: &'static [&'static str]) -> Flag {
    Flag { name, kind, default: accepted[0], support: Only(accepted), help: "" }
}

const fn refused(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, default, support: Refused, help: "" }
}

/// The flag called `name` (without dashes).
pub(crate) fn find(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// Every flag of `strongroom serve`, in etcd's order, then ours.
#[rustfmt::skip]
pub(crate) const FLAGS: &[Flag] = &[
    // Member.
    honoured("name", Text, "default", "human-readable name of this member"),
    honoured("data-dir", Text, "${name}.etcd", "directory that holds the log and the state"),
    refused("wal-dir", Text, ""),
    honoured("snapshot-count", Text, "10000", "committed entries after which the log is compacted into a snapshot"),
    honoured("heartbeat-interval", Text, "100", "time between heartbeats, in milliseconds"),
    honoured("election-timeout", Text, "1000", "time without a heartbeat after which an election starts, in milliseconds"),
    fixed("initial-election-tick-advance", Switch, &["true"]),
    honoured("listen-peer-urls", Text, "http://localhost:2380", "URLs to listen on for members, comma separated"),
    honoured("listen-client-urls", Text, "http://localhost:2379", "URLs to listen on for clients, comma separated"),
    refused("listen-client-http-urls", Text, ""),
    refused("max-snapshots", Text, "5"),
    refused("max-wals", Text, "5"),
    fixed("memory-mlock", Switch, &["false"]),
    refused("quota-backend-bytes", Text, "0"),
    refused("backend-bbolt-freelist-type", Text, "map"),
    refused("backend-batch-interval", Text, ""),
    refused("backend-batch-limit", Text, "0"),
    fixed("max-txn-ops", Text, &["128"]),
    fixed("max-request-bytes", Text, &["1572864"]),
    // The listeners have a bound and a keep-alive interval of their own.
    refused("max-concurrent-streams", Text, "4294967295"),
    refused("grpc-keepalive-min-time", Text, "5s"),
    refused("grpc-keepalive-interval", Text, "2h"),
    fixed("grpc-keepalive-timeout", Text, &["20s"]),
    fixed("socket-reuse-port", Switch, &["false"]),
    fixed("socket-reuse-address", Switch, &["false"]),
    // etcd's default is true; there is no JSON gateway here yet, so only `false` is true to what happens.
    fixed("enable-grpc-gateway", Switch, &["false"]),
    refused("raft-read-timeout", Text, "5s"),
    refused("raft-write-timeout", Text, "5s"),
    refused("feature-gates", Text, ""),
    // Clustering.
    honoured("initial-advertise-peer-urls", Text, "http://localhost:2380", "URLs of this member that other members are told"),
    honoured("initial-cluster", Text, "default=http://localhost:2380", "members at first start, as name=URL, comma separated"),
    honoured("initial-cluster-state", Text, "new", "`new` or `existing`"),
    honoured("initial-cluster-token", Text, "etcd-cluster", "sets this cluster apart from others made of the same members"),
    honoured("advertise-client-urls", Text, "http://localhost:2379", "URLs of this member that clients are told"),
    refused("discovery", Text, ""),
    refused("discovery-token", Text, ""),
    refused("discovery-endpoints", Text, ""),
    refused("discovery-dial-timeout", Text, "2s"),
    refused("discovery-request-timeout", Text, "5s"),
    refused("discovery-keepalive-time", Text, "2s"),
    refused("discovery-keepalive-timeout", Text, "6s"),
    refused("discovery-insecure-transport", Switch, "true"),
    refused("discovery-insecure-skip-tls-verify", Switch, "false"),
    refused("discovery-cert", Text, ""),
    refused("discovery-key", Text, ""),
    refused("discovery-cacert", Text, ""),
    refused("discovery-user", Text, ""),
    refused("discovery-password", Text, ""),
    refused("discovery-fallback", Text, "exit"),
    refused("discovery-proxy", Text, ""),
    refused("discovery-srv", Text, ""),
    refused("discovery-srv-name", Text, ""),
    fixed("strict-reconfig-check", Switch, &["true"]),
    fixed("pre-vote", Switch, &["true"]),
    fixed("auto-compaction-retention", Text, &["0"]),
    fixed("auto-compaction-mode", Text, &["periodic"]),
    // There is no v2 store at all.
    fixed("v2-deprecation", Text, &["write-only", "write-only-drop-data", "gone"]),
    // Security.
    honoured("cert-file", Text, "", "certificate of the client listener (PEM)"),
    honoured("key-file", Text, "", "private key of the client listener (PEM)"),
    honoured("client-cert-auth", Switch, "false", "demand a certificate from clients"),
    refused("client-cert-file", Text, ""),
    refused("client-key-file", Text, ""),
    refused("client-crl-file", Text, ""),
    refused("client-cert-allowed-hostname", Text, ""),
    honoured("trusted-ca-file", Text, "", "authority of the clients' certificates (PEM)"),
    fixed("auto-tls", Switch, &["false"]),
    honoured("peer-cert-file", Text, "", "certificate of the peer listener (PEM)"),
    honoured("peer-key-file", Text, "", "private key of the peer listener (PEM)"),
    honoured("peer-client-cert-auth", Switch, "false", "demand a certificate from members"),
    refused("peer-client-cert-file", Text, ""),
    refused("peer-client-key-file", Text, ""),
    honoured("peer-trusted-ca-file", Text, "", "authority of the members' certificates (PEM)"),
    refused("peer-cert-allowed-cn", Text, ""),
    refused("peer-cert-allowed-hostname", Text, ""),
    fixed("peer-auto-tls", Switch, &["false"]),
    fixed("self-signed-cert-validity", Text, &["1"]),
    refused("peer-crl-file", Text, ""),
    refused("cipher-suites", Text, ""),
    fixed("cors", Text, &["*"]),
    fixed("host-whitelist", Text, &["*"]),
    fixed("tls-min-version", Text, &["TLS1.2"]),
    fixed("tls-max-version", Text, &["", "TLS1.3"]),
    fixed("auth-token", Text, &["simple"]),
    // Profiling and monitoring.
    fixed("enable-pprof", Switch, &["false"]),
    fixed("metrics", Text, &["basic"]),
    honoured("listen-metrics-urls", Text, "", "URLs to serve /metrics, /health, /livez and /readyz on, comma separated"),
    // Logging.
    fixed("logger", Text, &["zap"]),
    fixed("log-outputs", Text, &["default", "stderr"]),
    honoured("log-level", Text, "info", "`debug`, `info`, `warn` or `error`"),
    honoured("log-format", Text, "json", "`json` or `console`"),
    fixed("enable-log-rotation", Switch, &["false"]),
    refused("log-rotation-config-json", Text,
        r#"{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}"#),
    refused("warning-unary-request-duration", Text, "300ms"),
    fixed("enable-distributed-tracing", Switch, &["false"]),
    refused("distributed-tracing-address", Text, "localhost:4317"),
    refused("distributed-tracing-service-name", Text, "etcd"),
    refused("distributed-tracing-instance-id", Text, ""),
    refused("distributed-tracing-sampling-rate", Text, "0"),
    // Features.
    fixed("corrupt-check-time", Text, &["0s"]),
    refused("compact-hash-check-time", Text, "1m"),
    fixed("peer-skip-client-san-verification", Switch, &["false"]),
    honoured("watch-progress-notify-interval", Text, "10m", "time between progress notifications of an idle watch"),
    refused("warning-apply-duration", Text, "100ms"),
    refused("bootstrap-defrag-threshold-megabytes", Text, ""),
    fixed("max-learners", Text, &["1"]),
    refused("compaction-sleep-interval", Text, ""),
    refused("downgrade-check-time", Text, ""),
    refused("snapshot-catchup-entries", Text, ""),
    // Unsafe.
    fixed("force-new-cluster", Switch, &["false"]),
    fixed("unsafe-no-fsync", Switch, &["false"]),
    // etcd knows this one too; its table of defaults does not list it.
    refused("config-file", Text, ""),
    // Strongroom's own.
    honoured("listen-admin-urls", Text, "", "https URLs to listen on for administrators, comma separated"),
    honoured("admin-cert-file", Text, "", "certificate of the admin listener (PEM)"),
    honoured("admin-key-file", Text, "", "private key of the admin listener (PEM)"),
    honoured("admin-trusted-ca-file", Text, "", "authority of the administrators' certificates (PEM)"),
    honoured("admin-access", Text, "mtls", "who may make admin calls on the client listener: `mtls` (whom --admin-identities names), `client-cert` (any certificate) or `any` (anybody: unsafe)"),
    honoured("admin-identities", Text, "", "who is an administrator: URI:..., DNS:... or CN:..., comma separated"),
    honoured("seal-config", Text, "", "YAML file that names the sealed prefixes and the root key"),
];
