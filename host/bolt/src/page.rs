//! One page with its overflow: a header, as many elements of 16 bytes, and the keys and values they point to.
//!
//! ```text
//! header: number u64 | flags u16 | count u16 | overflow u32
//! branch: position u32 | key length u32 | child u64
//! leaf:   flags u32 | position u32 | key length u32 | value length u32
//! ```
//!
//! A position counts from the start of its element. All versions of bbolt write keys and values without a gap, in the
//! order of the elements, right behind the last of these. The format does not demand that; the reader does, since it is
//! what shows that a position, a length or a count was damaged.

use std::ops::Range;

use bytes::Bytes;

use crate::error::BoltError;

/// Longest key, and longest name of a bucket, in bytes.
pub const KEY_BYTES_MAX: usize = 32768;
/// Longest value in bytes.
pub const VALUE_BYTES_MAX: usize = (1 << 31) - 2;

pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const ELEMENT_BYTES: usize = 16;
pub(crate) const FLAG_BRANCH: u16 = 0x01;
pub(crate) const FLAG_LEAF: u16 = 0x02;
pub(crate) const FLAG_FREELIST: u16 = 0x10;
/// On an element of a leaf: its value is a bucket.
pub(crate) const ELEMENT_BUCKET: u32 = 0x01;

/// The first 16 bytes of every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub(crate) id: u64,
    pub(crate) flags: u16,
    pub(crate) count: u16,
    pub(crate) overflow: u32,
}

impl PageHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&self.id.to_le_bytes());
        out[8..10].copy_from_slice(&self.flags.to_le_bytes());
        out[10..12].copy_from_slice(&self.count.to_le_bytes());
        out[12..16].copy_from_slice(&self.overflow.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (id, kind, overflow) = (u64_at(bytes, 0)?, u32_at(bytes, 8)?, u32_at(bytes, 12)?);
        Some(Self { id, flags: kind as u16, count: (kind >> 16) as u16, overflow })
    }
}

/// A branch or a leaf whose elements were all checked.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its number; for a bucket inside of a leaf, that of the leaf.
    pub(crate) id: u64,
    pub(crate) leaf: bool,
    pub(crate) count: usize,
    bytes: Bytes,
    /// Where the last key or value ends.
    end: usize,
}

/// One element. A branch has no value, a leaf no child.
pub(crate) struct Element {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) child: u64,
    pub(crate) flags: u32,
}

impl Page {
    /// Checks `bytes`, the whole of a page with its overflow; `id` is for errors.
    pub(crate) fn parse(id: u64, bytes: Bytes) -> Result<Self, BoltError> {
        let damaged = |what| BoltError::damaged(id, what);
        let header = PageHeader::decode(&bytes).ok_or(damaged("it is too short for a page"))?;
        let leaf = match header.flags {
            FLAG_BRANCH => false,
            FLAG_LEAF => true,
            _ => return Err(damaged("it is neither a branch nor a leaf")),
        };
        let count = usize::from(header.count);
        let mut page = Self { id, leaf, count, bytes, end: HEADER_BYTES + count * ELEMENT_BYTES };
        let mut before: &[u8] = &[];
        for index in 0..count {
            let element = page.element(index)?;
            let key = page.bytes.get(element.key.clone()).ok_or(damaged("a key reaches beyond the page"))?;
            if element.key.start != page.end || page.bytes.len() < element.value.end {
                return Err(damaged("an element points to a wrong place"));
            }
            if key.is_empty() || key.len() > KEY_BYTES_MAX || element.flags & !ELEMENT_BUCKET != 0 {
                return Err(damaged("an element cannot be what it says"));
            }
            if key <= before {
                return Err(damaged("its keys are not in ascending order"));
            }
            (before, page.end) = (key, element.value.end);
        }
        Ok(page)
    }

    /// How much of it is in use.
    pub(crate) fn used_bytes(&self) -> usize {
        self.end
    }

    pub(crate) fn element(&self, index: usize) -> Result<Element, BoltError> {
        self.element_at(index).ok_or(BoltError::damaged(self.id, "its elements reach beyond the page"))
    }

    pub(crate) fn key(&self, index: usize) -> Result<Bytes, BoltError> {
        Ok(self.slice(self.element(index)?.key))
    }

    /// Bytes of the page, which stay in memory as long as the slice does.
    pub(crate) fn slice(&self, range: Range<usize>) -> Bytes {
        // The ranges of elements were checked when the page was; a wrong one is empty rather than a panic.
        if range.start <= range.end && range.end <= self.bytes.len() { self.bytes.slice(range) } else { Bytes::new() }
    }

    /// The last element whose key is not above `key`.
    pub(crate) fn search(&self, key: &[u8]) -> Result<Option<usize>, BoltError> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(middle)? <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1))
    }

    fn element_at(&self, index: usize) -> Option<Element> {
        let at = HEADER_BYTES + index.checked_mul(ELEMENT_BYTES)?;
        let element = self.bytes.get(at..at + ELEMENT_BYTES)?;
        let words = [u32_at(element, 0)?, u32_at(element, 4)?, u32_at(element, 8)?, u32_at(element, 12)?];
        let (flags, position, key_bytes, value_bytes, child) = match self.leaf {
            true => (words[0], words[1], words[2], words[3], 0),
            false => (0, words[0], words[1], 0, u64_at(element, 8)?),
        };
        let start = at.checked_add(usize::try_from(position).ok()?)?;
        let middle = start.checked_add(usize::try_from(key_bytes).ok()?)?;
        let end = middle.checked_add(usize::try_from(value_bytes).ok()?)?;
        Some(Element { key: start..middle, value: middle..end, child, flags })
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
