//! Leases and the keys attached to them. Who expires when is the leader's business (see `flow`).

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::{
    StoreError,
    family::Family,
    layout::{lease_attachment, lease_key, number, prefix_end},
    read::Read,
};

/// A lease as the state holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Its id.
    pub id: i64,
    /// Time to live in seconds, as granted.
    pub ttl_seconds: i64,
}

pub(crate) fn find(read: &dyn Read, id: i64) -> Result<Option<LeaseRecord>, StoreError> {
    let Some(value) = read.get(Family::Lease, &lease_key(id))? else { return Ok(None) };
    Ok(Some(LeaseRecord { id, ttl_seconds: ttl(&value)? }))
}

pub(crate) fn all(read: &dyn Read) -> Result<Vec<LeaseRecord>, StoreError> {
    let mut found = Vec::new();
    read.scan(Family::Lease, b"L", Some(b"M"), &mut |key, value| {
        if key.len() != 9 {
            return Err(StoreError::damaged("a lease key has the wrong length"));
        }
        found.push(LeaseRecord { id: number(key, 1), ttl_seconds: ttl(value)? });
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

fn ttl(value: &[u8]) -> Result<i64, StoreError> {
    if value.len() == 8 { Ok(number(value, 0)) } else { Err(StoreError::damaged("a lease has the wrong length")) }
}
