//! Certificates made by `strongroom cert`, and what each office that they name may do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use harness::{Certificates, Client, Environment, EtcdTls, Etcdctl, Kind, Program, Run, Server};
use proto::etcdserverpb::{AlarmRequest, alarm_request::AlarmAction};

/// A path of this test, which is text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a root key in a folder, and a configuration beside it that seals a prefix with it; where that is.
pub(crate) async fn sealing(folder: &Path) -> String {
    let config = folder.join("seal.yaml");
    done(&harness::run(&["key", "generate", text(&folder.join("root.key"))], None).await);
    fs::write(&config, "provider:\n  key-file: { path: root.key }\nprefixes: [/sealed/]\n").unwrap();
    text(&config).to_owned()
}

/// Runs `strongroom cert ...` in a folder.
pub(crate) async fn cert(folder: &Path, arguments: &[&str]) -> Run {
    harness::run(&[&["cert"], arguments, &["--dir", folder.to_str().unwrap()]].concat(), None).await
}

pub(crate) async fn issued(folder: &Path, name: &str, arguments: &[&str]) -> Certificates {
    let run = cert(folder, &[&["issue", name], arguments].concat()).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    Certificates {
        authority: folder.join("ca.crt"),
        certificate: folder.join(format!("{name}.crt")),
        key: folder.join(format!("{name}.key")),
    }
}

/// A member, with the authority of all certificates in a folder of its own.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Server,
    pub(crate) admin_port: u16,
    /// Of a client who holds no office.
    pub(crate) client: Certificates,
}

impl Scene {
    /// With these flags besides, in which `{dir}` stands for the folder. A list of revoked certificates, ca.crl, lies in it.
    pub(crate) async fn new(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let made = cert(path, &["init-ca"]).await;
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        done(&cert(path, &["revoke"]).await);
        let server = issued(path, "server", &["--for", "server", "--host", "127.0.0.1"]).await;
        let client = issued(path, "client", &["--for", "client"]).await;
        let admin_port = harness::free_port();
        let file = |name: &str| path.join(name).display().to_string();
        let mut flags = vec![
            "--admin-access=mtls".to_owned(),
            format!("--listen-admin-urls=https://127.0.0.1:{admin_port}"),
            format!("--admin-cert-file={}", file("server.crt")),
            format!("--admin-key-file={}", file("server.key")),
            format!("--admin-trusted-ca-file={}", file("ca.crt")),
            "--admin-identities=URI:spiffe://example.org/admin".to_owned(),
            "--auditor-identities=CN:auditor".to_owned(),
            "--backup-identities=CN:backup,CN:another".to_owned(),
        ];
        flags.extend(more.iter().map(|flag| flag.replace("{dir}", &path.display().to_string())));
        let tls = Some(EtcdTls { server, client: client.clone() });
        let server = Server::new(Kind::Member { program: Program::Strongroom, tls, flags }).await;
        Self { folder, server, admin_port, client }
    }

    /// Whoever holds these files, at the admin listener or at that of clients.
    pub(crate) fn etcdctl(&self, who: &Certificates, at_admin: bool) -> Etcdctl {
        let port = if at_admin { self.admin_port } else { self.server.ports().client };
        let endpoint = format!("https://127.0.0.1:{port}");
        Etcdctl::new(Environment::plain(port).with("ETCDCTL_ENDPOINTS", &endpoint).with_certificates(who))
    }

    pub(crate) async fn strongroom(&self, who: &Certificates, arguments: &[&str]) -> Run {
        harness::run(arguments, Environment::administration(self.admin_port, who).iter()).await
    }
}

pub(crate) fn done(run: &Run) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

pub(crate) fn refused(run: &Run, why: &str) {
    assert!(run.code == Some(1) && run.stderr.contains(why), "{}{}", run.stdout, run.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_office_does_what_it_is_for_and_nothing_else() {
    let scene = Scene::new(&[]).await;
    let path = scene.folder.path();
    let admin = issued(path, "admin", &["--for", "client", "--uri", "spiffe://example.org/admin"]).await;
    let auditor = issued(path, "auditor", &["--for", "client"]).await;
    let backup = issued(path, "nightly", &["--for", "client", "--common-name", "backup"]).await;
    let target = path.join("snapshot.db");
    let snapshot = ["snapshot", "save", target.to_str().unwrap()];

    scene.etcdctl(&scene.client, false).ok(&["put", "/a", "1"]).await;
    assert!(scene.etcdctl(&scene.client, false).fails(&snapshot).await.contains("not an operator of backups"));
    refused(&scene.strongroom(&scene.client, &["plugin", "list"]).await, "CN:client is not an auditor");

    done(&scene.strongroom(&auditor, &["plugin", "list"]).await);
    done(&scene.strongroom(&auditor, &["key", "status"]).await);
    done(&scene.strongroom(&auditor, &["seal", "list"]).await);
    scene.etcdctl(&auditor, true).ok(&["user", "list"]).await;
    scene.etcdctl(&auditor, false).ok(&["user", "list"]).await;
    refused(&scene.strongroom(&auditor, &["plugin", "remove", "x"]).await, "CN:auditor is not an administrator");
    refused(&scene.strongroom(&auditor, &["seal", "add", "/x/"]).await, "not an administrator");
    for call in [&["get", "/a"][..], &["user", "add", "x:y"], &["member", "add", "x", "--peer-urls=http://127.0.0.1:1"]]
    {
        assert!(scene.etcdctl(&auditor, true).fails(call).await.contains("not an administrator"), "{call:?}");
    }
    let door = harness::connect(scene.admin_port, Some(&auditor)).await.unwrap();
    let alarm = AlarmRequest { action: AlarmAction::Activate.into(), alarm: 1, ..AlarmRequest::default() };
    let refused_alarm = Client::new(door).maintenance.alarm(alarm).await.unwrap_err();
    assert!(refused_alarm.message().contains("not an administrator"), "{refused_alarm}");
    assert!(scene.etcdctl(&auditor, true).fails(&snapshot).await.contains("not an operator of backups"));
    for call in [&["get", "/a"][..], &["put", "/a", "2"], &["del", "/a"], &["lease", "grant", "10"]] {
        assert!(scene.etcdctl(&auditor, false).fails(call).await.contains("reads and writes no data"), "{call:?}");
        assert!(scene.etcdctl(&backup, false).fails(call).await.contains("reads and writes no data"), "{call:?}");
    }

    for at_admin in [true, false] {
        scene.etcdctl(&backup, at_admin).ok(&snapshot).await;
        assert!(fs::metadata(&target).unwrap().len() > 1000);
    }
    refused(&scene.strongroom(&backup, &["plugin", "list"]).await, "CN:backup is not an auditor");
    assert!(scene.etcdctl(&backup, true).fails(&["get", "/a"]).await.contains("not an administrator"));

    done(&scene.strongroom(&admin, &["plugin", "list"]).await);
    scene.etcdctl(&admin, true).ok(&snapshot).await;
    scene.etcdctl(&admin, true).ok(&["get", "/a"]).await;
    refused(&scene.strongroom(&admin, &["plugin", "remove", "x"]).await, "no plugin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_made_shown_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    refused(&cert(path, &["issue", "early", "--for", "client"]).await, "ca.key");
    done(&cert(path, &["init-ca", "--name", "Ours", "--days", "10"]).await);
    let key = fs::read(path.join("ca.key")).unwrap();
    assert_eq!(fs::metadata(path.join("ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    refused(&cert(path, &["init-ca"]).await, "ca.crt");
    assert_eq!(fs::read(path.join("ca.key")).unwrap(), key);
    refused(&cert(path, &["issue", "m1", "--for", "server"]).await, "--host");

    let names = [
        "--for",
        "peer",
        "--host",
        "m1.example.org",
        "--host",
        "10.0.0.1",
        "--uri",
        "spiffe://example.org/m1",
        "--days",
        "3",
    ];
    let made = issued(path, "m1", &names).await;
    refused(&cert(path, &[&["issue", "m1"], &names[..]].concat()).await, "it is there already");
    fs::remove_file(&made.certificate).unwrap();
    refused(&cert(path, &[&["issue", "m1"], &names[..]].concat()).await, "m1.key");
    assert!(!made.certificate.exists(), "no certificate without its key");
    fs::remove_file(&made.key).unwrap();
    issued(path, "m1", &names).await;

    let [leaf, leaf_key] = [&made.certificate, &made.key].map(|path| path.to_str().unwrap());
    for (flags, why) in [
        (&["--days", "11"][..], "holds until"),
        (&["--ca-cert", leaf, "--ca-key", leaf_key], "not an authority"),
        (&["--ca-key", leaf_key], "is not its key"),
    ] {
        refused(&cert(path, &[&["issue", "other", "--for", "client"], flags].concat()).await, why);
    }
    done(&cert(path, &["revoke", leaf, "--days", "5"]).await);
    let list = fs::read(path.join("ca.crl")).unwrap();
    let again = cert(path, &["revoke", leaf, leaf, "--days", "5"]).await;
    assert!(again.code == Some(0) && again.stdout.contains("ca.crl  1 "), "{}{}", again.stdout, again.stderr);
    assert_ne!(fs::read(path.join("ca.crl")).unwrap(), list, "each list has a number and a time of its own");
    refused(&cert(path, &["revoke", leaf_key, "--days", "5"]).await, "m1.key");
    refused(&cert(path, &["revoke", leaf, "--days", "11"]).await, "holds until");

    let shown = harness::run(&["cert", "show", made.certificate.to_str().unwrap(), "-o", "json"], None).await;
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let shown = &shown["certificates"][0];
    assert_eq!((&shown["subject"], &shown["issuer"]), (&"CN=m1".into(), &"CN=Ours".into()));
    assert!([2, 3].contains(&shown["days_left"].as_i64().unwrap()) && shown["is_authority"] == false, "{shown}");
    assert_eq!(shown["purposes"], serde_json::json!(["server", "client"]));
    assert_eq!(shown["hosts"], serde_json::json!(["m1.example.org", "10.0.0.1"]));
    assert_eq!(shown["identities"], serde_json::json!(["URI:spiffe://example.org/m1", "DNS:m1.example.org", "CN:m1"]));
    refused(&harness::run(&["cert", "show", made.key.to_str().unwrap()], None).await, "no certificate");
}
