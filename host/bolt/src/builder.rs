//! Builds a tree from keys in ascending order: one open page for each level, each written when it is full.

use crate::append::{Appender, PAGE_BYTES};
use crate::error::BoltError;
use crate::page::{ELEMENT_BYTES, FLAG_BRANCH, FLAG_LEAF, HEADER_BYTES, KEY_BYTES_MAX, PageHeader, VALUE_BYTES_MAX};

/// A branch page that is written keeps two, and leaves the third for the next page.
const BRANCH_COUNT_MIN: usize = 3;

/// A tree that is being built.
#[derive(Debug)]
pub(crate) struct Builder {
    leaf: Open,
    /// From the lowest up.
    branches: Vec<Open>,
    last_key: Vec<u8>,
}

/// A page that is not written yet.
#[derive(Debug, Default)]
struct Open {
    elements: Vec<Element>,
    /// Keys and values, one behind the other.
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    key_bytes: u32,
    value_bytes: u32,
    /// Of a branch: the child. Of a leaf: the flags.
    link: u64,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { leaf: Open::default(), branches: Vec::new(), last_key: Vec::new() }
    }

    /// Adds a key that comes after all before. If it is refused, the tree is as it was.
    pub(crate) fn put(&mut self, file: &mut Appender, key: &[u8], value: &[u8], flags: u32) -> Result<(), BoltError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(BoltError::KeyBytes(key.len()));
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(BoltError::ValueBytes(value.len()));
        }
        if key <= self.last_key.as_slice() {
            return Err(BoltError::Order);
        }
        if !self.leaf.fits(key.len() + value.len()) {
            self.write_leaf(file)?;
        }
        self.leaf.push(key, value, u64::from(flags));
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        Ok(())
    }

    /// The whole tree, if it is a single page of at most `bytes_max`, as it can stand inside of a value.
    pub(crate) fn inline(&self, bytes_max: usize) -> Option<Vec<u8>> {
        if !self.branches.is_empty() || self.leaf.bytes() > bytes_max {
            return None;
        }
        let count = u16::try_from(self.leaf.elements.len()).ok()?;
        let header = PageHeader { id: 0, flags: FLAG_LEAF, count, overflow: 0 };
        Some([&header.encode()[..], &self.leaf.headers(true), &self.leaf.data].concat())
    }

    /// Writes what is left and returns the root.
    pub(crate) fn finish(mut self, file: &mut Appender) -> Result<u64, BoltError> {
        let mut key = self.leaf.first_key();
        let mut child = self.leaf.write(file, FLAG_LEAF)?;
        let mut level = 0;
        // A level is there only if a page of the one below was written, so it gets its second child here at the latest.
        while level < self.branches.len() {
            self.add_child(file, level, &key, child)?;
            key = self.branches[level].first_key();
            child = self.branches[level].write(file, FLAG_BRANCH)?;
            level += 1;
        }
        Ok(child)
    }

    fn write_leaf(&mut self, file: &mut Appender) -> Result<(), BoltError> {
        let key = self.leaf.first_key();
        let child = self.leaf.write(file, FLAG_LEAF)?;
        self.add_child(file, 0, &key, child)
    }

    /// Adds a child to the branch of `level`; if that is full, writes it without its last child, which begins the next
    /// one. So no branch ends up with a single child.
    fn add_child(&mut self, file: &mut Appender, level: usize, key: &[u8], child: u64) -> Result<(), BoltError> {
        if level == self.branches.len() {
            self.branches.push(Open::default());
        }
        let open = &mut self.branches[level];
        if open.elements.len() >= BRANCH_COUNT_MIN && !open.fits(key.len()) {
            let rest = open.split_last();
            let first = open.first_key();
            let written = open.write(file, FLAG_BRANCH)?;
            *open = rest;
            self.add_child(file, level + 1, &first, written)?;
        }
        self.branches[level].push(key, &[], child);
        Ok(())
    }
}

impl Open {
    fn bytes(&self) -> usize {
        HEADER_BYTES + self.elements.len() * ELEMENT_BYTES + self.data.len()
    }

    /// Whether an element fits in the pages that those before have begun. A large one begins as many as it needs, and
    /// the room behind it is used as well.
    fn fits(&self, data_bytes: usize) -> bool {
        self.elements.is_empty()
            || self.bytes() + ELEMENT_BYTES + data_bytes <= self.bytes().next_multiple_of(PAGE_BYTES)
    }

    /// The lengths were checked: they fit, and a page of this size cannot have more than 65535 elements.
    fn push(&mut self, key: &[u8], value: &[u8], link: u64) {
        self.elements.push(Element { key_bytes: key.len() as u32, value_bytes: value.len() as u32, link });
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
    }

    fn first_key(&self) -> Vec<u8> {
        self.elements.first().map_or_else(Vec::new, |first| self.data[..first.key_bytes as usize].to_vec())
    }

    fn split_last(&mut self) -> Self {
        let Some(last) = self.elements.pop() else { return Self::default() };
        let data = self.data.split_off(self.data.len() - last.key_bytes as usize - last.value_bytes as usize);
        Self { elements: vec![last], data }
    }

    /// Appends the page to the file, and is empty again.
    fn write(&mut self, file: &mut Appender, flags: u16) -> Result<u64, BoltError> {
        let headers = self.headers(flags == FLAG_LEAF);
        let id = file.page(flags, self.elements.len() as u16, [&headers, &self.data])?;
        // A new buffer, since this one may have grown to the size of a large value.
        *self = Self::default();
        Ok(id)
    }

    /// The elements, as they stand before the data.
    fn headers(&self, leaf: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.elements.len() * ELEMENT_BYTES);
        let mut position = (self.elements.len() * ELEMENT_BYTES) as u32;
        for &Element { key_bytes, value_bytes, link } in &self.elements {
            if leaf {
                out.extend_from_slice(&(link as u32).to_le_bytes());
                out.extend_from_slice(&position.to_le_bytes());
                out.extend_from_slice(&key_bytes.to_le_bytes());
                out.extend_from_slice(&value_bytes.to_le_bytes());
            } else {
                out.extend_from_slice(&position.to_le_bytes());
                out.extend_from_slice(&key_bytes.to_le_bytes());
                out.extend_from_slice(&link.to_le_bytes());
            }
            // Counted from each element itself, and the next one is further behind.
            position = position - ELEMENT_BYTES as u32 + key_bytes + value_bytes;
        }
        out
    }
}
