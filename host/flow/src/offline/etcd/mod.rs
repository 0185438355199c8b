//! etcd's files: a snapshot or the data of a member that does not run, read; and a snapshot, written.
//!
//! | bucket | key -> value |
//! |---|---|
//! | `key` | revision (main, `_`, sub; with a `t` behind it for a delete) -> `mvccpb.KeyValue` |
//! | `lease` | id -> `leasepb.Lease` |
//! | `auth` | `authEnabled`, `authRevision` |
//! | `authUsers`, `authRoles` | name -> `authpb.User`, `authpb.Role` |
//! | `meta` | `finishedCompactRev`, `scheduledCompactRev` -> revision; `consistent_index`, `term` |

mod export;
mod file;
mod import;
mod opener;
mod records;
mod sealer;
mod wal;

pub use export::{Export, Exported, export};
pub use import::{Change, Happened, Import, Imported, Importing, import};
pub use records::key_value;

/// Buckets.
mod bucket {
    pub(super) const ALARM: &[u8] = b"alarm";
    pub(super) const AUTH: &[u8] = b"auth";
    pub(super) const ROLES: &[u8] = b"authRoles";
    pub(super) const USERS: &[u8] = b"authUsers";
    pub(super) const CLUSTER: &[u8] = b"cluster";
    pub(super) const KEY: &[u8] = b"key";
    pub(super) const LEASE: &[u8] = b"lease";
    pub(super) const MEMBERS: &[u8] = b"members";
    pub(super) const MEMBERS_REMOVED: &[u8] = b"members_removed";
    pub(super) const META: &[u8] = b"meta";
}

/// Keys of the buckets `auth`, `cluster` and `meta`.
mod name {
    pub(super) const AUTH_ENABLED: &[u8] = b"authEnabled";
    pub(super) const AUTH_REVISION: &[u8] = b"authRevision";
    pub(super) const CLUSTER_VERSION: &[u8] = b"clusterVersion";
    pub(super) const COMPACTED: &[u8] = b"finishedCompactRev";
    pub(super) const CONSISTENT_INDEX: &[u8] = b"consistent_index";
    pub(super) const SCHEDULED: &[u8] = b"scheduledCompactRev";
    pub(super) const TERM: &[u8] = b"term";
}
