//! Reading the families, whether from a snapshot or through the writes staged on top of it.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::{StoreError, family::Family};

/// What a scan does with each entry.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// A consistent view of all families.
pub(crate) trait Read {
    /// One entry.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Every entry from `from` up to but not including `to`, in order, until `visit` breaks.
    fn scan(&self, family: Family, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// How many live keys there are from `from` up to but not including `to`.
    fn count(&self, from: &[u8], to: Option<&[u8]>) -> Result<u64, StoreError>;
}

/// Keys of the `meta` family.
pub(crate) mod meta {
    /// Newest revision.
    pub(crate) const REVISION: &[u8] = b"revision";
    /// Revision of the last compaction.
    pub(crate) const COMPACTED: &[u8] = b"compacted";
    /// Revision up to which the compaction has removed records.
    pub(crate) const SWEPT: &[u8] = b"swept";
    /// Policy epoch.
    pub(crate) const POLICY_EPOCH: &[u8] = b"policy_epoch";
    /// Policy epoch in which rules or data keys last changed.
    pub(crate) const KEYRING_EPOCH: &[u8] = b"keyring_epoch";
    /// Policy epoch whose rules and data keys every record is known to follow.
    pub(crate) const SETTLED_EPOCH: &[u8] = b"settled_epoch";
    /// Policy epoch before which nothing is to lie in a file any more.
    pub(crate) const FORGET_EPOCH: &[u8] = b"forget_epoch";
    /// What the next one counted up to when that was last set.
    pub(crate) const RESEALED_BEFORE: &[u8] = b"resealed_before";
    /// How often the digest of a record changed, or whether it has one.
    pub(crate) const RESEALED: &[u8] = b"resealed";
    /// Above zero while a prefix that was plain is sealed, and that is not settled yet.
    pub(crate) const SEALED_ANEW: &[u8] = b"sealed_anew";
    /// There is an index of all live keys.
    pub(crate) const INDEXED: &[u8] = b"indexed";
    /// Log id of the last applied entry, as the consensus layer encodes it.
    pub(crate) const APPLIED: &[u8] = b"applied";
    /// Membership of the cluster, as the consensus layer encodes it.
    pub(crate) const MEMBERSHIP: &[u8] = b"membership";
    /// Alarms that stand.
    pub(crate) const ALARMS: &[u8] = b"alarms";
    /// The number of the newest record of what administrators did.
    pub(crate) const ACTIONS: &[u8] = b"actions";
    /// Version and downgrade of the cluster, and members that moved.
    pub(crate) const CLUSTER: &[u8] = b"cluster";
}

/// A number of the `meta` family.
pub(crate) fn meta_number(read: &dyn Read, key: &[u8]) -> Result<Option<i64>, StoreError> {
    let Some(bytes) = read.get(Family::Meta, key)? else { return Ok(None) };
    let bytes: [u8; 8] =
        bytes.as_ref().try_into().map_err(|_| StoreError::damaged("a counter has the wrong length"))?;
    Ok(Some(i64::from_be_bytes(bytes)))
}

/// Newest revision; an empty store is at revision 1, as etcd's.
pub(crate) fn revision(read: &dyn Read) -> Result<i64, StoreError> {
    Ok(meta_number(read, meta::REVISION)?.unwrap_or(1))
}

/// Revision of the last compaction; -1 for none, as etcd's.
pub(crate) fn compacted(read: &dyn Read) -> Result<i64, StoreError> {
    Ok(meta_number(read, meta::COMPACTED)?.unwrap_or(-1))
}

/// Policy epoch; zero before the first policy.
pub(crate) fn policy_epoch(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(meta_number(read, meta::POLICY_EPOCH)?.unwrap_or(0).cast_unsigned())
}
