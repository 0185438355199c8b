//! A hash of the replicated key space, equal on every member that applied the same log.
//!
//! It covers what a rewrap leaves alone: of a sealed value its keyed digest, not its ciphertext. It does not
//! depend on how far the removal of compacted records has come.

use std::ops::ControlFlow;

use crate::{
    ReadError, StoreError,
    family::Family,
    kept, keyring,
    layout::{Record, split_past_key},
    range::check_revision,
    read::{self, Read},
};

/// What HashKV answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKv {
    /// CRC-32C over every visible record.
    pub hash: u32,
    /// Revision of the last compaction.
    pub compact_revision: i64,
    /// Revision up to which was hashed.
    pub hash_revision: i64,
    /// How many records were sealed, unsealed or given another digest so far, which changes hashes but no revision.
    pub resealed: u64,
}

pub(crate) fn hash_kv(read: &dyn Read, revision: i64) -> Result<HashKv, ReadError> {
    let newest = read::revision(read)?;
    check_revision(read, revision, newest)?;
    // As etcd: a negative revision is before everything.
    let hash_revision = if revision == 0 { newest } else { revision };
    let compact_revision = read::compacted(read)?;
    // Of nothing it is not zero, which the wire leaves out.
    let mut hash = Hash(crc32c::crc32c(b"key"));
    hash_live(read, hash_revision, &mut hash)?;
    hash_past(read, hash_revision, compact_revision, &mut hash)?;
    Ok(HashKv { hash: hash.0, compact_revision, hash_revision, resealed: keyring::resealed(read)? })
}

/// Records are hashed one by one and added up, so that it does not matter in which family a record lies.
struct Hash(u32);

impl Hash {
    fn add(&mut self, key: &[u8], record: Option<&Record>, revision: i64) {
        let mut one = crc32c::crc32c(key);
        one = crc32c::crc32c_append(one, &revision.to_be_bytes());
        if let Some(record) = record {
            for number in [record.create_revision, record.version, record.lease] {
                one = crc32c::crc32c_append(one, &number.to_be_bytes());
            }
            one = match record.value.digest() {
                Some(digest) => crc32c::crc32c_append(one, &digest),
                None => crc32c::crc32c_append(one, record.value.bytes()),
            };
        }
        self.0 = self.0.wrapping_add(one);
    }
}

fn hash_live(read: &dyn Read, revision: i64, hash: &mut Hash) -> Result<(), StoreError> {
    read.scan(Family::Live, &[], None, &mut |key, value| {
        let record = Record::decode(bytes::Bytes::copy_from_slice(value))?;
        if let Some(record) = record.filter(|record| record.mod_revision <= revision) {
            hash.add(key, Some(&record), record.mod_revision);
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Of each key's older records: all after the compaction, and the one that the compaction kept, which is
/// the newest at or before it, unless something at or before the compaction superseded that in turn.
fn hash_past(read: &dyn Read, revision: i64, compacted: i64, hash: &mut Hash) -> Result<(), StoreError> {
    let mut kept_for: Option<Vec<u8>> = None;
    read.scan(Family::Past, &[], None, &mut |key, value| {
        let (user_key, at) = split_past_key(key)?;
        if at > revision || kept_for.as_ref() == Some(&user_key) {
            return Ok(ControlFlow::Continue(()));
        }
        let record = Record::decode(bytes::Bytes::copy_from_slice(value))?;
        if at > compacted {
            hash.add(&user_key, record.as_ref(), at);
            return Ok(ControlFlow::Continue(()));
        }
        if record.is_some() && kept::is_newest_in_past(read, compacted, &user_key)? {
            hash.add(&user_key, record.as_ref(), at);
        }
        kept_for = Some(user_key);
        Ok(ControlFlow::Continue(()))
    })
}
