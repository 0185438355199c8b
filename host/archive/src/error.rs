//! What can be wrong with a snapshot's file.

use std::{io, path::PathBuf};

/// A snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is something else.
    #[error("{} is no snapshot of strongroom", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// It is etcd's.
    #[error("{} is a snapshot or a database of etcd; bring it in with: strongroom import etcd", path.display())]
    OfEtcd {
        /// The file.
        path: PathBuf,
    },
    /// Written by another version.
    #[error("{} is of format {found:?}, which this version of strongroom does not read; use the one that wrote it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// Its end is missing.
    #[error("{} is cut short: it was not saved to its end; use another snapshot", path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
    },
    /// It is not as it was written.
    #[error("{} is damaged or was changed: {what}; use another snapshot", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        what: String,
    },
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
