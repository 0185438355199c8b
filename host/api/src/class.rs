//! The one table that says what kind of access each RPC needs.
//!
//! A method that is not here is not served: the gate refuses what it cannot find, and a test compares the table with
//! the descriptors of all services.

use std::collections::HashMap;
use std::sync::LazyLock;

use auth::RpcClass::{self, Admin, DataRead, DataWrite, Status};

use crate::gateway::described_method;

/// One row of the table: service, method, class.
type Row = (&'static str, &'static str, RpcClass);

const KV: &str = "etcdserverpb.KV";
const LEASE: &str = "etcdserverpb.Lease";
const CLUSTER: &str = "etcdserverpb.Cluster";
const MAINTENANCE: &str = "etcdserverpb.Maintenance";
const AUTH: &str = "etcdserverpb.Auth";
const LOCK: &str = "v3lockpb.Lock";
const ELECTION: &str = "v3electionpb.Election";
const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const OLD_REFLECTION: &str = "grpc.reflection.v1alpha.ServerReflection";
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
    // Probes of load balancers and tools that ask which calls there are.
    (HEALTH, "Check", Status),
    (HEALTH, "List", Status),
    (HEALTH, "Watch", Status),
    (REFLECTION, "ServerReflectionInfo", Status),
    (OLD_REFLECTION, "ServerReflectionInfo", Status),
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
    pub(crate) kind: CallKind,
}

/// Which side of a call streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Unary,
    ClientStream,
    ServerStream,
    BothStream,
}

impl CallKind {
    fn of(service: &str, method: &str) -> Self {
        // What our own descriptors do not know is reflection, whose calls stream both ways.
        let Some(method) = described_method(service, method) else { return Self::BothStream };
        match (method.is_client_streaming(), method.is_server_streaming()) {
            (false, false) => Self::Unary,
            (true, false) => Self::ClientStream,
            (false, true) => Self::ServerStream,
            (true, true) => Self::BothStream,
        }
    }

    /// As Go's gRPC calls it in its metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ClientStream => "client_stream",
            Self::ServerStream => "server_stream",
            Self::BothStream => "bidi_stream",
        }
    }
}

/// The method behind a request's path, or `None` when nobody classified it.
pub(crate) fn method(path: &str) -> Option<Method> {
    static BY_PATH: LazyLock<HashMap<String, Method>> =
        LazyLock::new(|| all().map(|method| (format!("/{}/{}", method.service, method.name), method)).collect());
    BY_PATH.get(path).copied()
}

/// Every method of the table.
pub(crate) fn all() -> impl Iterator<Item = Method> {
    let method = |&(service, name, class): &Row| Method { service, name, class, kind: CallKind::of(service, name) };
    TABLE.iter().map(method)
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;
