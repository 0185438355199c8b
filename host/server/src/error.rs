//! Why `strongroom` stopped: one sentence for the operator each.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::UsageError;
use crate::config::{ConfigError, ConfigErrors};

/// Exit code of a command line that cannot be read: clap's, and Go's.
const USAGE: u8 = 2;

/// Everything that ends the program with an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServerError {
    /// The caller's: a command line that cannot be read.
    #[error("{0}")]
    Usage(#[from] UsageError),
    /// The operator's: flags, environment or the files they name.
    #[error("{0}")]
    Configuration(#[from] ConfigErrors),
    /// The operator's: an address that is taken.
    #[error("{address} is in use by another program; free it or choose another one with {flag}")]
    AddressInUse { flag: &'static str, address: SocketAddr },
    /// The operator's: an address that cannot be bound.
    #[error("cannot listen on {address} ({flag}): {source}")]
    Bind { flag: &'static str, address: SocketAddr, source: io::Error },
    /// The operator's: a unix socket on which somebody answers.
    #[error("{} is in use by another program; stop that one or choose another path with {flag}", path.display())]
    SocketInUse { flag: &'static str, path: PathBuf },
    /// The operator's: a path at which no socket can be made.
    #[error("cannot listen on {} ({flag}): {source}", path.display())]
    BindPath { flag: &'static str, path: PathBuf, source: io::Error },
    /// The operator's: another process has the directory.
    #[error("{} is in use by another strongroom; stop that one or choose another directory with {flag}", path.display())]
    DirectoryInUse { path: PathBuf, flag: &'static str },
    /// The operator's: a directory made by another version.
    #[error(
        "{} was made by another version of strongroom (format {found:?}, this version reads {expected:?}); choose \
         another --dir", path.display()
    )]
    DirectoryFormat { path: PathBuf, found: String, expected: &'static str },
    /// The operator's: a directory that is something else.
    #[error("{} is not empty and was not made by strongroom dev; choose another --dir", path.display())]
    ForeignDirectory { path: PathBuf },
    /// The operator's: a directory of another number of members.
    #[error(
        "{} was made for {found} members; leave out --members, or choose another --dir for {asked}", path.display()
    )]
    DirectoryMembers { path: PathBuf, found: usize, asked: usize },
    /// The operator's: data without its root key. A new key could not open it.
    #[error(
        "the root key {} is missing, and the data in {} cannot be opened without it; put the key back, or remove the \
         directory to start anew", key.display(), data.display()
    )]
    RootKeyMissing { key: PathBuf, data: PathBuf },
    /// The operator's: a root key that is not the one of the data, or cannot be read.
    #[error("root key: {0}")]
    RootKey(#[source] seal::SealError),
    /// The disk's: a file that cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A bug, or a damaged certificate file.
    #[error("cannot make the certificate {}: {source}", path.display())]
    Certificate { path: PathBuf, source: rcgen::Error },
    /// The machine's: memory that cannot be kept out of swap.
    #[error(
        "--memory-mlock: the memory of the process cannot be locked ({0}); raise the limit on locked memory (ulimit -l)"
    )]
    MemoryLock(#[source] io::Error),
    /// The machine's: threads or signals that cannot be had.
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
    /// A component cannot be compiled: the words are for the member that asked.
    #[error("{0}")]
    Compile(String),
    /// The member did not start; the text says who is at fault.
    #[error("{0}")]
    Start(Box<dyn std::error::Error + Send + Sync>),
    /// The disk's or a bug: the member can go on no longer.
    #[error("the member stopped: {0}")]
    Stopped(String),
    /// The disk's: the state cannot be used. The next start gets another one.
    #[error("the state of the member cannot be used: {0}; start it again, and it gets another one")]
    Rebuild(String),
    /// A client command failed.
    #[error("{0}")]
    Client(#[from] crate::cli::ClientError),
    /// A measurement has no result, or none to be content with.
    #[error("{0}")]
    Bench(#[from] load::BenchError),
}

impl From<ConfigError> for ServerError {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.into())
    }
}

impl ServerError {
    /// Whether the command line of a member cannot be read.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }

    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(USAGE),
            Self::Bench(error) if error.is_usage() => ExitCode::from(USAGE),
            _ => ExitCode::FAILURE,
        }
    }

    /// For `map_err`: a file operation that failed.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
