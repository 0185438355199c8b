//! Logging to stderr. Values, keys and tokens are never logged, at any level.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Replaces the level by filter directives, such as `info,flow=trace`.
const FILTER_VARIABLE: &str = "STRONGROOM_LOG";

/// Starts logging. Later calls in the same process have no effect.
pub(crate) fn start(config: &LogConfig) {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::new(directives),
        _ => EnvFilter::new(directives(config.level)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber only appears in tests, where the first one serves as well.
    let _ = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Console => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}

/// Consensus libraries speak of every election step at `info`: one level less from them is what operators want.
fn directives(level: Level) -> String {
    match level {
        Level::INFO => "info,openraft=warn".to_owned(),
        level => level.to_string().to_lowercase(),
    }
}
