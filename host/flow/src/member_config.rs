//! How a member is to be started.

use std::{path::PathBuf, sync::Arc, time::Duration};

use auth::TokenOptions;
use consensus::PeerTls;
use seal::SealConfig;

use crate::{AutoCompaction, BackupConfig, CorruptionChecks, LimitsConfig, users};

/// How to start a member.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Its name, for people.
    pub name: String,
    /// Where its data lies.
    pub data_dir: PathBuf,
    /// Tells clusters with the same peer URLs apart.
    pub cluster_token: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Name and peer URLs of every founding member, this one's among them. Empty for this member alone.
    pub initial_cluster: Vec<(String, Vec<String>)>,
    /// Whether a member without data joins a cluster that runs, rather than founding one.
    pub join: bool,
    /// Whether this member, which has data, goes on alone because the others are lost for good.
    pub force_new_cluster: bool,
    /// Whether a member asks if it could win before it holds an election.
    pub pre_vote: bool,
    /// Whether a change that would leave too few working members is refused.
    pub strict_reconfig_check: bool,
    /// Most learners at a time.
    pub max_learners: usize,
    /// Whether learners that are in sync are promoted without being asked.
    pub auto_promote: bool,
    /// Log entries kept behind a snapshot for members that lag a little.
    pub catch_up_entries: u64,
    /// TLS of connections to other members.
    pub peer_tls: Option<Arc<PeerTls>>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Time between heartbeats.
    pub heartbeat_interval: Duration,
    /// Time without a heartbeat after which an election is held.
    pub election_timeout: Duration,
    /// Log entries between two snapshots.
    pub snapshot_entries: u64,
    /// Most operations in one transaction (`--max-txn-ops`), [`types::TXN_OPS_MAX`] unless the operator says otherwise.
    pub max_txn_ops: usize,
    /// Largest request in bytes (`--max-request-bytes`), [`types::REQUEST_BYTES_MAX`] unless the operator says otherwise.
    pub max_request_bytes: usize,
    /// Which prefixes are sealed, and where the root key is; without it the member is keyless.
    pub seal: Option<SealConfig>,
    /// Whether it starts also when its root keys unwrap no data key, so that somebody can have them recovered.
    pub seal_recovering: bool,
    /// Most bytes the state may have before writes are refused: zero for etcd's default, less for no limit.
    pub quota_backend_bytes: i64,
    /// What prefixes may hold and take, and how often each caller may ask.
    pub limits: LimitsConfig,
    /// Where the audit log lies, and how much of it is kept; without a folder of its own it lies with the data.
    pub audit: AuditConfig,
    /// Where backups go without being asked; nowhere without it.
    pub backups: Option<BackupConfig>,
    /// Which history is compacted without being asked.
    pub auto_compaction: AutoCompaction,
    /// Whether the log is written without syncing it, so that a crash of the machine loses what was answered.
    pub unsafe_no_fsync: bool,
    /// Which tokens clients get for their passwords.
    pub auth_token: TokenOptions,
    /// How long a simple token lives after its last use.
    pub auth_token_ttl: Duration,
    /// The program that compiles plugins, apart and under limits: see [`admission::Workshop`]. Without one they are compiled here,
    /// at every start.
    pub plugin_compiler: Option<PathBuf>,
    /// File with the Ed25519 public keys (PEM) of those whose plugins are run. Without one, plugins need no signature.
    pub plugin_trusted_keys: Option<PathBuf>,
    /// The cost of new password hashes; one more doubles the work.
    pub bcrypt_cost: u32,
    /// How members that hold other data than the rest are looked for.
    pub corruption_checks: CorruptionChecks,
    /// How long applying may take before a warning is logged.
    pub warning_apply_duration: Duration,
    /// How long a unary call may take before a warning is logged.
    pub warning_unary_request_duration: Duration,
}

impl Default for MemberConfig {
    /// etcd's defaults.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            data_dir: PathBuf::from("default.etcd"),
            cluster_token: "etcd-cluster".to_owned(),
            peer_urls: vec!["http://localhost:2380".to_owned()],
            initial_cluster: Vec::new(),
            join: false,
            force_new_cluster: false,
            pre_vote: true,
            strict_reconfig_check: true,
            max_learners: 1,
            auto_promote: false,
            catch_up_entries: 5000,
            peer_tls: None,
            client_urls: vec!["http://localhost:2379".to_owned()],
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_millis(1000),
            snapshot_entries: 10_000,
            max_txn_ops: types::TXN_OPS_MAX,
            max_request_bytes: types::REQUEST_BYTES_MAX,
            seal: None,
            seal_recovering: false,
            quota_backend_bytes: 0,
            limits: LimitsConfig::default(),
            backups: None,
            audit: AuditConfig::default(),
            auto_compaction: AutoCompaction::Off,
            unsafe_no_fsync: false,
            auth_token: TokenOptions::Simple,
            auth_token_ttl: users::TOKEN_TTL,
            plugin_compiler: None,
            plugin_trusted_keys: None,
            bcrypt_cost: users::BCRYPT_COST,
            corruption_checks: CorruptionChecks::default(),
            warning_apply_duration: Duration::from_millis(100),
            warning_unary_request_duration: Duration::from_millis(300),
        }
    }
}

/// How the audit log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Its folder.
    pub folder: Option<PathBuf>,
    /// A file that is longer is followed by another.
    pub file_bytes_max: u64,
    /// How many files are kept.
    pub files_max: usize,
    /// Whether reads of sealed values are recorded.
    pub sealed_reads: SealedReadsPolicy,
}

/// What is recorded of reads of sealed values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SealedReadsPolicy {
    /// Nothing.
    #[default]
    Off,
    /// Who read, how many, and the first keys.
    Keys,
    /// The same with digests in the place of keys, which whoever knows a key and the digest key of the member can recognise.
    Digests,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { folder: None, file_bytes_max: 100 << 20, files_max: 10, sealed_reads: SealedReadsPolicy::Off }
    }
}

impl MemberConfig {
    pub(crate) fn audit_log(&self) -> audit::Options {
        let AuditConfig { folder, file_bytes_max, files_max, .. } = self.audit.clone();
        audit::Options { folder: folder.unwrap_or_else(|| self.data_dir.join("audit")), file_bytes_max, files_max }
    }

    /// The peer URLs of each member that the configuration names.
    pub(crate) fn founding_urls(&self) -> Vec<Vec<String>> {
        match self.initial_cluster.is_empty() {
            true => vec![self.peer_urls.clone()],
            false => self.initial_cluster.iter().map(|(_, urls)| urls.clone()).collect(),
        }
    }

    /// The peer URLs under which the configuration names this member.
    pub(crate) fn own_urls(&self) -> &[String] {
        let named = self.initial_cluster.iter().find(|(name, _)| *name == self.name);
        named.map_or(&self.peer_urls, |(_, urls)| urls)
    }
}
