//! The tree of one bucket, and of the bucket of buckets.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::BoltError;
use crate::file::Pages;
use crate::page::{ELEMENT_BUCKET, HEADER_BYTES, Page, PageHeader, u64_at};
use crate::path::Path;

/// A bucket begins, where its name is, with the number of its root page and a sequence that etcd does not use.
pub(crate) const BUCKET_HEADER_BYTES: usize = 16;

/// One tree of a file.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pages: Arc<Pages>,
    root: Root,
}

#[derive(Clone, Debug)]
enum Root {
    Page(u64),
    /// A single leaf, inside of the leaf that has its name.
    Inline(Page),
}

/// One element of a leaf.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Bytes,
    pub(crate) value: Bytes,
    /// The value is a bucket.
    pub(crate) bucket: bool,
    /// Where it stands.
    pub(crate) page: u64,
}

impl Tree {
    pub(crate) fn new(pages: Arc<Pages>, root: u64) -> Self {
        Self { pages, root: Root::Page(root) }
    }

    /// The bucket that `entry` of this tree is.
    pub(crate) fn bucket(&self, entry: &Entry) -> Result<Self, BoltError> {
        let damaged = |what| BoltError::damaged(entry.page, what);
        if !entry.bucket {
            return Err(damaged("a value stands where only buckets can be"));
        }
        let root = u64_at(&entry.value, 0).ok_or(damaged("a bucket is too short"))?;
        let root = match (root, entry.value.len()) {
            (0, BUCKET_HEADER_BYTES..) => Root::Inline(inline(entry.page, entry.value.slice(BUCKET_HEADER_BYTES..))?),
            (1.., BUCKET_HEADER_BYTES) => Root::Page(root),
            _ => return Err(damaged("a bucket has a wrong length")),
        };
        Ok(Self { pages: Arc::clone(&self.pages), root })
    }

    /// The entry of exactly this key.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Entry>, BoltError> {
        let mut path = match &self.root {
            Root::Page(id) => Path::root(&self.pages, *id)?,
            Root::Inline(page) => Path::inline(page.clone()),
        };
        loop {
            let Some(step) = path.last() else { return Ok(None) };
            let Some(index) = step.page.search(key)? else { return Ok(None) };
            if step.page.leaf {
                return Ok(Some(entry(&step.page, index)?).filter(|entry| entry.key == key));
            }
            path.push(&self.pages, index)?;
        }
    }

    /// All entries in order.
    pub(crate) fn walk(&self) -> Walk {
        Walk { tree: self.clone(), at: At::Start }
    }
}

/// Goes through a tree. After an error it is at its end.
#[derive(Debug)]
pub(crate) struct Walk {
    tree: Tree,
    at: At,
}

#[derive(Debug)]
enum At {
    Start,
    Path(Path),
    End,
}

impl Iterator for Walk {
    type Item = Result<Entry, BoltError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.at = At::End;
        }
        next
    }
}

impl Walk {
    fn step(&mut self) -> Result<Option<Entry>, BoltError> {
        if matches!(self.at, At::Start) {
            self.at = At::Path(match &self.tree.root {
                Root::Page(id) => Path::whole(&self.tree.pages, *id)?,
                Root::Inline(page) => Path::inline(page.clone()),
            });
        }
        let At::Path(path) = &mut self.at else { return Ok(None) };
        while let Some(step) = path.last() {
            let index = step.next;
            step.next += 1;
            if index >= step.page.count {
                path.pop();
            } else if step.page.leaf {
                return entry(&step.page, index).map(Some);
            } else {
                path.push(&self.tree.pages, index)?;
            }
        }
        Ok(None)
    }
}

fn entry(page: &Page, index: usize) -> Result<Entry, BoltError> {
    let element = page.element(index)?;
    let bucket = element.flags & ELEMENT_BUCKET != 0;
    Ok(Entry { key: page.slice(element.key), value: page.slice(element.value), bucket, page: page.id })
}

fn inline(leaf: u64, bytes: Bytes) -> Result<Page, BoltError> {
    let damaged = BoltError::damaged(leaf, "a bucket inside of it is damaged");
    let sound = |header: PageHeader| (header.id, header.overflow) == (0, 0) && bytes.len() >= HEADER_BYTES;
    if !PageHeader::decode(&bytes).is_some_and(sound) {
        return Err(damaged);
    }
    let bytes_there = bytes.len();
    let page = Page::parse(leaf, bytes)?;
    if page.leaf && page.used_bytes() == bytes_there { Ok(page) } else { Err(damaged) }
}
