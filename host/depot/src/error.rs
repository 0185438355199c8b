//! What goes wrong with an object store.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A backup that was not saved or not fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DepotError {
    /// The URL names no store.
    #[error(
        "{url:?} names no place for backups ({reason}); a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or \
         file:///FOLDER does"
    )]
    Url {
        /// What was given.
        url: String,
        /// Why not.
        reason: String,
    },

    /// The store refuses, or cannot be reached.
    #[error("cannot {act} {object}: {source}")]
    Store {
        /// What was to be done.
        act: &'static str,
        /// With which object.
        object: String,
        /// Why not.
        source: object_store::Error,
    },

    /// There is no such backup.
    #[error("there is no whole backup {name} at {url}")]
    NoBackup {
        /// Its name.
        name: String,
        /// Where it was looked for.
        url: String,
    },

    /// An object is not what its name and its sum say.
    #[error("{object} is not as it was written: {what}; another backup may be sound")]
    Damaged {
        /// The object.
        object: String,
        /// What is wrong.
        what: String,
    },

    /// The local disk fails.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl DepotError {
    pub(crate) fn store(act: &'static str, object: &impl ToString) -> impl FnOnce(object_store::Error) -> Self {
        let object = object.to_string();
        move |source| Self::Store { act, object, source }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
