//! Which call stands behind which path.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::class::{AUTH, CLUSTER, ELECTION, KV, LEASE, LOCK, MAINTENANCE};

/// A path and its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Below `/v3/`.
    pub(crate) path: &'static str,
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
}

const fn route(path: &'static str, service: &'static str, method: &'static str) -> Route {
    Route { path, service, method }
}

/// etcd's routes, all of them for `POST`.
pub(crate) const TABLE: &[Route] = &[
    route("kv/range", KV, "Range"),
    route("kv/put", KV, "Put"),
    route("kv/deleterange", KV, "DeleteRange"),
    route("kv/txn", KV, "Txn"),
    route("kv/compaction", KV, "Compact"),
    route("watch", "etcdserverpb.Watch", "Watch"),
    route("lease/grant", LEASE, "LeaseGrant"),
    route("lease/revoke", LEASE, "LeaseRevoke"),
    // The paths of etcd 3.3 below `kv`, which etcd keeps.
    route("kv/lease/revoke", LEASE, "LeaseRevoke"),
    route("lease/keepalive", LEASE, "LeaseKeepAlive"),
    route("lease/timetolive", LEASE, "LeaseTimeToLive"),
    route("kv/lease/timetolive", LEASE, "LeaseTimeToLive"),
    route("lease/leases", LEASE, "LeaseLeases"),
    route("kv/lease/leases", LEASE, "LeaseLeases"),
    route("cluster/member/add", CLUSTER, "MemberAdd"),
    route("cluster/member/remove", CLUSTER, "MemberRemove"),
    route("cluster/member/update", CLUSTER, "MemberUpdate"),
    route("cluster/member/list", CLUSTER, "MemberList"),
    route("cluster/member/promote", CLUSTER, "MemberPromote"),
    route("maintenance/alarm", MAINTENANCE, "Alarm"),
    route("maintenance/status", MAINTENANCE, "Status"),
    route("maintenance/defragment", MAINTENANCE, "Defragment"),
    route("maintenance/hash", MAINTENANCE, "Hash"),
    route("maintenance/hashkv", MAINTENANCE, "HashKV"),
    route("maintenance/snapshot", MAINTENANCE, "Snapshot"),
    route("maintenance/transfer-leadership", MAINTENANCE, "MoveLeader"),
    route("maintenance/downgrade", MAINTENANCE, "Downgrade"),
    route("auth/enable", AUTH, "AuthEnable"),
    route("auth/disable", AUTH, "AuthDisable"),
    route("auth/status", AUTH, "AuthStatus"),
    route("auth/authenticate", AUTH, "Authenticate"),
    route("auth/user/add", AUTH, "UserAdd"),
    route("auth/user/get", AUTH, "UserGet"),
    route("auth/user/list", AUTH, "UserList"),
    route("auth/user/delete", AUTH, "UserDelete"),
    route("auth/user/changepw", AUTH, "UserChangePassword"),
    route("auth/user/grant", AUTH, "UserGrantRole"),
    route("auth/user/revoke", AUTH, "UserRevokeRole"),
    route("auth/role/add", AUTH, "RoleAdd"),
    route("auth/role/get", AUTH, "RoleGet"),
    route("auth/role/list", AUTH, "RoleList"),
    route("auth/role/delete", AUTH, "RoleDelete"),
    route("auth/role/grant", AUTH, "RoleGrantPermission"),
    route("auth/role/revoke", AUTH, "RoleRevokePermission"),
    route("lock/lock", LOCK, "Lock"),
    route("lock/unlock", LOCK, "Unlock"),
    route("election/campaign", ELECTION, "Campaign"),
    route("election/proclaim", ELECTION, "Proclaim"),
    route("election/leader", ELECTION, "Leader"),
    route("election/observe", ELECTION, "Observe"),
    route("election/resign", ELECTION, "Resign"),
];

/// The route of a path below `/v3/`.
pub(crate) fn find(path: &str) -> Option<Route> {
    static BY_PATH: LazyLock<HashMap<&str, Route>> =
        LazyLock::new(|| TABLE.iter().map(|route| (route.path, *route)).collect());
    BY_PATH.get(path).copied()
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn every_route_leads_to_a_call_and_every_etcd_call_but_one_has_a_route() {
        for route in TABLE {
            let path = format!("/{}/{}", route.service, route.method);
            assert!(schema::method(route.service, route.method).is_some(), "{path}");
            assert!(crate::class::method(&path).is_some(), "{path}");
            assert_eq!(find(route.path), Some(*route), "two routes for {}", route.path);
        }
        let calls: std::collections::BTreeSet<_> = TABLE.iter().map(|route| (route.service, route.method)).collect();
        // 49 calls of etcd 3.7, without RangeStream.
        assert_eq!(calls.len(), 48);
    }
}
