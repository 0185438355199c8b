//! What etcd had to mend, one test for each published advisory about who may do what, named by it.
//!
//! | advisory | test |
//! |---|---|
//! | CVE-2026-33413: calls without credentials while users are on | here |
//! | CVE-2026-33343: a transaction within a transaction passes without permission | here |
//! | CVE-2026-44283: previous values and leases within a transaction without permission | here |
//! | GHSA-xg4h: a permission on one key lets its holder watch the keys behind it | here |
//! | GHSA-5x4g, GHSA-vjg6 (audit of 3.4): what a password must be | here |
//! | GHSA-3wh4: a list of revoked certificates that a second listener does not look at | `matrix` |
//! | GHSA-6vch: a handshake that never ends | here |
//! | GHSA-528j: a gateway's certificate taken for its clients' | here |
//! | GHSA-chh6 (audit of 3.4): a data directory that others can read | here |

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt as _, time::Duration};

use proto::etcdserverpb::{PutRequest, TxnRequest, request_op::Request as Inner};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::Instant};

use super::*;
use crate::{
    descriptors::paths,
    gateway::post_to,
    offices::{Scene, issued},
};

/// What whoever is nobody is told.
const NOBODY: &str = "user name is empty";

/// Calls that are there before anybody has proven who they are. An empty transaction reads nothing.
const OPEN: [&str; 6] = [
    "KV/Txn",
    "Auth/Authenticate",
    "Auth/AuthStatus",
    "health.v1.Health/Check",
    "health.v1.Health/List",
    "health.v1.Health/Watch",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2026_33413_no_call_without_credentials() {
    let realm = Realm::new().await;
    let packages = ["etcdserverpb", "v3lockpb", "v3electionpb", "grpc.health.v1"];
    let all: Vec<_> = packages.iter().flat_map(|package| paths(package)).collect();
    let create = pb::WatchCreateRequest { key: "k".into(), ..Default::default() };
    let watch = pb::WatchRequest { request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)) };
    let mut passed = Vec::new();
    for path in &all {
        // An empty request on the stream of watches asks for nothing.
        let message = if path.ends_with("Watch/Watch") { watch.encode_to_vec() } else { Vec::new() };
        let answered = call(&realm.channel, path, message, None).await;
        let refused = match &answered {
            // A watch is refused on its stream.
            Ok(message) => path.ends_with("Watch/Watch") && String::from_utf8_lossy(message).contains(NOBODY),
            Err(status) => status.message().contains(NOBODY) || status.message().contains("permission denied"),
        };
        // Some judge the message first, and what is wrong with an empty one is no secret; some end without a word.
        let harmless = match &answered {
            Ok(message) => message.is_empty(),
            Err(status) => ["must be provided", "is not provided"].iter().any(|text| status.message().contains(text)),
        };
        if !refused && !harmless && !OPEN.iter().any(|open| path.ends_with(open)) {
            passed.push(format!("{path}: {answered:?}"));
        }
    }
    assert!(all.len() > 50 && passed.is_empty(), "{passed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2026_33343_no_transaction_within_a_transaction_without_permission() {
    let realm = Realm::new().await;
    let outsider = realm.token("outsider").await;
    for request in [
        Inner::RequestRange(range("k")),
        Inner::RequestPut(put("k", false)),
        Inner::RequestDeleteRange(delete("k", false)),
        Inner::RequestTxn(comparing("k")),
    ] {
        let refused = realm.refusal("KV/Txn", buried(request), &outsider).await;
        assert_eq!(refused, (Code::PermissionDenied, "etcdserver: permission denied".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2026_44283_no_previous_value_and_no_lease_within_a_transaction_without_permission() {
    let realm = Realm::new().await;
    realm.ok("Lease/LeaseGrant", pb::LeaseGrantRequest { ttl: 1000, id: 9 }).await;
    realm.ok("KV/Put", PutRequest { lease: 9, ..put("secret", false) }).await;
    let writer = realm.token("writer").await;
    let leased = PutRequest { lease: 9, ..put("k", false) };
    for request in [
        // Who may write and not read is not told what was there.
        Inner::RequestPut(put("k", true)),
        Inner::RequestDeleteRange(delete("k", true)),
        // Whose lease it is decides when the others' keys go.
        Inner::RequestPut(leased),
    ] {
        for txn in [TxnRequest { success: vec![op(request.clone())], ..TxnRequest::default() }, buried(request)] {
            let refused = realm.refusal("KV/Txn", txn, &writer).await;
            assert_eq!(refused.0, Code::PermissionDenied, "{refused:?}");
        }
    }
    let allowed = TxnRequest { success: vec![op(Inner::RequestPut(put("k", false)))], ..TxnRequest::default() };
    assert!(realm.call("KV/Txn", &allowed, Some(&writer)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_xg4h_a_permission_on_one_key_shows_no_other() {
    let realm = Realm::new().await;
    realm.ok("Auth/RoleAdd", pb::AuthRoleAddRequest { name: "one".into() }).await;
    let perm = Some(Permission { perm_type: 0, key: "k1".into(), range_end: Vec::new().into() });
    realm.ok("Auth/RoleGrantPermission", pb::AuthRoleGrantPermissionRequest { name: "one".into(), perm }).await;
    realm.add_user("single", "one").await;
    let token = realm.token("single").await;
    for (range_end, opens) in [(&b""[..], true), (b"\0", false), (b"k1\0", true), (b"k2", false), (b"l", false)] {
        let create =
            pb::WatchCreateRequest { key: "k1".into(), range_end: range_end.to_vec().into(), ..Default::default() };
        let request = pb::WatchRequest { request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)) };
        let answer =
            realm.call("Watch/Watch", &request, Some(&token)).await.expect("a refusal is no error of the stream");
        let answer = pb::WatchResponse::decode(answer.as_slice()).expect("a watch response");
        assert_eq!(!answer.canceled, opens, "to {range_end:?}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_5x4g_and_vjg6_a_password_is_neither_empty_nor_guessed_from_the_answer() {
    let realm = Realm::new().await;
    let options = Some(proto::authpb::UserAddOptions { no_password: true });
    let without = pb::AuthUserAddRequest { name: "without".into(), options, ..Default::default() };
    realm.ok("Auth/UserAdd", without).await;
    let mut answers = Vec::new();
    for (name, password) in [("without", ""), ("without", "x"), ("reader", ""), ("reader", "x"), ("nobody", "x")] {
        let status = realm.authenticate(name, password).await.expect_err("nobody gets in so");
        answers.push((status.code(), status.message().to_owned()));
    }
    assert!(
        answers[2..].iter().all(|answer| *answer == answers[2]),
        "a user who is not there is told apart: {answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_6vch_a_handshake_has_an_end() {
    let scene = Scene::new(&[]).await;
    let begun = Instant::now();
    for port in [scene.server.ports().client, scene.admin_port] {
        let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let read = timeout(Duration::from_secs(20), silent.read(&mut [0; 8])).await.expect("it is closed");
        assert!(matches!(&read, Ok(0)) || read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    assert!(begun.elapsed() > Duration::from_secs(5), "slow networks are given time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_528j_a_gateways_certificate_is_not_its_clients() {
    let scene = Scene::new(&["--admin-access=any"]).await;
    let root = issued(scene.folder.path(), "root", &["--for", "client"]).await;
    let etcdctl = scene.etcdctl(&scene.client, false);
    etcdctl.ok(&["user", "add", "root:secret"]).await;
    etcdctl.ok(&["user", "grant-role", "root", "root"]).await;
    etcdctl.ok(&["auth", "enable"]).await;
    // By gRPC the certificate is the user; by JSON it may be that of a gateway in between.
    scene.etcdctl(&root, false).ok(&["put", "a", "1"]).await;
    let port = scene.server.ports().client;
    let (status, body) = post_to(port, &root, "/v3/kv/range", r#"{"key":"YQ=="}"#).await;
    assert!(
        status != 200 && body.contains("CommonName of client") && body.contains("will be ignored"),
        "{status} {body}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghsa_chh6_nobody_else_reads_the_data() {
    let server = subject(&[]).await;
    let mode = fs::metadata(server.dir()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "{mode:o}");
}
