//! Leases and the keys attached to them. Who expires when is the leader's business (see `flow`).

use std::ops::ControlFlow;

use bytes::Bytes;
use prost::Message;

use crate::{
    Store, StoreError,
    db::family_handle,
    family::Family,
    layout::{lease_attachment, lease_key, number, prefix_end},
    read::Read,
    stage::Stage,
    users::Author,
};

/// Creates a lease.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct LeaseGrant {
    /// The lease's id, chosen by client or proposer.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Time to live in seconds.
    #[prost(int64, tag = "2")]
    pub ttl_seconds: i64,
}

/// Ends a lease.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseRevoke {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Who asks for it; without it nobody in particular.
    #[prost(message, optional, tag = "2")]
    pub author: Option<Author>,
}

/// Notes how long leases have left, so that a restart does not give them all of their time again.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseCheckpoint {
    /// The leases; those that are gone are passed over.
    #[prost(message, repeated, tag = "1")]
    pub leases: Vec<LeaseRemaining>,
}

/// How long one lease has left.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct LeaseRemaining {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Seconds left; zero once it was kept alive, and so has all of its time again.
    #[prost(int64, tag = "2")]
    pub remaining_seconds: i64,
}

/// A lease as the state holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Its id.
    pub id: i64,
    /// Time to live in seconds, as granted.
    pub ttl_seconds: i64,
    /// Seconds that it had left at its last checkpoint; zero for none since it was granted or kept alive.
    pub remaining_seconds: i64,
}

impl LeaseRecord {
    fn decode(id: i64, value: &[u8]) -> Result<Self, StoreError> {
        match value.len() {
            8 => Ok(Self { id, ttl_seconds: number(value, 0), remaining_seconds: 0 }),
            16 => Ok(Self { id, ttl_seconds: number(value, 0), remaining_seconds: number(value, 8) }),
            _ => Err(StoreError::damaged("a lease has the wrong length")),
        }
    }

    /// Without a checkpoint as versions before checkpoints wrote it.
    fn encode(self) -> Bytes {
        let ttl = self.ttl_seconds.to_be_bytes();
        match self.remaining_seconds {
            0 => Bytes::copy_from_slice(&ttl),
            remaining => [ttl, remaining.to_be_bytes()].concat().into(),
        }
    }
}

pub(crate) fn put(stage: &mut Stage<'_>, lease: LeaseRecord) {
    stage.put(Family::Lease, lease_key(lease.id), lease.encode());
}

/// Hangs a key on another lease, zero for none.
pub(crate) fn move_key(stage: &mut Stage<'_>, key: &Bytes, from: i64, to: i64) {
    if from != to && from != 0 {
        stage.delete(Family::Lease, lease_attachment(from, key));
    }
    if from != to && to != 0 {
        stage.put(Family::Lease, lease_attachment(to, key), Bytes::new());
    }
}

pub(crate) fn find(read: &dyn Read, id: i64) -> Result<Option<LeaseRecord>, StoreError> {
    read.get(Family::Lease, &lease_key(id))?.map(|value| LeaseRecord::decode(id, &value)).transpose()
}

impl Store {
    /// One lease as of the newest applied state. A single entry takes no view, for which readers and writers wait for each other.
    ///
    /// # Errors
    /// When the disk does.
    pub fn lease(&self, id: i64) -> Result<Option<LeaseRecord>, StoreError> {
        self.with_database(|database| {
            let value = database.get_pinned_cf(family_handle(database, Family::Lease), lease_key(id))?;
            value.map(|value| LeaseRecord::decode(id, &value)).transpose()
        })
    }
}

pub(crate) fn all(read: &dyn Read) -> Result<Vec<LeaseRecord>, StoreError> {
    let mut found = Vec::new();
    read.scan(Family::Lease, b"L", Some(b"M"), &mut |key, value| {
        if key.len() != 9 {
            return Err(StoreError::damaged("a lease key has the wrong length"));
        }
        found.push(LeaseRecord::decode(number(key, 1), value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

pub(crate) fn keys(read: &dyn Read, id: i64) -> Result<Vec<Bytes>, StoreError> {
    let prefix = lease_attachment(id, &[]);
    let mut found = Vec::new();
    read.scan(Family::Lease, &prefix, prefix_end(&prefix).as_deref(), &mut |key, _| {
        found.push(Bytes::copy_from_slice(&key[prefix.len()..]));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
