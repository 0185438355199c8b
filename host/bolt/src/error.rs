//! What can go wrong with a file of bbolt.

use std::io;
use std::path::PathBuf;

/// Why a file could not be read, or not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoltError {
    /// The disk, or a path that the operator named.
    #[error("{}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk, while reading.
    #[error("page {page} cannot be read: {source}")]
    Read {
        /// The page.
        page: u64,
        /// Why.
        source: io::Error,
    },
    /// The disk, while writing.
    #[error("the database cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The file: neither meta is one of bbolt.
    #[error("this is not a database of bbolt, as etcd has it")]
    NotBolt,
    /// The file: of another version of the format than 2.
    #[error("this database of bbolt has format version {0}; only version 2 is known")]
    Version(u32),
    /// The file: shorter than it says itself, or than was asked for.
    #[error("the database is cut off: {bytes} of {needs} bytes are there")]
    Truncated {
        /// What is there.
        bytes: u64,
        /// What has to be there.
        needs: u64,
    },
    /// The file: bbolt would not have written this.
    #[error("the database is damaged at page {page}: {what}")]
    Damaged {
        /// The page; for a bucket that lies in the leaf of another, the page of that.
        page: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The file: a bucket stands where a value was expected. bbolt allows that; etcd does not do it.
    #[error("page {page} holds a bucket in a bucket, which etcd does not write")]
    Nested {
        /// The page.
        page: u64,
    },
    /// The caller: a key, or the name of a bucket, that does not come after the one before.
    #[error("keys have to be written in strictly ascending order")]
    Order,
    /// The caller: a key, or the name of a bucket, that is empty or longer than [`KEY_BYTES_MAX`](crate::KEY_BYTES_MAX).
    #[error("a key of {0} bytes cannot be written: keys have 1 to 32768 bytes")]
    KeyBytes(usize),
    /// The caller: a value longer than [`VALUE_BYTES_MAX`](crate::VALUE_BYTES_MAX).
    #[error("a value of {0} bytes cannot be written: values have at most 2147483646 bytes")]
    ValueBytes(usize),
    /// The caller: a bucket was let go without [`BucketWriter::finish`](crate::BucketWriter::finish).
    #[error("a bucket was begun and not finished: the database cannot be completed")]
    Unfinished,
    /// The caller went on after [`BoltError::Write`].
    #[error("the database could not be written earlier: it is not complete")]
    Failed,
}

impl BoltError {
    pub(crate) const fn damaged(page: u64, what: &'static str) -> Self {
        Self::Damaged { page, what }
    }
}
