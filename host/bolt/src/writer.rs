//! Writes a new database: buckets in the order of their names, each in the order of its keys.

use std::path::Path;

use crate::append::{Appender, PAGE_BYTES};
use crate::builder::Builder;
use crate::error::BoltError;
use crate::page::{ELEMENT_BUCKET, KEY_BYTES_MAX};
use crate::tree::BUCKET_HEADER_BYTES;

/// bbolt puts a bucket into the leaf that names it if its page would be no larger than this.
const INLINE_BYTES_MAX: usize = PAGE_BYTES / 4;

/// A database file that is being written.
#[derive(Debug)]
pub struct Writer {
    file: Appender,
    root: Builder,
    last_name: Vec<u8>,
    /// A bucket was begun and not finished.
    open: bool,
}

impl Writer {
    /// Makes a new file at `path`, which only its owner can read. Nothing may be there yet.
    ///
    /// # Errors
    /// [`BoltError::Open`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, BoltError> {
        let file = Appender::create(path.as_ref())?;
        Ok(Self { file, root: Builder::new(), last_name: Vec::new(), open: false })
    }

    /// Begins the bucket `name`, which has to come after the one before.
    ///
    /// # Errors
    /// [`BoltError::Order`] or [`BoltError::KeyBytes`] over the name; [`BoltError::Unfinished`].
    pub fn bucket(&mut self, name: &[u8]) -> Result<BucketWriter<'_>, BoltError> {
        if self.open {
            return Err(BoltError::Unfinished);
        }
        if name.is_empty() || name.len() > KEY_BYTES_MAX {
            return Err(BoltError::KeyBytes(name.len()));
        }
        if name <= self.last_name.as_slice() {
            return Err(BoltError::Order);
        }
        self.last_name = name.to_vec();
        self.open = true;
        Ok(BucketWriter { writer: self, tree: Builder::new() })
    }

    /// Completes the file and syncs it, not its folder. Before this it is no database.
    ///
    /// # Errors
    /// [`BoltError::Write`], [`BoltError::Failed`] or [`BoltError::Unfinished`].
    pub fn finish(mut self) -> Result<(), BoltError> {
        if self.open {
            return Err(BoltError::Unfinished);
        }
        let root = self.root.finish(&mut self.file)?;
        self.file.finish(root)
    }
}

/// A bucket that is being written.
#[derive(Debug)]
#[must_use = "without `finish` the whole database stays incomplete"]
pub struct BucketWriter<'a> {
    writer: &'a mut Writer,
    tree: Builder,
}

impl BucketWriter<'_> {
    /// Adds a key, which has to come after the one before. A key that is refused changes nothing.
    ///
    /// # Errors
    /// [`BoltError::Order`], [`BoltError::KeyBytes`] or [`BoltError::ValueBytes`]; [`BoltError::Write`] or
    /// [`BoltError::Failed`].
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), BoltError> {
        self.tree.put(&mut self.writer.file, key, value, 0)
    }

    /// Completes the bucket.
    ///
    /// # Errors
    /// [`BoltError::Write`] or [`BoltError::Failed`].
    pub fn finish(self) -> Result<(), BoltError> {
        let Self { writer: Writer { file, root, last_name, open }, tree } = self;
        let value = match tree.inline(INLINE_BYTES_MAX) {
            Some(page) => [&[0; BUCKET_HEADER_BYTES], page.as_slice()].concat(),
            None => {
                let mut value = vec![0; BUCKET_HEADER_BYTES];
                value[..8].copy_from_slice(&tree.finish(file)?.to_le_bytes());
                value
            }
        };
        root.put(file, last_name, &value, ELEMENT_BUCKET)?;
        *open = false;
        Ok(())
    }
}
