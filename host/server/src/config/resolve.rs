//! From what was written to a [`Config`], with every problem at once.

use std::path::PathBuf;
use std::time::Duration;

use flow::SealedReadsPolicy;

use super::error::{ConfigError, ConfigErrors};
use super::reader::Reader;
use super::written::Written;
use super::{Ceilings, Config, Timing, cluster, doors, feature_gates, limits, log, tls, users, value};

/// etcd's rule: several heartbeats may be lost before an election starts.
const HEARTBEATS_PER_ELECTION_MIN: u32 = 5;

/// etcd's bound on the election timeout; a longer one leaves a cluster without a leader for a minute.
const ELECTION_TIMEOUT_MAX: Duration = Duration::from_millis(50_000);

/// Resolves the configuration of `strongroom serve`.
///
/// # Errors
///
/// Every problem that was found.
pub(crate) fn resolve(written: &Written) -> Result<Config, ConfigErrors> {
    let mut reader = Reader::new(written);
    let config = read(&mut reader);
    if reader.problems.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.problems)) }
}

/// `none` is the only provider that a flag can name: the others need a file.
fn keyless(text: &str) -> Option<bool> {
    match text {
        "" => Some(false),
        "none" => Some(true),
        _ => None,
    }
}

fn read(reader: &mut Reader<'_>) -> Config {
    let name =
        reader.parsed("name", "a name", |text| Some(text.to_owned()).filter(|t| !t.is_empty())).unwrap_or_default();
    let data_dir = data_dir(reader, &name);
    let client = doors::client(reader, &data_dir);
    let peer = doors::peer(reader, &data_dir);
    let (admin, administrators) = doors::admin(reader);
    let metrics = doors::metrics(reader, &client);
    let cluster = cluster::cluster(reader, &name, &peer.advertised, &data_dir);
    doors::check_dialling(reader, &name, &cluster, &peer);
    doors::check_peers(reader, &peer, [&client, &admin]);
    let corruption_checks = feature_gates::corruption_checks(reader);
    let ceilings = ceilings(reader);
    let connections = ceilings.of_connections(limits::connections(reader));
    Config {
        corruption_checks,
        cluster,
        audit: audit(reader),
        backups: backups(reader),
        second_within: Some(reader.duration("second-administrator-within")).filter(|within| !within.is_zero()),
        plugin_trusted_keys: reader.path("plugin-trusted-keys"),
        seal_config: reader.path("seal-config"),
        seal_recovering: reader.switch("seal-recovering"),
        seal_keyless: reader.parsed("seal-provider", "`none`, or left out", keyless).unwrap_or(false),
        timing: timing(reader),
        snapshot_entries: reader.count("snapshot-count").unwrap_or_default(),
        limits: limits::limits(reader),
        ceilings,
        users: users::users(reader),
        http: users::http(reader),
        connections,
        extensive_metrics: reader.text("metrics") == "extensive",
        tls: tls::rules(reader),
        unsafe_no_fsync: reader.switch("unsafe-no-fsync"),
        memory_lock: reader.switch("memory-mlock"),
        log: log::log(reader),
        name,
        data_dir,
        client,
        peer,
        admin,
        administrators,
        admin_access: doors::admin_access(reader),
        hashes_take_administrator: reader.switch("admin-hashes"),
        metrics,
        remarks: std::mem::take(&mut reader.remarks),
    }
}

/// The data directory, which must not be that of an etcd member: both would take each other's files for damage.
fn data_dir(reader: &mut Reader<'_>, name: &str) -> PathBuf {
    let path = reader.path("data-dir").unwrap_or_else(|| PathBuf::from(format!("{name}.etcd")));
    if path.join("member/wal").exists() {
        reader.report(ConfigError::EtcdData { path: path.clone() });
    }
    path
}

/// The file of `--limits-config`.
fn ceilings(reader: &mut Reader<'_>) -> Ceilings {
    let loaded = reader.path("limits-config").map(|path| Ceilings::load(&path)).transpose();
    loaded
        .unwrap_or_else(|error| {
            reader.report(error);
            None
        })
        .unwrap_or_default()
}

/// Where the audit log lies, and how much of it is kept.
fn audit(reader: &mut Reader<'_>) -> flow::AuditConfig {
    const MIB: u64 = 1 << 20;
    let positive = |text: &str| u32::try_from(value::whole(text)?).ok().filter(|number| *number > 0);
    let mib = reader.parsed("audit-log-maxsize", "a whole number of MiB, at least 1", positive);
    let files = reader.parsed("audit-log-maxfiles", "a whole number, at least 1", positive);
    let (file_bytes_max, files_max) = (u64::from(mib.unwrap_or(1)) * MIB, files.unwrap_or(1) as usize);
    let folder = reader.path("audit-log-dir");
    let sealed_reads = reader.parsed("audit-sealed-reads", "`off`, `keys` or `digests`", |text| match text {
        "off" => Some(SealedReadsPolicy::Off),
        "keys" => Some(SealedReadsPolicy::Keys),
        "digests" => Some(SealedReadsPolicy::Digests),
        _ => None,
    });
    let sealed_reads = sealed_reads.unwrap_or_default();
    flow::AuditConfig { folder, file_bytes_max, files_max, sealed_reads }
}

/// Shortest time between backups.
const BACKUP_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Where backups go, how often, and how many are kept.
fn backups(reader: &mut Reader<'_>) -> Option<flow::BackupConfig> {
    let keep = reader.parsed("backup-keep", "a whole number, at least 1", |text| {
        usize::try_from(value::whole(text)?).ok().filter(|keep| *keep > 0)
    });
    let interval = reader.parsed("backup-interval", "a duration of at least 1s", |text| {
        value::duration(text).filter(|interval| *interval >= BACKUP_INTERVAL_MIN)
    });
    let to = Some(reader.text("backup-dir")).filter(|to| !to.is_empty()).map(|to| flow::BackupPlace::parse(&to));
    let to = to?.map_err(|error| {
        reader.report(ConfigError::BadPlace { origin: reader.origin("backup-dir"), reason: error.to_string() });
    });
    Some(flow::BackupConfig { to: to.ok()?, interval: interval?, keep: keep? })
}

/// How often an idle watch hears of progress when the flag says nothing, or 0: etcd's default.
const WATCH_PROGRESS_INTERVAL: Duration = api::WATCH_PROGRESS_INTERVAL;

/// How long a request may take before that is logged when the flag says 0, as in etcd.
const WARNING_UNARY_REQUEST: Duration = Duration::from_millis(300);

fn timing(reader: &mut Reader<'_>) -> Timing {
    let heartbeat = reader.milliseconds("heartbeat-interval");
    let election = reader.milliseconds("election-timeout");
    let or = |duration: Duration, default| if duration.is_zero() { default } else { duration };
    let watch_progress = or(reader.duration("watch-progress-notify-interval"), WATCH_PROGRESS_INTERVAL);
    let warning_apply = reader.duration("warning-apply-duration");
    let warning_unary_request = or(reader.duration("warning-unary-request-duration"), WARNING_UNARY_REQUEST);
    let (Some(heartbeat), Some(election)) = (heartbeat, election) else { return Timing::default() };
    if election < heartbeat.saturating_mul(HEARTBEATS_PER_ELECTION_MIN) {
        reader.report(ConfigError::Conflict(format!(
            "--election-timeout ({} ms) must be at least {HEARTBEATS_PER_ELECTION_MIN} times --heartbeat-interval ({} ms)",
            election.as_millis(),
            heartbeat.as_millis()
        )));
    }
    if election > ELECTION_TIMEOUT_MAX {
        let limit = ELECTION_TIMEOUT_MAX.as_millis();
        reader.report(ConfigError::Conflict(format!("--election-timeout must be at most {limit} ms")));
    }
    Timing { heartbeat, election, watch_progress, warning_apply, warning_unary_request }
}
