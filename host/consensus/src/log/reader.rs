//! Entries back from the disk: neighbours in one read, every record checked.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::error::LogError;
use super::frame::Slot;
use super::record::{RECORD_HEADER_BYTES, Record};
use super::segment::Segment;
use super::state::Source;

/// Bytes between two entries that are cheaper to read over than to skip: a frame header and small records.
const GAP_BYTES_MAX: u32 = 4096;
/// Bytes of one read; a larger single entry is read whole.
const READ_BYTES_MAX: u32 = 1024 * 1024;

/// Entries of one segment that one read fetches.
struct Run {
    segment: Arc<Segment>,
    slots: Vec<(u64, Slot)>,
}

impl Run {
    fn start(&self) -> u32 {
        self.slots[0].1.offset
    }

    fn end(&self) -> u32 {
        self.slots.last().map_or(0, |(_, slot)| slot.offset + slot.bytes)
    }

    fn takes(&self, segment: &Arc<Segment>, slot: Slot) -> bool {
        Arc::ptr_eq(&self.segment, segment)
            && slot.offset.checked_sub(self.end()).is_some_and(|gap| gap <= GAP_BYTES_MAX)
            && slot.offset + slot.bytes - self.start() <= READ_BYTES_MAX
    }

    fn read(self, out: &mut Vec<(u64, Bytes)>) -> Result<(), LogError> {
        let start = self.start();
        let mut bytes = vec![0; (self.end() - start) as usize];
        let Segment { file, path, header } = &*self.segment;
        file.read_exact_at(&mut bytes, u64::from(start)).map_err(LogError::io("read", path))?;
        let bytes = Bytes::from(bytes);
        for (index, slot) in &self.slots {
            let from = (slot.offset - start) as usize;
            let record = bytes.slice(from..from + slot.bytes as usize);
            match Record::decode(header.salt, &record) {
                Some((Record::Entry { index: found, .. }, length)) if found == *index && length == record.len() => {
                    out.push((*index, record.slice(RECORD_HEADER_BYTES..)));
                }
                _ => {
                    let reason = format!("the record of entry {index} does not match its checksum");
                    return Err(LogError::damaged(path, u64::from(slot.offset), reason));
                }
            }
        }
        Ok(())
    }
}

/// Fetches `sources` in order.
pub(super) fn read(sources: Vec<Source>) -> Result<Vec<(u64, Bytes)>, LogError> {
    let mut out = Vec::with_capacity(sources.len());
    let mut run: Option<Run> = None;
    for source in sources {
        match source {
            Source::Disk(index, segment, slot) => match &mut run {
                Some(open) if open.takes(&segment, slot) => open.slots.push((index, slot)),
                _ => {
                    let fresh = Run { segment, slots: vec![(index, slot)] };
                    run.replace(fresh).map_or(Ok(()), |full| full.read(&mut out))?;
                }
            },
            Source::Memory(index, payload) => {
                run.take().map_or(Ok(()), |full| full.read(&mut out))?;
                out.push((index, payload));
            }
        }
    }
    run.map_or(Ok(()), |full| full.read(&mut out))?;
    Ok(out)
}
