//! What lies in etcd's buckets.

use auth::AUTH_REVISION_FIRST;
use bytes::Bytes;
use prost::Message;
use proto::{authpb, mvccpb};
use store::{
    LeaseRecord,
    users::{PermissionRecord, RoleRecord, UserRecord},
};
use types::KeyValue;

/// Length of a revision, without the mark of a delete.
const REVISION_BYTES: usize = 17;

/// What is between main and sub-revision.
const BETWEEN: u8 = b'_';

/// What marks a delete.
const TOMBSTONE: u8 = b't';

/// A place in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Revision {
    pub(super) main: i64,
    pub(super) sub: i64,
    pub(super) is_tombstone: bool,
}

impl Revision {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (revision, mark) = bytes.split_at_checked(REVISION_BYTES)?;
        let is_tombstone = match mark {
            [] => false,
            [TOMBSTONE] => true,
            _ => return None,
        };
        (revision[8] == BETWEEN).then_some(())?;
        let number = |bytes: &[u8]| bytes.first_chunk().copied().map(i64::from_be_bytes);
        let (main, sub) = (number(revision)?, number(&revision[9..])?);
        (main > 0 && sub >= 0).then_some(Self { main, sub, is_tombstone })
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = self.main.to_be_bytes().to_vec();
        bytes.push(BETWEEN);
        bytes.extend(self.sub.to_be_bytes());
        bytes.extend(self.is_tombstone.then_some(TOMBSTONE));
        bytes
    }
}

/// etcd's `leasepb.Lease`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Lease {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(int64, tag = "2")]
    ttl: i64,
    #[prost(int64, tag = "3")]
    remaining_ttl: i64,
}

pub(super) fn lease(bytes: Bytes) -> Option<LeaseRecord> {
    let Lease { id, ttl, remaining_ttl } = Lease::decode(bytes).ok()?;
    Some(LeaseRecord { id, ttl_seconds: ttl, remaining_seconds: remaining_ttl.max(0) })
}

pub(super) fn encode_lease(lease: LeaseRecord) -> Vec<u8> {
    Lease { id: lease.id, ttl: lease.ttl_seconds, remaining_ttl: lease.remaining_seconds }.encode_to_vec()
}

/// A key as etcd tells of it, with its value in the open.
#[must_use]
pub fn key_value(kv: mvccpb::KeyValue) -> KeyValue<Bytes> {
    let mvccpb::KeyValue { key, create_revision, mod_revision, version, lease, value } = kv;
    KeyValue { key, create_revision, mod_revision, version, lease, value }
}

pub(super) fn encode_key_value(kv: KeyValue<Bytes>) -> Vec<u8> {
    let KeyValue { key, create_revision, mod_revision, version, lease, value } = kv;
    mvccpb::KeyValue { key, create_revision, mod_revision, version, lease, value }.encode_to_vec()
}

/// A user. Passwords that were set before count as set at the first auth revision: no token of etcd's is valid here anyway.
pub(super) fn user(bytes: Bytes) -> Option<UserRecord> {
    let user = authpb::User::decode(bytes).ok()?;
    let mut roles = user.roles;
    roles.sort();
    Some(UserRecord {
        name: String::from_utf8(user.name.to_vec()).ok()?,
        password_hash: user.password,
        no_password: user.options.is_some_and(|options| options.no_password),
        roles,
        password_revision: AUTH_REVISION_FIRST,
    })
}

pub(super) fn encode_user(user: UserRecord) -> Vec<u8> {
    let options = Some(authpb::UserAddOptions { no_password: user.no_password });
    let UserRecord { name, password_hash, roles, .. } = user;
    authpb::User { name: name.into(), password: password_hash, roles, options }.encode_to_vec()
}

pub(super) fn role(bytes: Bytes) -> Option<RoleRecord> {
    let role = authpb::Role::decode(bytes).ok()?;
    let permission = |permission: authpb::Permission| PermissionRecord {
        kind: permission.perm_type,
        key: permission.key,
        range_end: permission.range_end,
    };
    let name = String::from_utf8(role.name.to_vec()).ok()?;
    Some(RoleRecord { name, permissions: role.key_permission.into_iter().map(permission).collect() })
}

pub(super) fn encode_role(role: RoleRecord) -> Vec<u8> {
    let permission = |PermissionRecord { kind, key, range_end }| authpb::Permission { perm_type: kind, key, range_end };
    let key_permission = role.permissions.into_iter().map(permission).collect();
    authpb::Role { name: role.name.into(), key_permission }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_etcds() {
        let bytes = b"\0\0\0\0\0\0\0\x07_\0\0\0\0\0\0\0\x01";
        let revision = Revision { main: 7, sub: 1, is_tombstone: false };
        assert_eq!((Revision::parse(bytes), revision.encode()), (Some(revision), bytes.to_vec()));
        let deleted = Revision { is_tombstone: true, ..revision };
        assert_eq!(Revision::parse(&deleted.encode()), Some(deleted));
        for broken in [&bytes[..16], &[bytes, &b"tt"[..]].concat(), &[bytes, &b"x"[..]].concat(), &[b'-'; 17]] {
            assert_eq!(Revision::parse(broken), None);
        }
    }
}
