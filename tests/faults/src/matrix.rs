//! Every call, by every kind of certificate, at every listener.

use std::{
    collections::BTreeMap,
    error::Error as _,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use harness::Certificates;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType, date_time_ymd};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::HandshakeKind;
use tonic::{Code, transport::Channel};

use crate::{
    descriptors::{call, channel, paths},
    doors::exchange,
    offices::{Scene, cert, done, issued},
};

/// What a call that waits for something is given before it counts as let in.
const WAIT: Duration = Duration::from_millis(500);

/// Longest time until a call is answered or broken off, of those that wait for nothing.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Longest time in which a new list of revoked certificates is read.
const RELOAD_MAX: Duration = Duration::from_secs(20);

/// The package of what members call at each other.
const PEER: &str = "strongroom.peer.v1";

/// What kind of access a call is; the test's own opinion, to be compared with the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Data,
    Status,
    Oversight,
    Backup,
    Admin,
}

fn class(path: &str, hashes: Class) -> Class {
    let [_, service, method] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
    match (service.rsplit('.').next().unwrap(), method) {
        ("KV" | "Watch" | "Lease" | "Lock" | "Election", _) | ("Auth", "Authenticate") => Class::Data,
        ("Health" | "ServerReflection", _)
        | ("Cluster", "MemberList")
        // An empty message reads alarms.
        | ("Maintenance", "Alarm" | "Status")
        | ("Auth", "AuthStatus" | "UserGet" | "RoleGet") => Class::Status,
        ("Auth", "UserList" | "RoleList")
        | ("Plugins" | "Seal", "List")
        | ("Plugins", "Logs")
        | ("Keys", "Status" | "Settle")
        | ("Audit", _) => Class::Oversight,
        ("Maintenance", "Hash" | "HashKV") => hashes,
        ("Maintenance", "Snapshot") => Class::Backup,
        ("Cluster" | "Maintenance" | "Auth" | "Plugins" | "Keys" | "Seal", _) => Class::Admin,
        _ => panic!("nobody has thought of {path}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Client,
    Auditor,
    Backup,
    Administrator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    Clients,
    Administrators,
}

fn may(who: Who, door: Door, class: Class) -> bool {
    use Class::{Admin, Backup, Data, Oversight, Status};
    match (door, who) {
        (_, Who::Administrator) => true,
        (Door::Clients, Who::Client) => matches!(class, Data | Status),
        (Door::Administrators, Who::Client) => false,
        (_, Who::Auditor) => matches!(class, Status | Oversight),
        (Door::Clients, Who::Backup) => matches!(class, Status | Backup),
        (Door::Administrators, Who::Backup) => class == Backup && class != Admin,
    }
}

/// Certificates of the scene's authority that no tool makes: not valid any more, or not yet.
fn out_of_time(folder: &Path, name: &str, years: [i32; 2]) -> Certificates {
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let key = KeyPair::from_pem(&read("ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), key).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![SanType::URI("spiffe://example.org/admin".try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(years[0], 1, 1), date_time_ymd(years[1], 1, 1));
    let key = KeyPair::generate().unwrap();
    let made = Certificates {
        authority: folder.join("ca.crt"),
        certificate: folder.join(format!("{name}.crt")),
        key: folder.join(format!("{name}.key")),
    };
    fs::write(&made.certificate, params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(&made.key, key.serialize_pem()).unwrap();
    made
}

fn all_paths() -> Vec<String> {
    let packages = ["etcdserverpb", "v3lockpb", "v3electionpb", "strongroom.admin.v1", "grpc.health.v1"];
    let mut all: Vec<_> = packages.iter().flat_map(|package| paths(package)).collect();
    all.extend(
        ["v1", "v1alpha"].map(|version| format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")),
    );
    assert!(all.len() > 70, "{all:?}");
    all
}

/// How a call ended; `None` when it takes longer.
async fn ended(channel: &Channel, path: &str, within: Duration) -> Option<Code> {
    let answered = timeout(within, call(channel, path)).await.ok()?;
    Some(answered.map_or_else(|status| status.code(), |()| Code::Ok))
}

/// Whether somebody on the other side answered, whatever that was; what only this side says has its cause within.
async fn is_answered(channel: &Channel, path: &str) -> bool {
    let answered = timeout(ANSWER_MAX, call(channel, path)).await;
    !matches!(answered, Ok(Err(status)) if status.source().is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_by_every_certificate_at_every_listener() {
    every_call(&[], Class::Status).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_where_hashes_are_for_administrators() {
    every_call(&["--admin-hashes"], Class::Admin).await;
}

async fn every_call(flags: &[&str], hashes: Class) {
    let revocations = ["--client-crl-file={dir}/ca.crl", "--admin-crl-file={dir}/ca.crl"];
    let scene = Scene::new(&[&revocations, flags].concat()).await;
    let folder = scene.folder.path();
    let issue = async |name: &str, more: &[&str]| issued(folder, name, &[&["--for", "client"], more].concat()).await;
    let holders = BTreeMap::from([
        (Who::Client, scene.client.clone()),
        (Who::Auditor, issue("auditor", &[]).await),
        (Who::Backup, issue("backup", &[]).await),
        (Who::Administrator, issue("admin", &["--uri", "spiffe://example.org/admin"]).await),
    ]);
    let doors = [(Door::Clients, scene.server.ports().client), (Door::Administrators, scene.admin_port)];
    let (mut calls, mut wrong) = (0, Vec::new());
    for (door, port) in doors {
        for (who, certificates) in &holders {
            let channel = channel(port, certificates).await;
            for path in all_paths() {
                let served = door == Door::Administrators || !path.starts_with("/strongroom.");
                let expected = served && may(*who, door, class(&path, hashes));
                // What is let in may wait for something.
                let code = ended(&channel, &path, if expected { WAIT } else { ANSWER_MAX }).await;
                let refused = code == Some(Code::PermissionDenied) || code == Some(Code::Unimplemented);
                calls += 1;
                if refused == expected {
                    wrong.push(format!("{who:?} at {door:?} calls {path}: {code:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "of {calls} calls: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_prove_who_they_are_makes_no_call_at_all() {
    let peer_port = harness::free_port();
    let scene = Scene::new(&flags_of_all_doors(peer_port).each_ref().map(String::as_str)).await;
    let folder = scene.folder.path();
    fs::create_dir(folder.join("others")).unwrap();
    done(&cert(&folder.join("others"), &["init-ca", "--name", "Strongroom authority"]).await);
    let uri = ["--for", "client", "--uri", "spiffe://example.org/admin"];
    let foreign = issued(&folder.join("others"), "admin", &uri).await;
    let revoked = issued(folder, "revoked", &uri).await;
    let admin = issued(folder, "admin", &uri).await;
    let ports = [scene.server.ports().client, scene.admin_port, peer_port];
    for port in ports {
        assert!(is_answered(&channel(port, &revoked).await, "/etcdserverpb.Maintenance/Status").await);
    }
    done(&cert(folder, &["revoke", revoked.certificate.to_str().unwrap()]).await);
    let ours = |files: Certificates| Certificates { authority: folder.join("ca.crt"), ..files };
    let strangers = [
        ("another authority's", ours(foreign)),
        ("expired", out_of_time(folder, "expired", [2020, 2021])),
        ("not yet valid", out_of_time(folder, "early", [2100, 2101])),
        ("revoked", revoked),
    ];
    for port in ports {
        let trusted = ended(&channel(port, &admin).await, "/etcdserverpb.Cluster/MemberList", ANSWER_MAX).await;
        assert_eq!(trusted, Some(if port == peer_port { Code::Unimplemented } else { Code::Ok }));
        for (kind, certificates) in &strangers {
            let Ok(channel) = harness::connect(port, Some(certificates)).await else { continue };
            for path in all_paths().into_iter().chain(paths(PEER)) {
                assert!(!is_answered(&channel, &path).await, "{kind}, {path}");
            }
        }
        for path in all_paths() {
            let plain = harness::connect_lazy(port);
            assert!(!is_answered(&plain, &path).await, "without TLS, {path}");
        }
    }
    let peers = channel(peer_port, &admin).await;
    for path in all_paths() {
        assert_eq!(ended(&peers, &path, ANSWER_MAX).await, Some(Code::Unimplemented), "{path}");
    }
    for path in paths(PEER) {
        let code = ended(&peers, &path, WAIT).await;
        assert!(code != Some(Code::Unimplemented) && is_answered(&peers, &path).await, "{path}: {code:?}");
    }
    // The listener of monitoring has pages, and no service.
    let pages = harness::connect_lazy(scene.server.ports().metrics);
    for path in all_paths() {
        assert_eq!(ended(&pages, &path, ANSWER_MAX).await, Some(Code::Unimplemented), "{path}");
    }
}

/// All listeners over TLS, each with the same list of revoked certificates.
fn flags_of_all_doors(peer_port: u16) -> [String; 10] {
    let peer = format!("https://127.0.0.1:{peer_port}");
    [
        "--client-crl-file={dir}/ca.crl".to_owned(),
        "--admin-crl-file={dir}/ca.crl".to_owned(),
        "--peer-crl-file={dir}/ca.crl".to_owned(),
        "--peer-cert-file={dir}/server.crt".to_owned(),
        "--peer-key-file={dir}/server.key".to_owned(),
        "--peer-trusted-ca-file={dir}/ca.crt".to_owned(),
        "--peer-client-cert-auth".to_owned(),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ]
}

/// A client that offers to resume what it had before its certificate was revoked. Nothing can be resumed, here or before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_outlives_the_trust_in_a_certificate() {
    let peer_port = harness::free_port();
    let scene = Scene::new(&flags_of_all_doors(peer_port).each_ref().map(String::as_str)).await;
    let folder = scene.folder.path();
    let held = issued(folder, "held", &["--for", "client", "--uri", "spiffe://example.org/admin"]).await;
    let doors = [scene.server.ports().client, scene.admin_port, peer_port].map(|port| (port, held.for_rustls(false)));
    for (port, config) in &doors {
        for _ in 0..3 {
            let (read, handshake) = exchange(*port, Arc::clone(config)).await.unwrap();
            assert!(read > 0 && handshake == Some(HandshakeKind::Full), "port {port}: {handshake:?}");
        }
    }
    done(&cert(folder, &["revoke", held.certificate.to_str().unwrap()]).await);
    for (port, config) in doors {
        let begun = Instant::now();
        while exchange(port, Arc::clone(&config)).await.is_ok_and(|(read, _)| read > 0) {
            assert!(begun.elapsed() < RELOAD_MAX, "port {port} still trusts it");
            sleep(Duration::from_millis(50)).await;
        }
        // From then on for good.
        for _ in 0..3 {
            let refusal = exchange(port, Arc::clone(&config)).await;
            assert!(!refusal.as_ref().is_ok_and(|(read, _)| *read > 0), "port {port}: {refusal:?}");
        }
    }
}
