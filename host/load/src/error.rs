//! What stops a run.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tonic::Status;

/// Why there is no result, or one that is not to be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The caller's: flags that do not go together.
    #[error("{0}")]
    Arguments(String),
    /// The caller's: a file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The caller's: certificate files that cannot be used.
    #[error("--cacert, --cert or --key cannot be used for {endpoint}: {reason}")]
    Identity {
        /// Where they were to be used.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Nobody answers there, or nobody that may be trusted.
    #[error("{endpoint} cannot be reached: {reason}; --endpoints says where the servers are")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// The server refused what has to be done before or after the load.
    #[error("cannot {what}: {} ({})", reason(status), code_name(status))]
    Refused {
        /// What was tried.
        what: &'static str,
        /// The answer.
        status: Box<Status>,
    },
    /// The server did not answer what has to be done before or after the load.
    #[error("cannot {what}: no answer within {}; a longer --timeout may help", humantime::format_duration(*limit))]
    Unanswered {
        /// What was tried.
        what: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server's: calls failed. The report was written.
    #[error("{count} calls failed, first: {example}; --allow-errors accepts that")]
    Failed {
        /// How many.
        count: u64,
        /// What the first was told.
        example: String,
    },
    /// The server's: not one call was answered. The report was written.
    #[error("not one call was answered within the measured time; try a longer --duration or a higher --rate")]
    Nothing,
    /// The server's: watches that are not what etcd promises. The report was written.
    #[error(
        "watchers saw {lost} events too few, {excess} too many and {disordered} out of order: a watch loses nothing"
    )]
    Unfaithful {
        /// Events that did not come.
        lost: u64,
        /// Events that nobody had caused.
        excess: u64,
        /// Events that came late or twice.
        disordered: u64,
    },
    /// The caller's: Ctrl-C, before there was anything to report or for the second time.
    #[error("interrupted; keys below --prefix may be left")]
    Interrupted,
    /// The plot cannot be written.
    #[error("cannot write the plot {}: {reason}", path.display())]
    Plot {
        /// Where to.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The report cannot be written.
    #[error("cannot write the report: {0}")]
    Output(#[from] io::Error),
    /// A bug: a client of this program came to an end on its own.
    #[error("a client of the load generator ended: {0}")]
    Client(#[from] tokio::task::JoinError),
}

impl BenchError {
    /// Whether another command line is needed: a program then ends with 2 rather than 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Arguments(_))
    }
}

/// The name of a gRPC code, as in the specification.
pub(crate) fn code_name(status: &Status) -> String {
    format!("{:?}", status.code())
}

/// What a status says. One that was made of a broken connection only says so itself; the reason is below it: a server that refuses
/// a certificate tells of it after the handshake.
pub(crate) fn reason(status: &Status) -> String {
    status.source().map_or_else(|| status.message().to_owned(), |source| innermost(source).to_string())
}

/// The error at the bottom: those above it only say that there is one.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error)
}
