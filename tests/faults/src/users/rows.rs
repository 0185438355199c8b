//! Which call ends how for whom.

use prost::Message;
use proto::{
    authpb::Permission,
    etcdserverpb::{self as pb, compare, request_op::Request as Inner},
    v3electionpb, v3lockpb,
};
use tonic::Code;

use super::realm::PASSWORD;

pub(super) fn put(key: &str, prev_kv: bool) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "1".into(), prev_kv, ..Default::default() }
}

pub(super) fn range(key: &str) -> pb::RangeRequest {
    pb::RangeRequest { key: key.to_owned().into(), ..Default::default() }
}

pub(super) fn delete(key: &str, prev_kv: bool) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest { key: key.to_owned().into(), prev_kv, ..Default::default() }
}

pub(super) fn op(request: Inner) -> pb::RequestOp {
    pb::RequestOp { request: Some(request) }
}

/// A transaction whose only operation lies in a branch that is not taken, two levels down.
pub(super) fn buried(request: Inner) -> pb::TxnRequest {
    let inner = pb::TxnRequest { success: vec![], failure: vec![op(request)], compare: vec![] };
    pb::TxnRequest { success: vec![], failure: vec![op(Inner::RequestTxn(inner))], compare: vec![] }
}

pub(super) fn comparing(key: &str) -> pb::TxnRequest {
    let compare = pb::Compare {
        key: key.to_owned().into(),
        target: compare::CompareTarget::Version.into(),
        target_union: Some(compare::TargetUnion::Version(0)),
        ..Default::default()
    };
    pb::TxnRequest { compare: vec![compare], success: vec![op(Inner::RequestPut(put("k", false)))], failure: vec![] }
}

pub(super) const OK: Code = Code::Ok;
/// Nobody: `user name is empty`.
pub(super) const WHO: Code = Code::InvalidArgument;
/// A token that is none.
pub(super) const BAD: Code = Code::Unauthenticated;
pub(super) const DENIED: Code = Code::PermissionDenied;

/// One call, and how it ends for: no token, a token that is none, the outsider, the reader, the writer, root.
pub(super) type Row = (&'static str, Vec<u8>, [Code; 6]);

/// For root and nobody else.
pub(super) const fn root_only(code: Code) -> [Code; 6] {
    [WHO, BAD, DENIED, DENIED, DENIED, code]
}

/// For any user.
pub(super) const fn any_user(code: Code) -> [Code; 6] {
    [WHO, BAD, code, code, code, code]
}

pub(super) const READERS: [Code; 6] = [WHO, BAD, DENIED, OK, DENIED, OK];
pub(super) const WRITERS: [Code; 6] = [WHO, BAD, DENIED, DENIED, OK, OK];
pub(super) const BOTH: [Code; 6] = root_only(OK);

pub(super) fn data_rows() -> Vec<Row> {
    let many = pb::RangeRequest { key: "k".into(), range_end: "l".into(), ..Default::default() };
    let beyond = pb::RangeRequest { key: "k".into(), range_end: "m".into(), ..Default::default() };
    let far = pb::CompactionRequest { revision: 1 << 40, physical: false };
    vec![
        ("KV/Range", range("k").encode_to_vec(), READERS),
        ("KV/Range", many.encode_to_vec(), READERS),
        ("KV/Range", pb::RangeRequest { serializable: true, ..many }.encode_to_vec(), READERS),
        ("KV/Range", beyond.encode_to_vec(), BOTH),
        ("KV/Put", put("k", false).encode_to_vec(), WRITERS),
        ("KV/Put", put("k", true).encode_to_vec(), BOTH),
        ("KV/Put", put("l", false).encode_to_vec(), BOTH),
        ("KV/DeleteRange", delete("k1", false).encode_to_vec(), WRITERS),
        ("KV/DeleteRange", delete("k1", true).encode_to_vec(), BOTH),
        ("KV/Txn", comparing("k").encode_to_vec(), BOTH),
        ("KV/Txn", buried(Inner::RequestRange(range("k"))).encode_to_vec(), READERS),
        ("KV/Txn", buried(Inner::RequestPut(put("k", false))).encode_to_vec(), WRITERS),
        ("KV/Txn", buried(Inner::RequestPut(put("k", true))).encode_to_vec(), BOTH),
        ("KV/Txn", buried(Inner::RequestDeleteRange(delete("k1", false))).encode_to_vec(), WRITERS),
        ("KV/Txn", buried(Inner::RequestDeleteRange(delete("k1", true))).encode_to_vec(), BOTH),
        ("KV/Compact", far.encode_to_vec(), root_only(Code::OutOfRange)),
    ]
}

/// Lease 7 has the key `k7`.
pub(super) fn lease_rows() -> Vec<Row> {
    let left = |keys| pb::LeaseTimeToLiveRequest { id: 7, keys }.encode_to_vec();
    let attach = pb::PutRequest { lease: 7, ..put("k7", false) };
    vec![
        ("Lease/LeaseGrant", pb::LeaseGrantRequest { ttl: 100, id: 0 }.encode_to_vec(), any_user(OK)),
        ("Lease/LeaseRevoke", pb::LeaseRevokeRequest { id: 99 }.encode_to_vec(), any_user(Code::NotFound)),
        ("Lease/LeaseKeepAlive", pb::LeaseKeepAliveRequest { id: 7 }.encode_to_vec(), WRITERS),
        ("Lease/LeaseTimeToLive", left(false), any_user(OK)),
        ("Lease/LeaseTimeToLive", left(true), READERS),
        ("Lease/LeaseLeases", Vec::new(), READERS),
        ("KV/Put", attach.encode_to_vec(), WRITERS),
    ]
}

pub(super) fn cluster_rows(peer_port: u16) -> Vec<Row> {
    let taken = pb::MemberAddRequest { peer_ur_ls: vec![format!("http://127.0.0.1:{peer_port}")], is_learner: false };
    let update = pb::MemberUpdateRequest { id: 1, peer_ur_ls: vec!["http://127.0.0.1:1".into()] };
    let alarm = |action: pb::alarm_request::AlarmAction| {
        let alarm = pb::AlarmType::Nospace.into();
        pb::AlarmRequest { action: action.into(), member_id: 0, alarm }.encode_to_vec()
    };
    let downgrade = pb::DowngradeRequest { action: 0, version: "nonsense".into() };
    vec![
        ("Cluster/MemberAdd", taken.encode_to_vec(), root_only(Code::FailedPrecondition)),
        ("Cluster/MemberRemove", pb::MemberRemoveRequest { id: 1 }.encode_to_vec(), root_only(Code::NotFound)),
        ("Cluster/MemberUpdate", update.encode_to_vec(), root_only(Code::NotFound)),
        ("Cluster/MemberPromote", pb::MemberPromoteRequest { id: 1 }.encode_to_vec(), root_only(Code::NotFound)),
        ("Cluster/MemberList", Vec::new(), any_user(OK)),
        ("Maintenance/Alarm", alarm(pb::alarm_request::AlarmAction::Get), any_user(OK)),
        ("Maintenance/Alarm", alarm(pb::alarm_request::AlarmAction::Deactivate), root_only(OK)),
        ("Maintenance/Status", Vec::new(), any_user(OK)),
        ("Maintenance/Defragment", Vec::new(), root_only(OK)),
        ("Maintenance/Hash", Vec::new(), root_only(OK)),
        ("Maintenance/HashKV", Vec::new(), root_only(OK)),
        ("Maintenance/Snapshot", Vec::new(), root_only(OK)),
        (
            "Maintenance/MoveLeader",
            pb::MoveLeaderRequest { target_id: 1 }.encode_to_vec(),
            root_only(Code::FailedPrecondition),
        ),
        ("Maintenance/Downgrade", downgrade.encode_to_vec(), root_only(Code::InvalidArgument)),
    ]
}

pub(super) fn auth_rows() -> Vec<Row> {
    const NOT_THERE: [Code; 6] = root_only(Code::FailedPrecondition);
    let who = |name: &str| pb::AuthenticateRequest { name: name.into(), password: "x".into() }.encode_to_vec();
    let get = |name: &str| pb::AuthUserGetRequest { name: name.into() }.encode_to_vec();
    let role = |role: &str| pb::AuthRoleGetRequest { role: role.into() }.encode_to_vec();
    let add = pb::AuthUserAddRequest { name: "root".into(), password: PASSWORD.into(), ..Default::default() };
    let password = pb::AuthUserChangePasswordRequest { name: "x".into(), password: "x".into(), ..Default::default() };
    let grant = pb::AuthUserGrantRoleRequest { user: "x".into(), role: "reading".into() };
    let revoke = pb::AuthUserRevokeRoleRequest { name: "x".into(), role: "reading".into() };
    let perm = Some(Permission { perm_type: 0, key: "k".into(), range_end: "".into() });
    let allow = pb::AuthRoleGrantPermissionRequest { name: "x".into(), perm };
    let disallow = pb::AuthRoleRevokePermissionRequest { role: "x".into(), key: "k".into(), range_end: "".into() };
    vec![
        ("Auth/AuthStatus", Vec::new(), [OK, BAD, OK, OK, OK, OK]),
        ("Auth/AuthEnable", Vec::new(), root_only(OK)),
        ("Auth/Authenticate", who("reader"), [Code::InvalidArgument; 6]),
        ("Auth/Authenticate", who("x"), [Code::InvalidArgument; 6]),
        ("Auth/UserAdd", add.encode_to_vec(), NOT_THERE),
        ("Auth/UserGet", get("reader"), READERS),
        ("Auth/UserGet", get("x"), NOT_THERE),
        ("Auth/UserList", Vec::new(), root_only(OK)),
        ("Auth/UserDelete", pb::AuthUserDeleteRequest { name: "x".into() }.encode_to_vec(), NOT_THERE),
        ("Auth/UserChangePassword", password.encode_to_vec(), NOT_THERE),
        ("Auth/UserGrantRole", grant.encode_to_vec(), NOT_THERE),
        ("Auth/UserRevokeRole", revoke.encode_to_vec(), NOT_THERE),
        ("Auth/RoleAdd", pb::AuthRoleAddRequest { name: "reading".into() }.encode_to_vec(), NOT_THERE),
        ("Auth/RoleGet", role("reading"), READERS),
        ("Auth/RoleList", Vec::new(), root_only(OK)),
        ("Auth/RoleDelete", pb::AuthRoleDeleteRequest { role: "x".into() }.encode_to_vec(), NOT_THERE),
        ("Auth/RoleGrantPermission", allow.encode_to_vec(), NOT_THERE),
        ("Auth/RoleRevokePermission", disallow.encode_to_vec(), NOT_THERE),
    ]
}

/// etcd's lock and election services lose the code of what their own client is refused for.
pub(super) const LOST: Code = Code::Unknown;

/// Locks and elections go through the calls for keys, so the caller's permissions count.
pub(super) fn recipe_rows() -> Vec<Row> {
    let unlock = v3lockpb::UnlockRequest { key: "k-lock/1".into() };
    let nobody = v3electionpb::LeaderRequest { name: "k-election".into() };
    vec![
        ("Lock/Unlock", unlock.encode_to_vec(), [LOST, LOST, LOST, LOST, OK, OK]),
        // There is no leader either.
        ("Election/Leader", nobody.encode_to_vec(), [LOST; 6]),
    ]
}
