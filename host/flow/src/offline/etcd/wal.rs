//! What the log of an etcd member holds beyond its database, and would be lost.

use std::{collections::BTreeMap, fs, io, path::Path};

use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};

/// Kinds of records: an entry, and what Raft has to remember, among it how far the log is committed.
const ENTRY: i64 = 2;
const STATE: i64 = 3;

/// The bits of a record's head that say how long it is; the others tell of padding.
const LENGTH_BITS: u32 = 56;

/// Largest record: above any request that etcd takes.
const RECORD_BYTES_MAX: usize = 512 << 20;

/// Methods of requests of the second API, as which old versions write down who their members are. Nothing of them is in the database.
const METHODS: [&[u8]; 5] = [b"PUT", b"POST", b"DELETE", b"QGET", b"SYNC"];

/// etcd's `walpb.Record`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Record {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(bytes = "vec", tag = "3")]
    data: Vec<u8>,
}

/// Raft's `raftpb.HardState`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct HardState {
    #[prost(uint64, tag = "3")]
    commit: u64,
}

/// Raft's `raftpb.Entry`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Entry {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(uint64, tag = "3")]
    index: u64,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
}

/// How many committed entries behind `applied` change keys, leases, users or roles. Others are of no concern to a database, and an
/// etcd that stops in order does not note in it that they are applied.
pub(super) fn missing(dir: &Path, applied: u64) -> io::Result<u64> {
    let mut files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    files.sort();
    let mut log = Log::default();
    for path in files {
        log.read(&fs::read(path)?, applied);
    }
    let committed = log.changes.range(applied + 1..=log.committed.max(applied));
    Ok(committed.filter(|(_, is_change)| **is_change).count() as u64)
}

#[derive(Default)]
struct Log {
    committed: u64,
    /// Whether an entry changes something, by its index; a later one takes the place of an earlier one.
    changes: BTreeMap<u64, bool>,
}

impl Log {
    /// Reads up to where records end: a file is longer than what was written to it, and a crash may have torn the last one.
    fn read(&mut self, mut bytes: &[u8], applied: u64) {
        while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
            let head = u64::from_le_bytes(*head);
            let padding = if head >> 63 == 1 { (head >> LENGTH_BITS) & 0x7 } else { 0 };
            let Ok(length) = usize::try_from(head & ((1 << LENGTH_BITS) - 1)) else { return };
            if length == 0 || length > RECORD_BYTES_MAX {
                return;
            }
            let Some((record, _)) = rest.split_at_checked(length) else { return };
            let Ok(record) = Record::decode(record) else { return };
            self.take(&record, applied);
            let Some(next) = rest.get(length + usize::try_from(padding).unwrap_or(0)..) else { return };
            bytes = next;
        }
    }

    fn take(&mut self, record: &Record, applied: u64) {
        match record.kind {
            STATE => {
                let state = HardState::decode(&record.data[..]).unwrap_or_default();
                self.committed = self.committed.max(state.commit);
            }
            ENTRY => {
                if let Some(entry) = Entry::decode(&record.data[..]).ok().filter(|entry| entry.index > applied) {
                    // Of another kind are changes of the membership.
                    let is_change = entry.kind == 0 && is_change(&entry.data);
                    self.changes.insert(entry.index, is_change);
                }
            }
            _ => {}
        }
    }
}

/// Whether an entry is an `InternalRaftRequest` that changes keys, leases, users or roles. What cannot be read counts as one.
fn is_change(mut data: &[u8]) -> bool {
    let mut changes = false;
    while !data.is_empty() {
        let Ok((tag, wire)) = decode_key(&mut data) else { return true };
        let content = match wire {
            WireType::Varint => decode_varint(&mut data).ok().map(|_| &data[..0]),
            WireType::LengthDelimited => decode_varint(&mut data).ok().and_then(|length| {
                let (content, rest) = data.split_at_checked(usize::try_from(length).ok()?)?;
                data = rest;
                Some(content)
            }),
            _ => None,
        };
        match (tag, content) {
            (_, None) => return true,
            (2, Some(method)) if METHODS.contains(&method) => return false,
            // Put, delete, transaction, compaction, leases; then users and roles.
            (4..=9 | 11 | 1000..=1299, Some(_)) => changes = true,
            _ => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: i64, data: Vec<u8>) -> Vec<u8> {
        let record = Record { kind, data }.encode_to_vec();
        let padding = (8 - record.len() % 8) % 8;
        let mut head = record.len() as u64;
        if padding != 0 {
            head |= (0x80 | padding as u64) << LENGTH_BITS;
        }
        [&head.to_le_bytes()[..], &record, &vec![0; padding]].concat()
    }

    fn state(commit: u64) -> Vec<u8> {
        frame(STATE, HardState { commit }.encode_to_vec())
    }

    fn entry(index: u64, data: &[u8]) -> Vec<u8> {
        frame(ENTRY, Entry { kind: 0, index, data: data.to_vec() }.encode_to_vec())
    }

    /// A put, whose request is empty; and how etcd 3.4 writes down a member.
    const PUT: &[u8] = &[0x08, 1, 0x22, 0];
    const MEMBER: &[u8] = b"\x08\x01\x12\x03PUT\x1a\x02/0\x22\x02{}";

    fn missing_of(log: &[u8], applied: u64) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("0.wal"), log).unwrap();
        missing(dir.path(), applied).unwrap()
    }

    #[test]
    fn what_changes_data_is_missed_and_nothing_else() {
        let log = [entry(1, &[]), entry(2, PUT), entry(3, MEMBER), entry(4, PUT), state(3), entry(5, PUT)].concat();
        assert_eq!((missing_of(&log, 0), missing_of(&log, 1), missing_of(&log, 2)), (1, 1, 0));
        let log = [&log[..], &state(5), &[0; 64]].concat();
        assert_eq!((missing_of(&log, 2), missing_of(&log, 4), missing_of(&log, 5)), (2, 1, 0));
        assert_eq!(missing_of(&log[..log.len() - 65 - 8], 2), 0, "the last state is torn");
        assert_eq!(missing_of(&[log, entry(5, &[])].concat(), 4), 1, "behind the end of what was written");
        assert_eq!(missing_of(&[0xff; 100], 0), 0);
        assert!(is_change(&[0xff; 20]), "what cannot be read counts");
    }
}
