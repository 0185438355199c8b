//! Every call, by every kind of certificate, at every listener.

use std::{collections::BTreeMap, error::Error as _, fs, path::Path, time::Duration};

use harness::Certificates;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType, date_time_ymd};
use tokio::time::timeout;
use tonic::{Code, transport::Channel};

use crate::{
    descriptors::{call, channel, paths},
    offices::{Scene, cert, done, issued},
};

/// What a call that waits for something is given before it counts as let in.
const WAIT: Duration = Duration::from_millis(500);

/// What kind of access a call is; the test's own opinion, to be compared with the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Data,
    Status,
    Oversight,
    Backup,
    Admin,
}

fn class(path: &str) -> Class {
    let [_, service, method] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
    match (service.rsplit('.').next().unwrap(), method) {
        ("KV" | "Watch" | "Lease" | "Lock" | "Election", _) | ("Auth", "Authenticate") => Class::Data,
        ("Health" | "ServerReflection", _)
        | ("Cluster", "MemberList")
        // An empty message reads alarms.
        | ("Maintenance", "Alarm" | "Status" | "Hash" | "HashKV")
        | ("Auth", "AuthStatus" | "UserGet" | "RoleGet") => Class::Status,
        ("Auth", "UserList" | "RoleList")
        | ("Plugins" | "Seal", "List")
        | ("Plugins", "Logs")
        | ("Keys", "Status" | "Settle")
        | ("Audit", _) => Class::Oversight,
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

/// How a call ended; `None` when it waits for something, or goes on.
async fn ended(channel: &Channel, path: &str) -> Option<Code> {
    let answered = timeout(WAIT, call(channel, path)).await.ok()?;
    Some(answered.map_or_else(|status| status.code(), |()| Code::Ok))
}

/// Whether somebody on the other side answered, whatever that was; what only this side says has its cause within.
async fn is_answered(channel: &Channel, path: &str) -> bool {
    let answered = timeout(WAIT, call(channel, path)).await;
    !matches!(answered, Ok(Err(status)) if status.source().is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_by_every_certificate_at_every_listener() {
    let scene = Scene::new(&["--client-crl-file={dir}/ca.crl", "--admin-crl-file={dir}/ca.crl"]).await;
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
                let code = ended(&channel, &path).await;
                let refused = code == Some(Code::PermissionDenied) || code == Some(Code::Unimplemented);
                let expected = served && may(*who, door, class(&path));
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
    let scene = Scene::new(&["--client-crl-file={dir}/ca.crl", "--admin-crl-file={dir}/ca.crl"]).await;
    let folder = scene.folder.path();
    fs::create_dir(folder.join("others")).unwrap();
    done(&cert(&folder.join("others"), &["init-ca", "--name", "Strongroom authority"]).await);
    let uri = ["--for", "client", "--uri", "spiffe://example.org/admin"];
    let foreign = issued(&folder.join("others"), "admin", &uri).await;
    let revoked = issued(folder, "revoked", &uri).await;
    let admin = issued(folder, "admin", &uri).await;
    let ports = [scene.server.ports().client, scene.admin_port];
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
        assert_eq!(ended(&channel(port, &admin).await, "/etcdserverpb.Cluster/MemberList").await, Some(Code::Ok));
        for (kind, certificates) in &strangers {
            // Sessions are not resumed, so a second connection is judged as the first.
            for _ in 0..2 {
                let Ok(channel) = harness::connect(port, Some(certificates)).await else { continue };
                for path in
                    ["/etcdserverpb.KV/Range", "/etcdserverpb.Maintenance/Status", "/etcdserverpb.Cluster/MemberAdd"]
                {
                    assert!(!is_answered(&channel, path).await, "{kind}, {path}");
                }
            }
        }
        for path in all_paths() {
            let plain = harness::connect_lazy(port);
            assert!(!is_answered(&plain, &path).await, "without TLS, {path}");
        }
    }
    // The listener of monitoring has pages, and no service.
    let pages = harness::connect_lazy(scene.server.ports().metrics);
    for path in all_paths() {
        assert_eq!(ended(&pages, &path).await, Some(Code::Unimplemented), "{path}");
    }
    let peers = harness::connect_lazy(scene.server.ports().peer);
    for path in all_paths() {
        assert_eq!(ended(&peers, &path).await, Some(Code::Unimplemented), "{path}");
    }
}
