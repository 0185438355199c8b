//! The one table that says what kind of access each RPC needs.
//!
//! A method that is not here is not served: the gate refuses what it cannot find, and a test compares the table with
//! the descriptors of all services.

use std::collections::HashMap;
use std::sync::LazyLock;

use auth::Requirement::{self, GoodCredentials, Nothing, Permit, Root, User};
use auth::RpcClass::{self, Admin, Backup, DataRead, DataWrite, Oversight, Status};
use proto::admin::PluginChange;

use crate::gateway::described_method;
use crate::record::Message;

/// One row of the table: service, method, class, and what users and roles require once they are on.
type Row = (&'static str, &'static str, RpcClass, Requirement);

// Shared with the routes of the gateway.
pub(crate) const KV: &str = "etcdserverpb.KV";
pub(crate) const LEASE: &str = "etcdserverpb.Lease";
pub(crate) const CLUSTER: &str = "etcdserverpb.Cluster";
pub(crate) const MAINTENANCE: &str = "etcdserverpb.Maintenance";
pub(crate) const AUTH: &str = "etcdserverpb.Auth";
pub(crate) const LOCK: &str = "v3lockpb.Lock";
pub(crate) const ELECTION: &str = "v3electionpb.Election";

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const OLD_REFLECTION: &str = "grpc.reflection.v1alpha.ServerReflection";
pub(crate) const PLUGINS: &str = "strongroom.admin.v1.Plugins";
pub(crate) const KEYS: &str = "strongroom.admin.v1.Keys";
pub(crate) const SEAL: &str = "strongroom.admin.v1.Seal";
const AUDIT: &str = "strongroom.admin.v1.Audit";

const TABLE: &[Row] = &[
    (KV, "Range", DataRead, Permit),
    (KV, "RangeStream", DataRead, Permit),
    (KV, "Put", DataWrite, Permit),
    (KV, "DeleteRange", DataWrite, Permit),
    (KV, "Txn", DataWrite, Permit),
    // kube-apiserver compacts, so this stays open to data clients; with users on it takes the root role, as in etcd.
    (KV, "Compact", DataWrite, Root),
    ("etcdserverpb.Watch", "Watch", DataRead, Permit),
    (LEASE, "LeaseGrant", DataWrite, User),
    (LEASE, "LeaseRevoke", DataWrite, User),
    (LEASE, "LeaseKeepAlive", DataWrite, Permit),
    (LEASE, "LeaseTimeToLive", DataRead, Permit),
    (LEASE, "LeaseLeases", DataRead, Permit),
    (CLUSTER, "MemberAdd", Admin, Root),
    (CLUSTER, "MemberRemove", Admin, Root),
    (CLUSTER, "MemberUpdate", Admin, Root),
    // Client libraries find the endpoints with it.
    (CLUSTER, "MemberList", Status, User),
    (CLUSTER, "MemberPromote", Admin, Root),
    // Reading alarms is open; what changes one is for administrators.
    (MAINTENANCE, "Alarm", Status, Permit),
    (MAINTENANCE, "Status", Status, User),
    (MAINTENANCE, "Defragment", Admin, Root),
    // Monitoring compares hashes; the operator may leave them to administrators.
    (MAINTENANCE, "Hash", Status, Root),
    (MAINTENANCE, "HashKV", Status, Root),
    (MAINTENANCE, "Snapshot", Backup, Root),
    (MAINTENANCE, "MoveLeader", Admin, Root),
    (MAINTENANCE, "Downgrade", Admin, Root),
    (AUTH, "AuthEnable", Admin, Root),
    (AUTH, "AuthDisable", Admin, Root),
    (AUTH, "AuthStatus", Status, GoodCredentials),
    // Whoever authenticates is nobody yet.
    (AUTH, "Authenticate", DataRead, Nothing),
    // The length of a password is judged before its sender is, as in etcd.
    (AUTH, "UserAdd", Admin, Permit),
    // Users may ask about themselves.
    (AUTH, "UserGet", Status, Permit),
    (AUTH, "UserList", Oversight, Root),
    (AUTH, "UserDelete", Admin, Root),
    (AUTH, "UserChangePassword", Admin, Permit),
    (AUTH, "UserGrantRole", Admin, Root),
    (AUTH, "UserRevokeRole", Admin, Root),
    (AUTH, "RoleAdd", Admin, Root),
    (AUTH, "RoleGet", Status, Permit),
    (AUTH, "RoleList", Oversight, Root),
    (AUTH, "RoleDelete", Admin, Root),
    (AUTH, "RoleGrantPermission", Admin, Root),
    (AUTH, "RoleRevokePermission", Admin, Root),
    (LOCK, "Lock", DataWrite, Permit),
    (LOCK, "Unlock", DataWrite, Permit),
    (ELECTION, "Campaign", DataWrite, Permit),
    (ELECTION, "Proclaim", DataWrite, Permit),
    (ELECTION, "Leader", DataRead, Permit),
    (ELECTION, "Observe", DataRead, Permit),
    (ELECTION, "Resign", DataWrite, Permit),
    // Probes of load balancers and tools that ask which calls there are.
    (HEALTH, "Check", Status, Nothing),
    (HEALTH, "List", Status, Nothing),
    (HEALTH, "Watch", Status, Nothing),
    (REFLECTION, "ServerReflectionInfo", Status, Nothing),
    (OLD_REFLECTION, "ServerReflectionInfo", Status, Nothing),
    (PLUGINS, "Install", Admin, Nothing),
    (PLUGINS, "Upgrade", Admin, Nothing),
    (PLUGINS, "Bind", Admin, Nothing),
    (PLUGINS, "Change", Admin, Nothing),
    (PLUGINS, "List", Oversight, Nothing),
    (PLUGINS, "Remove", Admin, Nothing),
    (PLUGINS, "Logs", Oversight, Nothing),
    (PLUGINS, "Replay", Admin, Nothing),
    (KEYS, "Status", Oversight, Nothing),
    (KEYS, "Rotate", Admin, Nothing),
    (KEYS, "Settle", Oversight, Nothing),
    (KEYS, "Shred", Admin, Nothing),
    (KEYS, "Wrapped", Admin, Nothing),
    (KEYS, "Recover", Admin, Nothing),
    (SEAL, "List", Oversight, Nothing),
    (SEAL, "Set", Admin, Nothing),
    (SEAL, "Remove", Admin, Nothing),
    (AUDIT, "Tail", Oversight, Nothing),
    (AUDIT, "End", Oversight, Nothing),
];

/// A classified RPC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Method {
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    pub(crate) class: RpcClass,
    pub(crate) requirement: Requirement,
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

/// Whether the class of a call depends on its message.
pub(crate) fn depends_on_message(method: Method) -> bool {
    (method.service, method.name) == (MAINTENANCE, "Alarm")
}

/// Whether a call reads the whole state to make a hash of it (`--admin-hashes`).
pub(crate) fn makes_hash(method: Method) -> bool {
    method.service == MAINTENANCE && matches!(method.name, "Hash" | "HashKV")
}

/// The method where it takes an administrator, though others of its kind do not.
pub(crate) fn for_administrators(method: Method) -> Method {
    Method { class: Admin, requirement: Root, ..method }
}

/// Whether a call takes two administrators, where the operator has asked for that: what cannot be undone, and what takes a guard away.
pub(crate) fn takes_two(method: Method, message: &Message) -> bool {
    match (method.service, method.name) {
        (PLUGINS, "Remove") | (KEYS, "Shred") => true,
        (PLUGINS, "Change") => message.number("change") == PluginChange::Disable as i32,
        (SEAL, "Set" | "Remove") => message.is_on("yes_store_plaintext"),
        _ => false,
    }
}

/// Whether an administrator's call is about the member that is asked, and changes nothing that others have.
pub(crate) fn is_of_this_member(method: Method) -> bool {
    let Method { service, name, .. } = method;
    matches!((service, name), (MAINTENANCE, "Defragment" | "Hash" | "HashKV") | (PLUGINS, "Replay") | (KEYS, "Wrapped"))
}

/// Whether a learner answers it, as in etcd: what tells how it stands, a snapshot, and reads of local state, which only
/// their handler tells from others.
pub(crate) fn is_for_learners(method: Method) -> bool {
    let Method { service, name, .. } = method;
    (service == MAINTENANCE && matches!(name, "Status" | "Snapshot")) || (service == KV && name == "Range")
}

/// Every method of the table.
pub(crate) fn all() -> impl Iterator<Item = Method> {
    let method = |&(service, name, class, requirement): &Row| {
        let kind = CallKind::of(service, name);
        Method { service, name, class, requirement, kind }
    };
    TABLE.iter().map(method)
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;
