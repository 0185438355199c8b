//! Resolves what is logged, how, and where to.

use std::path::PathBuf;

use serde::Deserialize;

use super::error::ConfigError;
use super::reader::Reader;
use super::remark::Remark;

const OUTPUTS: &str = "log-outputs";
const ROTATION: &str = "log-rotation-config-json";

/// What is logged, how, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// The least severe level that is written.
    pub(crate) level: tracing::Level,
    /// Lines for people or for machines.
    pub(crate) format: LogFormat,
    /// Where every line goes.
    pub(crate) outputs: Vec<LogOutput>,
    /// When the one file among the outputs is rotated.
    pub(crate) rotation: Option<Rotation>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Console,
}

/// Where a log line goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// The journal of systemd.
    Journal,
    /// Appended to a file.
    File(PathBuf),
}

/// When a log file is rotated and what is kept: the JSON of `--log-rotation-config-json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Megabytes after which a new file is begun; 0 means 100.
    #[serde(rename = "maxsize")]
    pub(crate) size_megabytes: u64,
    /// Days for which an old file is kept; 0 means forever.
    #[serde(rename = "maxage")]
    pub(crate) age_days: u64,
    /// How many old files are kept; 0 means all.
    #[serde(rename = "maxbackups")]
    pub(crate) backups: usize,
    #[serde(rename = "localtime")]
    local_time: bool,
    /// Whether old files are compressed with gzip.
    pub(crate) compress: bool,
}

/// Everything about the log.
pub(super) fn log(reader: &mut Reader<'_>) -> LogConfig {
    reader.parsed("logger", "zap", |text| (text == "zap").then_some(()));
    let expected = "debug, info, warn, error, panic or fatal";
    let level = reader.parsed("log-level", expected, |text| match text {
        "debug" => Some(tracing::Level::DEBUG),
        "info" => Some(tracing::Level::INFO),
        "warn" => Some(tracing::Level::WARN),
        // etcd's three words above `error` end the process; here there is nothing more severe to show.
        "error" | "dpanic" | "panic" | "fatal" => Some(tracing::Level::ERROR),
        _ => None,
    });
    let format = reader.parsed("log-format", "json or console", |text| match text {
        "json" | "" => Some(LogFormat::Json),
        "console" => Some(LogFormat::Console),
        _ => None,
    });
    let outputs = outputs(reader);
    LogConfig {
        level: level.unwrap_or(tracing::Level::INFO),
        format: format.unwrap_or(LogFormat::Json),
        rotation: reader.switch("enable-log-rotation").then(|| rotation(reader, &outputs)).flatten(),
        outputs,
    }
}

/// Each output once. `default` stands alone and is standard error.
fn outputs(reader: &mut Reader<'_>) -> Vec<LogOutput> {
    let names = reader.list(OUTPUTS);
    for alone in ["default", "systemd/journal"] {
        if names.len() > 1 && names.iter().any(|name| name == alone) {
            let origin = reader.origin(OUTPUTS);
            reader.report(ConfigError::Conflict(format!(
                "{origin} names {alone}, which stands alone; leave out the others"
            )));
        }
    }
    let mut outputs: Vec<_> = names
        .into_iter()
        .map(|name| match name.as_str() {
            "default" | "stderr" => LogOutput::Stderr,
            "stdout" => LogOutput::Stdout,
            "systemd/journal" => LogOutput::Journal,
            _ => LogOutput::File(name.into()),
        })
        .collect();
    outputs.sort();
    outputs.dedup();
    if outputs.is_empty() { vec![LogOutput::Stderr] } else { outputs }
}

fn rotation(reader: &mut Reader<'_>, outputs: &[LogOutput]) -> Option<Rotation> {
    if outputs.iter().filter(|output| matches!(output, LogOutput::File(_))).count() != 1 {
        reader
            .report(ConfigError::Conflict("--enable-log-rotation needs exactly one file in --log-outputs".to_owned()));
    }
    match serde_json::from_str::<Rotation>(&reader.text(ROTATION)) {
        Ok(rotation) => {
            if rotation.local_time {
                let origin = format!("localtime of {}", reader.origin(ROTATION));
                reader.remark(Remark::Moot { origin, why: "old files have UTC in their names" });
            }
            Some(rotation)
        }
        Err(error) => {
            let origin = reader.origin(ROTATION);
            reader.report(ConfigError::BadJson { origin, reason: error.to_string() });
            None
        }
    }
}
