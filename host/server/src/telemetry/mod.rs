//! Logging, in the form of etcd's. Values, keys and tokens are never logged, at any level.

mod journal;
mod line;
mod output;
mod rotation;

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;
use crate::error::ServerError;
use line::Lines;
use output::Outputs;

/// Replaces the level by filter directives, such as `info,flow=trace`.
pub(crate) const FILTER_VARIABLE: &str = "STRONGROOM_LOG";

/// Starts logging. Later calls in the same process have no effect.
///
/// # Errors
///
/// [`ServerError::File`] for a log file that cannot be opened.
pub(crate) fn start(config: &LogConfig) -> Result<(), ServerError> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::new(directives),
        _ => EnvFilter::new(directives(config.level)),
    };
    let outputs = Outputs::open(config)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .event_format(Lines { format: config.format })
        .with_writer(outputs);
    // A second subscriber only appears in tests, where the first one serves as well.
    let _ = lines.try_init();
    Ok(())
}

/// openraft speaks of every election step, and warns each time that a member is not reached; this program says when that
/// begins and ends.
fn directives(level: Level) -> String {
    match level {
        Level::INFO => "info,openraft=error".to_owned(),
        level => level.to_string().to_lowercase(),
    }
}
