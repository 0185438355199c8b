//! The bytes of a segment file: one header, then frames.
//!
//! ```text
//! segment: magic 8 bytes | version u32 | flags u32 | number u64 | first frame sequence u64 | capacity u64 | salt u64
//!          | zeros 12 bytes | crc32c u32
//! frame:   salt u64 | sequence u64 | payload length u32 | crc32c u32 | records ... | zeros up to a multiple of 8
//! ```
//!
//! The salt is drawn anew for each segment. Bytes that lie in the file from its earlier life, or that a client put into
//! an entry, cannot pass for a frame: they do not hold the salt.

use super::record::Record;

/// Format of the files. Another number is refused by name.
pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
pub(super) const FRAME_HEADER_BYTES: usize = 24;
/// Frames begin at multiples of this, so a search for frames looks at one offset in eight.
pub(super) const FRAME_ALIGN: usize = 8;

const MAGIC: [u8; 8] = *b"strglog\n";
const FLAG_RECYCLED: u32 = 1;

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    pub(super) first_sequence: u64,
    pub(super) capacity: u64,
    pub(super) salt: u64,
    /// The file had an earlier life, so bytes that are not zero say nothing.
    pub(super) recycled: bool,
}

/// Why bytes are not a segment header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Version(u32),
    Damaged,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut out = [0; SEGMENT_HEADER_BYTES];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(if self.recycled { FLAG_RECYCLED } else { 0 }).to_le_bytes());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        out[32..40].copy_from_slice(&self.capacity.to_le_bytes());
        out[40..48].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&out[..60]);
        out[60..64].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Magic and version are looked at before the checksum: another version may place that elsewhere.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES).ok_or(BadHeader::Damaged)?;
        if header[..8] != MAGIC {
            return Err(BadHeader::Damaged);
        }
        let field = |at| u64_at(header, at).ok_or(BadHeader::Damaged);
        let word = |at| u32_at(header, at).ok_or(BadHeader::Damaged);
        let version = word(8)?;
        if version != FORMAT_VERSION {
            return Err(BadHeader::Version(version));
        }
        if word(60)? != crc32c::crc32c(&header[..60]) {
            return Err(BadHeader::Damaged);
        }
        let recycled = word(12)? & FLAG_RECYCLED != 0;
        let (number, first_sequence) = (field(16)?, field(24)?);
        Ok(SegmentHeader { number, first_sequence, capacity: field(32)?, salt: field(40)?, recycled })
    }
}

/// Where a record lies: from the start of its frame while building, from the start of its segment in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) offset: u32,
    /// Encoded length, header included.
    pub(super) bytes: u32,
}

/// Builds one frame in a buffer that is used again and again.
pub(super) struct FrameBuilder<'a> {
    buffer: &'a mut Vec<u8>,
    salt: u64,
}

impl<'a> FrameBuilder<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>, salt: u64, sequence: u64) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&salt.to_le_bytes());
        buffer.extend_from_slice(&sequence.to_le_bytes());
        buffer.extend_from_slice(&[0; 8]);
        FrameBuilder { buffer, salt }
    }

    pub(super) fn record(&mut self, record: &Record<'_>) -> Slot {
        let offset = self.buffer.len() as u32;
        let bytes = record.encode(self.salt, self.buffer) as u32;
        Slot { offset, bytes }
    }

    pub(super) fn finish(self) {
        let length = (self.buffer.len() - FRAME_HEADER_BYTES) as u32;
        self.buffer[16..20].copy_from_slice(&length.to_le_bytes());
        let crc = frame_checksum(self.buffer);
        self.buffer[20..24].copy_from_slice(&crc.to_le_bytes());
        self.buffer.resize(aligned(self.buffer.len()), 0);
    }
}

/// A sound frame found in the bytes of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u64,
    pub(super) payload: &'a [u8],
    /// Where the next frame would begin.
    pub(super) end: usize,
}

/// The frame at `offset`; `None` when there is no whole and sound one of this salt.
pub(super) fn frame_at(segment: &[u8], offset: usize, salt: u64) -> Option<Frame<'_>> {
    let bytes = segment.get(offset..)?;
    if u64_at(bytes, 0)? != salt {
        return None;
    }
    let total = FRAME_HEADER_BYTES.checked_add(u32_at(bytes, 16)? as usize)?;
    let whole = bytes.get(..total)?;
    if u32_at(bytes, 20)? != frame_checksum(whole) {
        return None;
    }
    let end = offset + aligned(total);
    Some(Frame { sequence: u64_at(bytes, 8)?, payload: &whole[FRAME_HEADER_BYTES..], end })
}

/// The length that a frame header at `offset` claims, if it begins with the salt.
pub(super) fn claimed_bytes(segment: &[u8], offset: usize, salt: u64) -> Option<usize> {
    let bytes = segment.get(offset..)?;
    (u64_at(bytes, 0)? == salt).then_some(())?;
    Some(aligned(FRAME_HEADER_BYTES + u32_at(bytes, 16)? as usize))
}

pub(super) fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(FRAME_ALIGN)
}

fn frame_checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..20]), &frame[FRAME_HEADER_BYTES..])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
