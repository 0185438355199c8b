//! The one table that says what kind of access each RPC needs.
//!
//! A method that is not here is not served: the gate refuses what it cannot find, and a test compares the table with
//! the descriptors of all services.

use std::collections::HashMap;
use std::sync::LazyLock;

use auth::RpcClass::{self, Admin, DataRead, DataWrite, Status};

/// One row of the table: service, method, class.
type Row = (&'static str, &'static str, RpcClass);

const KV: &str = "etcdserverpb.KV";
const LEASE: &str = "etcdserverpb.Lease";
const CLUSTER: &str = "etcdserverpb.Cluster";
const MAINTENANCE: &str = "etcdserverpb.Maintenance";
const AUTH: &str = "etcdserverpb.Auth";
const LOCK: &str = "v3lockpb.Lock";
const ELECTION: &str = "v3electionpb.Election";
const PLUGINS: &str = "strongroom.admin.v1.Plugins";
const KEYS: &str = "strongroom.admin.v1.Keys";

const TABLE: &[Row] = &[
    (KV, "Range", DataRead),
    (KV, "RangeStream", DataRead),
    (KV, "Put", DataWrite),
    (KV, "DeleteRange", DataWrite),
    (KV, "Txn", DataWrite),
    // kube-apiserver compacts, so this stays open to data clients.
    (KV, "Compact", DataWrite),
    ("etcdserverpb.Watch", "Watch", DataRead),
    (LEASE, "LeaseGrant", DataWrite),
    (LEASE, "LeaseRevoke", DataWrite),
    (LEASE, "LeaseKeepAlive", DataWrite),
    (LEASE, "LeaseTimeToLive", DataRead),
    (LEASE, "LeaseLeases", DataRead),
    (CLUSTER, "MemberAdd", Admin),
    (CLUSTER, "MemberRemove", Admin),
    (CLUSTER, "MemberUpdate", Admin),
    // Client libraries find the endpoints with it.
    (CLUSTER, "MemberList", Status),
    (CLUSTER, "MemberPromote", Admin),
    // Reading alarms is open; the handler asks for an administrator before it changes one.
    (MAINTENANCE, "Alarm", Status),
    (MAINTENANCE, "Status", Status),
    (MAINTENANCE, "Defragment", Admin),
    (MAINTENANCE, "Hash", Status),
    (MAINTENANCE, "HashKV", Status),
    (MAINTENANCE, "Snapshot", Admin),
    (MAINTENANCE, "MoveLeader", Admin),
    (MAINTENANCE, "Downgrade", Admin),
    (AUTH, "AuthEnable", Admin),
    (AUTH, "AuthDisable", Admin),
    (AUTH, "AuthStatus", Status),
    // Whoever authenticates is nobody yet.
    (AUTH, "Authenticate", DataRead),
    (AUTH, "UserAdd", Admin),
    (AUTH, "UserGet", Admin),
    (AUTH, "UserList", Admin),
    (AUTH, "UserDelete", Admin),
    (AUTH, "UserChangePassword", Admin),
    (AUTH, "UserGrantRole", Admin),
    (AUTH, "UserRevokeRole", Admin),
    (AUTH, "RoleAdd", Admin),
    (AUTH, "RoleGet", Admin),
    (AUTH, "RoleList", Admin),
    (AUTH, "RoleDelete", Admin),
    (AUTH, "RoleGrantPermission", Admin),
    (AUTH, "RoleRevokePermission", Admin),
    (LOCK, "Lock", DataWrite),
    (LOCK, "Unlock", DataWrite),
    (ELECTION, "Campaign", DataWrite),
    (ELECTION, "Proclaim", DataWrite),
    (ELECTION, "Leader", DataRead),
    (ELECTION, "Observe", DataRead),
    (ELECTION, "Resign", DataWrite),
    (PLUGINS, "Install", Admin),
    (PLUGINS, "List", Admin),
    (PLUGINS, "Remove", Admin),
    (KEYS, "Status", Admin),
];

/// A classified RPC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Method {
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    pub(crate) class: RpcClass,
}

/// The method behind a request's path, or `None` when nobody classified it.
pub(crate) fn method(path: &str) -> Option<Method> {
    static BY_PATH: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
        let row = |&(service, name, class): &Row| (format!("/{service}/{name}"), Method { service, name, class });
        TABLE.iter().map(row).collect()
    });
    BY_PATH.get(path).copied()
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;
