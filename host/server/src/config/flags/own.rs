//! Strongroom's own flags, and those that name the configuration itself.

use super::Kind::{Duration, Switch, Text, Whole};
use super::{Flag, honoured, moot};

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    honoured("config-file", Text, "", "YAML file with the whole configuration; every other flag and variable is then ignored"),
    honoured("listen-admin-urls", Text, "", "https URLs to listen on for administrators, comma separated"),
    honoured("admin-cert-file", Text, "", "certificate of the admin listener (PEM)"),
    honoured("admin-key-file", Text, "", "private key of the admin listener (PEM)"),
    honoured("admin-trusted-ca-file", Text, "", "authority of the administrators' certificates (PEM)"),
    honoured("admin-crl-file", Text, "", "revoked certificates of administrators (PEM or DER)"),
    honoured("admin-access", Text, "mtls", "who may make admin calls on the client listener: `mtls` (whom --admin-identities names), `client-cert` (any certificate) or `any` (anybody: unsafe)"),
    honoured("admin-hashes", Switch, "false", "hashes of the whole state (`etcdctl endpoint hashkv`) take an administrator, as other admin calls do"),
    honoured("admin-identities", Text, "", "who is an administrator: URI:..., DNS:... or CN:..., comma separated"),
    honoured("auditor-identities", Text, "", "who sees how the cluster is administered, and changes nothing; as --admin-identities"),
    honoured("backup-identities", Text, "", "who takes snapshots, and does nothing else; as --admin-identities"),
    honoured("audit-log-dir", Text, "", "folder of the audit log [default: audit, in the data directory]"),
    honoured("audit-log-maxsize", Whole, "100", "size in MiB at which a file of the audit log is followed by another"),
    honoured("audit-log-maxfiles", Whole, "10", "how many files of the audit log are kept"),
    honoured("audit-sealed-reads", Text, "off", "what the audit log says of who reads values of sealed prefixes: `off`, `keys` (which keys), or `digests` of them"),
    honoured("backup-dir", Text, "", "folder, or s3://, gs:// or az:// URL, for backups that are made without being asked, each member in a place of its own; none are, unless it is given"),
    honoured("backup-interval", Duration, "1h", "time from one backup to the next"),
    honoured("backup-keep", Whole, "24", "how many backups are kept"),
    honoured("auto-promote", Switch, "false", "promote learners as soon as they are in sync"),
    honoured("second-administrator-within", Duration, "0s", "how long shredding keys, storing sealed values in plain text and turning plugins off wait for a second administrator; 0s: one is enough"),
    honoured("limits-config", Text, "", "YAML file that says how much prefixes may hold, how fast they are written, and how often each caller may ask, by how many connections and streams"),
    honoured("plugin-trusted-keys", Text, "", "file with Ed25519 public keys (PEM): plugins are refused that none of them has signed"),
    honoured("seal-config", Text, "", "YAML file that names the sealed prefixes and the root key, or an EncryptionConfiguration of Kubernetes"),
    honoured("seal-recovering", Switch, "false", "start also when no root key here unwraps the data keys, for `strongroom key recover`"),
    honoured("seal-provider", Text, "", "`none`: run without a root key, whatever the seal configuration says; sealed prefixes are stored and not served"),
];

const FORGOTTEN_BY_ETCD: &str = "etcd has given it up and ignores it too";

/// etcd reads each of them as a switch.
#[rustfmt::skip]
pub(super) const FORGOTTEN: &[Flag] = &[
    moot("cluster-active-size", Switch, "", FORGOTTEN_BY_ETCD),
    moot("cluster-remove-delay", Switch, "", FORGOTTEN_BY_ETCD),
    moot("cluster-sync-interval", Switch, "", FORGOTTEN_BY_ETCD),
    moot("config", Switch, "", FORGOTTEN_BY_ETCD),
    moot("force", Switch, "", FORGOTTEN_BY_ETCD),
    moot("max-result-buffer", Switch, "", FORGOTTEN_BY_ETCD),
    moot("max-retry-attempts", Switch, "", FORGOTTEN_BY_ETCD),
    moot("peer-heartbeat-interval", Switch, "", FORGOTTEN_BY_ETCD),
    moot("peer-election-timeout", Switch, "", FORGOTTEN_BY_ETCD),
    moot("retry-interval", Switch, "", FORGOTTEN_BY_ETCD),
    moot("snapshot", Switch, "", FORGOTTEN_BY_ETCD),
    moot("v", Switch, "", FORGOTTEN_BY_ETCD),
    moot("vv", Switch, "", FORGOTTEN_BY_ETCD),
];
