//! A bucket of a database, as the caller sees it.

use bytes::Bytes;

use crate::error::BoltError;
use crate::tree::{Entry, Tree, Walk};

/// A bucket: keys in ascending order, and their values.
///
/// It keeps the file open, and can be moved to another thread.
#[derive(Clone, Debug)]
pub struct Bucket {
    tree: Tree,
}

impl Bucket {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree }
    }

    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// [`BoltError::Read`], [`BoltError::Damaged`], or [`BoltError::Nested`] if there is a bucket of this name.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BoltError> {
        self.tree.find(key)?.map(pair).transpose().map(|pair| pair.map(|(_, value)| value))
    }

    /// All keys and values in ascending order of the keys.
    ///
    /// An error is the last thing that comes: [`BoltError::Read`], [`BoltError::Damaged`] or [`BoltError::Nested`].
    pub fn iter(&self) -> Iter {
        Iter { walk: self.tree.walk(), failed: false }
    }
}

impl IntoIterator for &Bucket {
    type Item = Result<(Bytes, Bytes), BoltError>;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

/// See [`Bucket::iter`].
#[derive(Debug)]
pub struct Iter {
    walk: Walk,
    failed: bool,
}

impl Iterator for Iter {
    type Item = Result<(Bytes, Bytes), BoltError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.walk.next()?.and_then(pair);
        self.failed = next.is_err();
        Some(next)
    }
}

fn pair(entry: Entry) -> Result<(Bytes, Bytes), BoltError> {
    if entry.bucket { Err(BoltError::Nested { page: entry.page }) } else { Ok((entry.key, entry.value)) }
}
