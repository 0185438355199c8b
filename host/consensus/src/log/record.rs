//! Records: what a frame holds, each with a checksum of its own so that one entry can be read back alone.
//!
//! `crc32c u32 | kind u8 | length u32 | index u64 | bytes`, little endian. The checksum starts with the salt of the
//! segment.

use super::frame::{u32_at, u64_at};

/// Bytes of a record before its payload.
pub(super) const RECORD_HEADER_BYTES: usize = 17;

/// One step of the log's history. Payloads are opaque here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A log entry.
    Entry { index: u64, payload: &'a [u8] },
    /// Entries behind this index are gone.
    TruncateAfter { index: u64 },
    /// Every entry is gone.
    TruncateAll,
    /// The vote is now this.
    Vote(&'a [u8]),
    /// Entries up to this index are no longer needed; the bytes are the encoded log id.
    Purged { index: u64, id: &'a [u8] },
}

const ENTRY: u8 = 1;
const TRUNCATE_AFTER: u8 = 2;
const TRUNCATE_ALL: u8 = 3;
const VOTE: u8 = 4;
const PURGED: u8 = 5;

impl<'a> Record<'a> {
    fn parts(&self) -> (u8, u64, &'a [u8]) {
        match *self {
            Record::Entry { index, payload } => (ENTRY, index, payload),
            Record::TruncateAfter { index } => (TRUNCATE_AFTER, index, &[]),
            Record::TruncateAll => (TRUNCATE_ALL, 0, &[]),
            Record::Vote(bytes) => (VOTE, 0, bytes),
            Record::Purged { index, id } => (PURGED, index, id),
        }
    }

    fn from_parts(kind: u8, index: u64, bytes: &'a [u8]) -> Option<Self> {
        Some(match kind {
            ENTRY => Record::Entry { index, payload: bytes },
            TRUNCATE_AFTER => Record::TruncateAfter { index },
            TRUNCATE_ALL => Record::TruncateAll,
            VOTE => Record::Vote(bytes),
            PURGED => Record::Purged { index, id: bytes },
            _ => return None,
        })
    }

    /// Appends the encoded record to `out`; returns how many bytes that was.
    pub(super) fn encode(&self, salt: u64, out: &mut Vec<u8>) -> usize {
        let (kind, index, bytes) = self.parts();
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.push(kind);
        let length = u32::try_from(bytes.len()).expect("the queue refuses payloads beyond FRAME_BYTES_MAX");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&index.to_le_bytes());
        out.extend_from_slice(bytes);
        let crc = checksum(salt, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        out.len() - start
    }

    /// The record at the front of `bytes` and its encoded length; `None` when it is not whole or not sound.
    pub(super) fn decode(salt: u64, bytes: &'a [u8]) -> Option<(Self, usize)> {
        let length = u32_at(bytes, 5)? as usize;
        let total = RECORD_HEADER_BYTES.checked_add(length)?;
        let body = bytes.get(4..total)?;
        if u32_at(bytes, 0)? != checksum(salt, body) {
            return None;
        }
        let record = Record::from_parts(bytes[4], u64_at(bytes, 9)?, &bytes[RECORD_HEADER_BYTES..total])?;
        Some((record, total))
    }
}

fn checksum(salt: u64, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), body)
}
