//! What can go wrong with the log, and whose fault it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Failure of the log. Text and sources name files and offsets, never the bytes of an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk or its file system refused. During a write this poisons the log.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },

    /// Bytes that were once durable are gone or changed. The operator must act; nothing is repaired by guessing.
    #[error(
        "raft log segment {} is damaged at byte {offset}: {reason}. Entries that this member acknowledged may be lost, \
         so it must not start with this log. Keep a copy of the folder, check the disk, then remove this member from \
         its cluster and add it again with an empty data folder; a single-member cluster is restored from a backup",
        segment.display()
    )]
    Damaged {
        /// The segment file, or the one that should be there.
        segment: PathBuf,
        /// Where in that file, in bytes.
        offset: u64,
        /// What was found.
        reason: String,
    },

    /// There is no log where one has to be. The operator must act, as for damage.
    #[error(
        "there is no raft log in {}. Entries that this member acknowledged may be lost, so it must not start without it. Put the folder \
         back; if it is lost, remove this member from its cluster and add it again with an empty data folder; a single-member cluster is \
         restored from a backup",
        .0.display()
    )]
    Missing(PathBuf),

    /// The file was written by another version of the program.
    #[error(
        "{} has raft log format {found}, this program reads format {supported}: use the version that wrote it",
        path.display()
    )]
    Version {
        /// The segment file.
        path: PathBuf,
        /// The format number it carries.
        found: u32,
        /// The format number of this program.
        supported: u32,
    },

    /// Another process has the folder open.
    #[error("raft log folder {} is in use by another process", .0.display())]
    InUse(PathBuf),

    /// The caller broke the rules of the log: a bug. Nothing was changed.
    #[error("the raft log refuses the operation: {0}")]
    Refused(String),

    /// An earlier write or fsync failed, so the log takes nothing more until the process starts again.
    #[error("the raft log stopped after a failed write: {0}")]
    Poisoned(#[source] Arc<LogError>),

    /// The log was closed.
    #[error("the raft log is closed")]
    Closed,
}

impl LogError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError + use<> {
        let path = path.to_path_buf();
        move |source| LogError::Io { action, path, source }
    }

    pub(super) fn damaged(segment: &Path, offset: u64, reason: impl Into<String>) -> LogError {
        LogError::Damaged { segment: segment.to_path_buf(), offset, reason: reason.into() }
    }
}
