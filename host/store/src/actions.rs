//! What administrators did, as every member knows it: a chain of records, each of which vouches for all before it.
//!
//! What a record says is nothing to the state, which chains it and says when it came: see the crate `audit`.

use std::ops::ControlFlow;

use audit::{ClusterLink, Hash, cluster_hash};
use bytes::Bytes;
use prost::Message;

use crate::{
    StoreError,
    command::RecordAction,
    family::Family,
    read::{self, Read, meta},
    stage::Stage,
};

/// Records that the state keeps; members write them all into files of their own as they come.
const KEPT: u64 = 100_000;

/// A record, and its place.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct ActionRecord {
    /// Its number, from one.
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// The policy epoch when it was applied.
    #[prost(uint64, tag = "2")]
    pub policy_epoch: u64,
    /// The newest revision when it was applied.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// The hash of the record before.
    #[prost(bytes = "bytes", tag = "4")]
    pub prev: Bytes,
    /// Its own hash.
    #[prost(bytes = "bytes", tag = "5")]
    pub hash: Bytes,
    /// What happened.
    #[prost(bytes = "bytes", tag = "6")]
    pub event: Bytes,
}

impl std::fmt::Debug for ActionRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "action {}", self.seq)
    }
}

impl ActionRecord {
    /// Its place in the chain.
    ///
    /// # Errors
    /// [`StoreError`] when its hashes are none.
    pub fn link(&self) -> Result<ClusterLink, StoreError> {
        let hash = |bytes: &Bytes| Hash::from_bytes(bytes).ok_or_else(damaged);
        Ok(ClusterLink { seq: self.seq, prev: hash(&self.prev)?, hash: hash(&self.hash)? })
    }
}

pub(crate) fn record(stage: &mut Stage<'_>, action: &RecordAction) -> Result<(), StoreError> {
    let last = end(stage)?;
    let (before, prev) = match &last {
        Some(last) => (last.seq, last.link()?.hash),
        None => (0, Hash::default()),
    };
    let (seq, policy_epoch, revision) = (before + 1, read::policy_epoch(stage)?, read::revision(stage)?);
    let hash = cluster_hash(&prev, seq, policy_epoch, revision, &action.event);
    let bytes = |hash: &Hash| Bytes::copy_from_slice(hash.bytes());
    let record = ActionRecord {
        seq,
        policy_epoch,
        revision,
        prev: bytes(&prev),
        hash: bytes(&hash),
        event: action.event.clone(),
    };
    stage.put(Family::Audit, key(seq), record.encode_to_vec());
    stage.put_number(meta::ACTIONS, seq.cast_signed());
    if let Some(old) = seq.checked_sub(KEPT) {
        stage.delete(Family::Audit, key(old));
    }
    Ok(())
}

/// The newest record.
pub(crate) fn end(read: &dyn Read) -> Result<Option<ActionRecord>, StoreError> {
    let Some(seq) = read::meta_number(read, meta::ACTIONS)? else { return Ok(None) };
    let bytes = read.get(Family::Audit, &key(seq.cast_unsigned()))?.ok_or_else(damaged)?;
    Ok(Some(decode(&bytes)?))
}

/// At most so many records from number `from` on.
pub(crate) fn since(read: &dyn Read, from: u64, limit: usize) -> Result<Vec<ActionRecord>, StoreError> {
    let mut found = Vec::new();
    read.scan(Family::Audit, &key(from), None, &mut |_, value| {
        found.push(decode(value)?);
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

fn key(seq: u64) -> Bytes {
    Bytes::copy_from_slice(&seq.to_be_bytes())
}

fn decode(bytes: &[u8]) -> Result<ActionRecord, StoreError> {
    ActionRecord::decode(bytes).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::damaged("a record of the audit log")
}
