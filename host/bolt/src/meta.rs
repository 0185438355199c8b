//! The meta of a database, which is there twice: on page 0 and on page 1. The one of the later transaction counts.
//!
//! ```text
//! page header 16 bytes | magic u32 | version u32 | page size u32 | flags u32 | root page u64 | root sequence u64
//! | free list page u64 | pages u64 | transaction u64 | fnv-1a of the meta up to here u64
//! ```

use crate::page::{HEADER_BYTES, PageHeader, u32_at, u64_at};

pub(crate) const META_BYTES: usize = 80;
/// What bbolt tries, too, when the first meta does not tell the size of a page.
pub(crate) const PAGE_BYTES_LEAST: u64 = 1 << 10;
pub(crate) const PAGE_BYTES_MOST: u64 = 1 << 24;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const FLAG_META: u16 = 0x04;
/// Where the checksum is, counted from the magic.
const SUMMED_BYTES: usize = 56;

/// What one meta says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) page_bytes: u64,
    pub(crate) root: u64,
    pub(crate) freelist: u64,
    /// How many pages the database has; bbolt calls it the high water mark.
    pub(crate) pages: u64,
    pub(crate) transaction: u64,
}

/// Why bytes are not a meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadMeta {
    Magic,
    Version(u32),
    Damaged,
}

impl Meta {
    pub(crate) fn encode(&self) -> [u8; META_BYTES] {
        let mut out = [0; META_BYTES];
        let header = PageHeader { id: self.transaction % 2, flags: FLAG_META, count: 0, overflow: 0 };
        out[..HEADER_BYTES].copy_from_slice(&header.encode());
        let meta = &mut out[HEADER_BYTES..];
        meta[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        meta[4..8].copy_from_slice(&VERSION.to_le_bytes());
        // A page is at most PAGE_BYTES_MOST bytes long.
        meta[8..12].copy_from_slice(&(self.page_bytes as u32).to_le_bytes());
        meta[16..24].copy_from_slice(&self.root.to_le_bytes());
        meta[32..40].copy_from_slice(&self.freelist.to_le_bytes());
        meta[40..48].copy_from_slice(&self.pages.to_le_bytes());
        meta[48..56].copy_from_slice(&self.transaction.to_le_bytes());
        let sum = fnv_1a(&meta[..SUMMED_BYTES]);
        meta[56..64].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// The meta of page `id`. Magic and version are looked at before the checksum: another version may place that
    /// elsewhere.
    pub(crate) fn decode(bytes: &[u8; META_BYTES], id: u64) -> Result<Self, BadMeta> {
        let meta = &bytes[HEADER_BYTES..];
        let field = |at| u64_at(meta, at).ok_or(BadMeta::Damaged);
        let word = |at| u32_at(meta, at).ok_or(BadMeta::Damaged);
        if word(0)? != MAGIC {
            return Err(BadMeta::Magic);
        }
        if word(4)? != VERSION {
            return Err(BadMeta::Version(word(4)?));
        }
        let header = PageHeader::decode(bytes).ok_or(BadMeta::Damaged)?;
        let sound = (header.id, header.flags) == (id, FLAG_META) && field(56)? == fnv_1a(&meta[..SUMMED_BYTES]);
        let page_bytes = u64::from(word(8)?);
        let size_known = page_bytes.is_power_of_two() && (PAGE_BYTES_LEAST..=PAGE_BYTES_MOST).contains(&page_bytes);
        if !sound || !size_known {
            return Err(BadMeta::Damaged);
        }
        let (root, freelist) = (field(16)?, field(32)?);
        Ok(Self { page_bytes, root, freelist, pages: field(40)?, transaction: field(48)? })
    }
}

/// 64 bits of FNV-1a, as Go's `hash/fnv` has it.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Meta = Meta { page_bytes: 4096, root: 3, freelist: 4, pages: 5, transaction: 1 };

    #[test]
    fn the_checksum_is_fnv_1a() {
        // From the authors' list of test vectors.
        assert_eq!(fnv_1a(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn a_meta_is_read_as_it_was_written() {
        assert_eq!(Meta::decode(&META.encode(), 1), Ok(META));
        assert_eq!(Meta::decode(&META.encode(), 0), Err(BadMeta::Damaged), "it stands on the wrong page");
    }

    #[test]
    fn every_changed_bit_that_means_something_is_found() {
        // Count and overflow of the page header mean nothing for a meta.
        for at in (0..10).chain(16..META_BYTES) {
            for bit in 0..8 {
                let mut bytes = META.encode();
                bytes[at] ^= 1 << bit;
                assert!(Meta::decode(&bytes, 1).is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}
