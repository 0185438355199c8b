//! Users and roles from the outside: every call with every kind of credential, and what happens when the rules change.
//!
//! The expectations are etcd 3.7's: `STRONGROOM_SUBJECT=etcd` with `ETCD_BIN` set to one runs the same against it.

use std::{env, time::Duration};

use harness::{Kind, Program, Server};
use prost::Message;
use proto::{
    authpb::{Permission, UserAddOptions},
    etcdserverpb::{self as pb, auth_client::AuthClient, compare, request_op::Request as Inner},
    v3electionpb, v3lockpb,
};
use tokio::time::timeout;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    transport::Channel,
};

/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(harness::ANSWER_SECONDS_MAX);

/// Messages as bytes, so that one function can make every call.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(buffer);
        Ok(Some(bytes::Buf::copy_to_bytes(buffer, length).to_vec()))
    }
}

/// The first message of the answer to a call of any kind.
async fn call(channel: &Channel, path: &str, message: Vec<u8>, token: Option<&str>) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    grpc.ready().await.expect("the server is there");
    let mut request = Request::new(futures::stream::iter([message]));
    if let Some(token) = token {
        request.metadata_mut().insert("token", MetadataValue::try_from(token).expect("a token is text"));
    }
    let answer = async {
        let answer = grpc.streaming(request, path.parse().expect("a path"), Raw).await?;
        answer.into_inner().message().await.map(Option::unwrap_or_default)
    };
    timeout(WAIT, answer).await.unwrap_or_else(|_| panic!("{path} does not answer"))
}

/// Strongroom, or the etcd that the expectations come from, without TLS.
async fn subject(flags: &[&str]) -> Server {
    let is_etcd = env::var("STRONGROOM_SUBJECT").is_ok_and(|name| name == "etcd");
    let program = if is_etcd { Program::Etcd } else { Program::Strongroom };
    let flags = flags.iter().map(ToString::to_string).collect();
    Server::new(Kind::Member { program, tls: None, flags }).await
}

/// A server with users on, and the tokens of some of them.
struct Realm {
    server: Server,
    channel: Channel,
    root: String,
}

const PASSWORD: &str = "correct horse";

impl Realm {
    /// `outsider` may nothing, `reader` may read and `writer` may write what begins with `k`.
    async fn new() -> Self {
        let server = subject(&["--bcrypt-cost=4"]).await;
        let channel = harness::connect(server.ports().client, None).await.expect("it takes connections");
        let realm = Self { server, channel, root: String::new() };
        realm.add_user("root", "root").await;
        for (user, role, kind) in
            [("outsider", "none", None), ("reader", "reading", Some(0)), ("writer", "writing", Some(1))]
        {
            realm.ok("Auth/RoleAdd", pb::AuthRoleAddRequest { name: role.into() }).await;
            if let Some(perm_type) = kind {
                let perm = Some(Permission { perm_type, key: "k".into(), range_end: "l".into() });
                realm
                    .ok("Auth/RoleGrantPermission", pb::AuthRoleGrantPermissionRequest { name: role.into(), perm })
                    .await;
            }
            realm.add_user(user, role).await;
        }
        realm.ok("Auth/AuthEnable", pb::AuthEnableRequest {}).await;
        let root = realm.token("root").await;
        Self { root, ..realm }
    }

    async fn add_user(&self, name: &str, role: &str) {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        let options = Some(UserAddOptions { no_password: false });
        let add = pb::AuthUserAddRequest { name: name.clone(), password, options, hashed_password: String::new() };
        self.ok("Auth/UserAdd", add).await;
        self.ok("Auth/UserGrantRole", pb::AuthUserGrantRoleRequest { user: name, role: role.into() }).await;
    }

    async fn token(&self, name: &str) -> String {
        self.authenticate(name, PASSWORD).await.expect("the password is right")
    }

    async fn authenticate(&self, name: &str, password: &str) -> Result<String, Status> {
        let request = pb::AuthenticateRequest { name: name.into(), password: password.into() };
        let answer = AuthClient::new(self.channel.clone()).authenticate(request).await?;
        Ok(answer.into_inner().token)
    }

    /// A call as root, or as anybody while users are off.
    async fn ok(&self, method: &str, message: impl Message) {
        let token = Some(self.root.as_str()).filter(|token| !token.is_empty());
        let answer = self.call(method, &message, token).await;
        assert!(answer.is_ok(), "{method}: {answer:?}");
    }

    async fn call(&self, method: &str, message: &impl Message, token: Option<&str>) -> Result<Vec<u8>, Status> {
        call(&self.channel, &path(method), message.encode_to_vec(), token).await
    }

    /// Code and text of a refusal.
    async fn refusal(&self, method: &str, message: impl Message, token: &str) -> (Code, String) {
        let status = self.call(method, &message, Some(token)).await.expect_err("it is refused");
        (status.code(), status.message().to_owned())
    }
}

fn path(method: &str) -> String {
    match method.split_once('/') {
        Some(("Lock", _)) => format!("/v3lockpb.{method}"),
        Some(("Election", _)) => format!("/v3electionpb.{method}"),
        _ => format!("/etcdserverpb.{method}"),
    }
}

fn put(key: &str, prev_kv: bool) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "1".into(), prev_kv, ..Default::default() }
}

fn range(key: &str) -> pb::RangeRequest {
    pb::RangeRequest { key: key.to_owned().into(), ..Default::default() }
}

fn delete(key: &str, prev_kv: bool) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest { key: key.to_owned().into(), prev_kv, ..Default::default() }
}

fn op(request: Inner) -> pb::RequestOp {
    pb::RequestOp { request: Some(request) }
}

/// A transaction whose only operation lies in a branch that is not taken, two levels down.
fn buried(request: Inner) -> pb::TxnRequest {
    let inner = pb::TxnRequest { success: vec![], failure: vec![op(request)], compare: vec![] };
    pb::TxnRequest { success: vec![], failure: vec![op(Inner::RequestTxn(inner))], compare: vec![] }
}

fn comparing(key: &str) -> pb::TxnRequest {
    let compare = pb::Compare {
        key: key.to_owned().into(),
        target: compare::CompareTarget::Version.into(),
        target_union: Some(compare::TargetUnion::Version(0)),
        ..Default::default()
    };
    pb::TxnRequest { compare: vec![compare], success: vec![op(Inner::RequestPut(put("k", false)))], failure: vec![] }
}

const OK: Code = Code::Ok;
/// Nobody: `user name is empty`.
const WHO: Code = Code::InvalidArgument;
/// A token that is none.
const BAD: Code = Code::Unauthenticated;
const DENIED: Code = Code::PermissionDenied;

/// One call, and how it ends for: no token, a token that is none, the outsider, the reader, the writer, root.
type Row = (&'static str, Vec<u8>, [Code; 6]);

/// For root and nobody else.
const fn root_only(code: Code) -> [Code; 6] {
    [WHO, BAD, DENIED, DENIED, DENIED, code]
}

/// For any user.
const fn any_user(code: Code) -> [Code; 6] {
    [WHO, BAD, code, code, code, code]
}

const READERS: [Code; 6] = [WHO, BAD, DENIED, OK, DENIED, OK];
const WRITERS: [Code; 6] = [WHO, BAD, DENIED, DENIED, OK, OK];
const BOTH: [Code; 6] = root_only(OK);

fn data_rows() -> Vec<Row> {
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
fn lease_rows() -> Vec<Row> {
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

fn cluster_rows(peer_port: u16) -> Vec<Row> {
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

fn auth_rows() -> Vec<Row> {
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
const LOST: Code = Code::Unknown;

/// Locks and elections go through the calls for keys, so the caller's permissions count.
fn recipe_rows() -> Vec<Row> {
    let unlock = v3lockpb::UnlockRequest { key: "k-lock/1".into() };
    let nobody = v3electionpb::LeaderRequest { name: "k-election".into() };
    vec![
        ("Lock/Unlock", unlock.encode_to_vec(), [LOST, LOST, LOST, LOST, OK, OK]),
        // There is no leader either.
        ("Election/Leader", nobody.encode_to_vec(), [LOST; 6]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_and_elections_go_by_the_rights_on_their_keys() {
    let realm = Realm::new().await;
    let leader = v3electionpb::LeaderRequest { name: "k-election".into() };
    let denied = (Code::Unknown, "etcdserver: permission denied".to_owned());
    for name in ["outsider", "writer"] {
        let token = realm.token(name).await;
        assert_eq!(realm.refusal("Election/Leader", leader.clone(), &token).await, denied);
    }
    let no_leader = (Code::Unknown, "election: no leader".to_owned());
    assert_eq!(realm.refusal("Election/Leader", leader, &realm.token("reader").await).await, no_leader);
    let lock = v3lockpb::LockRequest { name: "k-lock".into(), lease: 0 };
    assert_eq!(realm.refusal("Lock/Lock", lock.clone(), &realm.token("reader").await).await, denied);
    realm.ok("Lock/Lock", lock).await;
}

async fn mismatches(realm: &Realm, tokens: &[Option<String>; 6], rows: Vec<Row>) -> Vec<String> {
    let mut found = Vec::new();
    for (method, message, expected) in rows {
        let mut got = [OK; 6];
        for (got, token) in got.iter_mut().zip(tokens) {
            let answer = call(&realm.channel, &path(method), message.clone(), token.as_deref()).await;
            *got = answer.err().map_or(OK, |status| status.code());
        }
        if got != expected {
            found.push(format!("{method}\n  expected {expected:?}\n  got      {got:?}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_asks_for_the_rights_that_etcd_asks_for() {
    let realm = Realm::new().await;
    realm.ok("Lease/LeaseGrant", pb::LeaseGrantRequest { ttl: 1000, id: 7 }).await;
    realm.ok("KV/Put", pb::PutRequest { lease: 7, ..put("k7", false) }).await;
    let token = |name: &'static str| realm.token(name);
    let tokens = [
        None,
        Some("abcdefghijklmnop.1".to_owned()),
        Some(token("outsider").await),
        Some(token("reader").await),
        Some(token("writer").await),
        Some(token("root").await),
    ];
    let groups = [data_rows(), lease_rows(), cluster_rows(realm.server.ports().peer), auth_rows(), recipe_rows()];
    let mut found = Vec::new();
    for rows in groups {
        found.extend(mismatches(&realm, &tokens, rows).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The first answer to the creation of a watch, with this token.
async fn watched(realm: &Realm, token: Option<&str>, key: &str) -> pb::WatchResponse {
    let create = pb::WatchCreateRequest { key: key.to_owned().into(), ..Default::default() };
    let request = pb::WatchRequest { request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)) };
    let answer = realm.call("Watch/Watch", &request, token).await.expect("a refusal is no error of the stream");
    pb::WatchResponse::decode(answer.as_slice()).expect("a watch response")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_is_refused_with_etcds_reason() {
    let realm = Realm::new().await;
    let (reader, writer) = (realm.token("reader").await, realm.token("writer").await);
    let cases = [
        (None, "rpc error: code = InvalidArgument desc = etcdserver: user name is empty"),
        (Some("abcdefghijklmnop.1"), "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token"),
        (Some(writer.as_str()), "rpc error: code = PermissionDenied desc = etcdserver: permission denied"),
    ];
    for (token, reason) in cases {
        let refused = watched(&realm, token, "k").await;
        assert!(refused.created && refused.canceled && refused.watch_id == -1, "{refused:?}");
        assert_eq!(refused.cancel_reason, reason);
    }
    let opened = watched(&realm, Some(&reader), "k").await;
    assert!(opened.created && !opened.canceled, "{opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_end_with_the_password_and_permissions_with_their_role() {
    let realm = Realm::new().await;
    let reader = realm.token("reader").await;
    assert!(realm.call("KV/Range", &range("k"), Some(&reader)).await.is_ok());
    let disallow =
        pb::AuthRoleRevokePermissionRequest { role: "reading".into(), key: "k".into(), range_end: "l".into() };
    realm.ok("Auth/RoleRevokePermission", disallow).await;
    let denied = (Code::PermissionDenied, "etcdserver: permission denied".to_owned());
    assert_eq!(realm.refusal("KV/Range", range("k"), &reader).await, denied);
    let change =
        pb::AuthUserChangePasswordRequest { name: "reader".into(), password: "another".into(), ..Default::default() };
    realm.ok("Auth/UserChangePassword", change).await;
    let void = (Code::Unauthenticated, "etcdserver: invalid auth token".to_owned());
    assert_eq!(realm.refusal("KV/Range", range("k"), &reader).await, void);
    let wrong = realm.authenticate("reader", PASSWORD).await.expect_err("the password changed");
    let text = "etcdserver: authentication failed, invalid user ID or password";
    assert_eq!((wrong.code(), wrong.message()), (Code::InvalidArgument, text));
    assert!(realm.authenticate("reader", "another").await.is_ok());
    realm.ok("Auth/AuthDisable", pb::AuthDisableRequest {}).await;
    assert!(realm.call("KV/Range", &range("anything"), Some(&reader)).await.is_ok(), "nobody looks at tokens now");
    let off = realm.authenticate("reader", "another").await.expect_err("there is nothing to authenticate for");
    assert_eq!((off.code(), off.message()), (Code::FailedPrecondition, "etcdserver: authentication is not enabled"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_roles_survive_a_restart() {
    let Realm { mut server, root, .. } = Realm::new().await;
    server.stop().await;
    server.start().await;
    let channel = harness::connect(server.ports().client, None).await.expect("it takes connections");
    let realm = Realm { server, channel, root: String::new() };
    let status = realm.call("KV/Range", &range("k"), Some(&root)).await.expect_err("tokens live in memory");
    assert_eq!(status.code(), Code::Unauthenticated);
    let reader = realm.token("reader").await;
    assert!(realm.call("KV/Range", &range("k"), Some(&reader)).await.is_ok());
    assert_eq!(realm.refusal("KV/Put", put("k", false), &reader).await.0, Code::PermissionDenied);
}

/// Strongroom's own: etcd goes on telling a watch what its user may no longer read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_the_permission_to_read() {
    let server = Server::new(Kind::Member { program: Program::Strongroom, tls: None, flags: Vec::new() }).await;
    let channel = harness::connect(server.ports().client, None).await.expect("it takes connections");
    let realm = Realm { server, channel, root: String::new() };
    realm.ok("Auth/RoleAdd", pb::AuthRoleAddRequest { name: "reading".into() }).await;
    let perm = Some(Permission { perm_type: 0, key: "k".into(), range_end: "l".into() });
    realm.ok("Auth/RoleGrantPermission", pb::AuthRoleGrantPermissionRequest { name: "reading".into(), perm }).await;
    realm.add_user("root", "root").await;
    realm.add_user("reader", "reading").await;
    realm.ok("Auth/AuthEnable", pb::AuthEnableRequest {}).await;
    let realm = Realm { root: realm.token("root").await, ..realm };

    let mut watch = realm.server.client().await.watch;
    let create = pb::WatchCreateRequest { key: "k".into(), ..Default::default() };
    let create = pb::WatchRequest { request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)) };
    let requests = futures::StreamExt::chain(futures::stream::iter([create]), futures::stream::pending());
    let mut request = Request::new(requests);
    let token = MetadataValue::try_from(realm.token("reader").await).expect("a token is text");
    request.metadata_mut().insert("token", token);
    let mut answers = watch.watch(request).await.expect("the stream opens").into_inner();
    let mut next = async || timeout(WAIT, answers.message()).await.expect("in time").expect("no error").expect("more");
    assert!(next().await.created);
    realm.ok("KV/Put", put("k", false)).await;
    assert_eq!(next().await.events.len(), 1);
    // Another change does not end it.
    realm.add_user("somebody", "reading").await;
    realm.ok("KV/Put", put("k", false)).await;
    assert_eq!(next().await.events.len(), 1);
    realm
        .ok("Auth/UserRevokeRole", pb::AuthUserRevokeRoleRequest { name: "reader".into(), role: "reading".into() })
        .await;
    realm.ok("KV/Put", put("k", false)).await;
    let last = next().await;
    assert!(last.canceled && last.events.is_empty(), "{last:?}");
    assert_eq!(last.cancel_reason, "rpc error: code = PermissionDenied desc = etcdserver: permission denied");
}
