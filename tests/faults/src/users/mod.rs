//! Users and roles from the outside: every call with every kind of credential, and what happens when the rules change.
//!
//! The expectations are etcd 3.7's: `STRONGROOM_SUBJECT=etcd` with `ETCD_BIN` set to one runs the same against it.

mod advisories;
mod realm;
mod rows;

use harness::{Kind, Program, Server};
use prost::Message;
use proto::{authpb::Permission, etcdserverpb as pb, v3electionpb, v3lockpb};
use tokio::time::timeout;
use tonic::{Code, Request, metadata::MetadataValue};

use realm::*;
use rows::*;

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
