//! Permissions of roles.

use bytes::Bytes;
use proto::authpb;
use store::users::PermissionRecord;

/// To the wire.
pub(crate) fn permission(record: PermissionRecord) -> authpb::Permission {
    authpb::Permission { perm_type: record.kind, key: record.key, range_end: record.range_end }
}

/// From the wire. A kind that nobody knows is kept and allows nothing, as in etcd.
pub(crate) fn permission_record(permission: authpb::Permission) -> PermissionRecord {
    PermissionRecord { kind: permission.perm_type, key: permission.key, range_end: permission.range_end }
}

/// The keys of a permission whose kind does not matter.
pub(crate) fn record_of_range(key: Bytes, range_end: Bytes) -> PermissionRecord {
    PermissionRecord { key, range_end, ..PermissionRecord::default() }
}
