//! From what was written to a [`Config`], with every problem at once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flow::IDENTITY_FILE;

use super::error::{ConfigError, ConfigErrors};
use super::reader::Reader;
use super::written::Written;
use super::{ClusterState, Config, LogConfig, LogFormat, Timing, cluster, doors};

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

fn read(reader: &mut Reader<'_>) -> Config {
    let name =
        reader.parsed("name", "a name", |text| Some(text.to_owned()).filter(|t| !t.is_empty())).unwrap_or_default();
    let client = doors::client(reader);
    let peer = doors::peer(reader);
    let (admin, administrators) = doors::admin(reader);
    let metrics = doors::metrics(reader, &client);
    cluster::check_members(reader, &name, &peer.advertised);
    let data_dir = data_dir(reader, &name);
    Config {
        cluster_token: reader.text("initial-cluster-token"),
        cluster_state: cluster_state(reader, &data_dir),
        seal_config: reader.path("seal-config"),
        timing: timing(reader),
        snapshot_entries: reader.count("snapshot-count").unwrap_or_default(),
        log: log(reader),
        name,
        data_dir,
        client,
        peer,
        admin,
        administrators,
        admin_access: doors::admin_access(reader),
        metrics,
    }
}

/// The data directory, which must not be that of an etcd member: both would take each other's files for damage.
fn data_dir(reader: &mut Reader<'_>, name: &str) -> PathBuf {
    let path = match reader.is_written("data-dir") {
        true => reader.path("data-dir"),
        false => Some(PathBuf::from(format!("{name}.etcd"))),
    };
    let Some(path) = path else {
        reader.report(ConfigError::Missing { flag: "--data-dir", because: "it is set to nothing" });
        return PathBuf::new();
    };
    if path.join("member/wal").exists() {
        reader.report(ConfigError::EtcdData { path: path.clone() });
    }
    path
}

/// `existing` means to join others unless this member has data; joining is not possible yet.
fn cluster_state(reader: &mut Reader<'_>, data_dir: &Path) -> ClusterState {
    let state = cluster::state(reader);
    if state == ClusterState::Existing && !data_dir.join(IDENTITY_FILE).is_file() {
        reader.report(ConfigError::Conflict(format!(
            "--initial-cluster-state is existing, but {} holds no data of a member: joining a cluster is not supported \
             by this version of strongroom",
            data_dir.display()
        )));
    }
    state
}

fn timing(reader: &mut Reader<'_>) -> Timing {
    let heartbeat = reader.milliseconds("heartbeat-interval");
    let election = reader.milliseconds("election-timeout");
    let watch_progress = reader.duration("watch-progress-notify-interval");
    let (Some(heartbeat), Some(election)) = (heartbeat, election) else { return Timing::default() };
    if election < heartbeat.saturating_mul(HEARTBEATS_PER_ELECTION_MIN) {
        reader.report(ConfigError::Conflict(format!(
            "--election-timeout must be at least {HEARTBEATS_PER_ELECTION_MIN} times --heartbeat-interval"
        )));
    }
    if election > ELECTION_TIMEOUT_MAX {
        let limit = ELECTION_TIMEOUT_MAX.as_millis();
        reader.report(ConfigError::Conflict(format!("--election-timeout must be at most {limit} milliseconds")));
    }
    Timing { heartbeat, election, watch_progress }
}

fn log(reader: &mut Reader<'_>) -> LogConfig {
    let expected = "debug, info, warn or error";
    let level = reader.parsed("log-level", expected, |text| match text {
        "debug" => Some(tracing::Level::DEBUG),
        "info" => Some(tracing::Level::INFO),
        "warn" => Some(tracing::Level::WARN),
        // etcd's three words above `error` end the process; here there is nothing more severe to show.
        "error" | "dpanic" | "panic" | "fatal" => Some(tracing::Level::ERROR),
        _ => None,
    });
    let format = reader.parsed("log-format", "json or console", |text| match text {
        "json" => Some(LogFormat::Json),
        "console" => Some(LogFormat::Console),
        _ => None,
    });
    LogConfig { level: level.unwrap_or(tracing::Level::INFO), format: format.unwrap_or(LogFormat::Json) }
}
