//! A mistake is one sentence on stderr and exit code 1, and a stopped member is found again.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use harness::{Certificates, Environment, Etcdctl, Ports, Process, Run, Server};
use tokio::time::sleep;

/// `strongroom dev` on a directory, expected to end by itself.
async fn dev(dir: &Path, ports: &Ports) -> Run {
    let [client, peer, admin, metrics] =
        [ports.client, ports.peer, ports.admin, ports.metrics].map(|port| port.to_string());
    let arguments = ["dev", "--dir", dir.to_str().unwrap(), "--client-port", &client, "--peer-port", &peer];
    harness::run(&[&arguments[..], &["--admin-port", &admin, "--metrics-port", &metrics]].concat(), []).await
}

/// Wants exit code 1 and one sentence that says these words.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.stderr.trim().lines().count(), 1, "one sentence, not {:?}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{:?} does not say {word:?}", run.stderr);
    }
}

/// Stops a member and gives its directory, to be damaged.
async fn stopped() -> Server {
    let mut server = Server::strongroom().await;
    server.etcdctl().ok(&["put", "/registry/secrets/default/a", "sealed"]).await;
    assert!(server.stop().await.success());
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_everything() {
    let mut server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    let lease = etcdctl.ok(&["lease", "grant", "600"]).await.split(' ').nth(1).unwrap().to_owned();
    etcdctl.ok(&["put", "/registry/secrets/default/a", "sealed"]).await;
    etcdctl.ok(&["put", "/registry/pods/default/a", "open", "--lease", &lease]).await;
    etcdctl.ok(&["put", "/registry/pods/default/a", "open again", "--lease", &lease]).await;
    let everything = ["get", "", "--prefix", "-w", "fields"];
    let member = ["member", "list"];
    let before = [etcdctl.ok(&everything).await, etcdctl.ok(&member).await, etcdctl.ok(&["lease", "list"]).await];
    let key = ["key", "status", "-o", "json"];
    // What is done in the background after a first start is over then.
    let settled = harness::run(&["key", "rewrap", "--wait"], server.environment().iter()).await;
    assert_eq!(settled.code, Some(0), "{settled:?}");
    let key_before = harness::run(&key, server.environment().iter()).await.stdout;
    let environment = server.environment().clone();
    assert!(server.stop().await.success(), "SIGTERM is no error");
    server.start().await;
    assert_eq!(environment.iter().collect::<Vec<_>>(), server.environment().iter().collect::<Vec<_>>());
    let after = [etcdctl.ok(&everything).await, etcdctl.ok(&member).await, etcdctl.ok(&["lease", "list"]).await];
    let without_term =
        |text: &String| text.lines().filter(|line| !line.starts_with("\"RaftTerm\"")).collect::<Vec<_>>().join("\n");
    assert_eq!(before.each_ref().map(without_term), after.each_ref().map(without_term));
    assert_eq!(harness::run(&key, server.environment().iter()).await.stdout, key_before);
    assert!(key_before.contains("/registry/secrets/") && key_before.contains("active"), "{key_before}");
    let error = etcdctl.fails(&["put", "/registry/configmaps/default/a", "AKIAIOSFODNN7EXAMPLE"]).await;
    assert!(error.contains("no-secrets-in-configmaps"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn port_zero_is_any_port_and_the_banner_says_which() {
    let home = tempfile::tempdir().unwrap();
    let (dir, log) = (home.path().join("dev"), home.path().join("log"));
    let mut command = Command::new(harness::binary());
    command.arg("dev").arg("--dir").arg(&dir);
    command.args(["--client-port", "0", "--peer-port", "0", "--admin-port", "0", "--metrics-port", "0"]);
    let mut process = Process::start(command, &log);
    let begun = Instant::now();
    let banner = loop {
        let text = fs::read_to_string(&log).unwrap();
        if text.contains("is ready") && text.contains("key status") {
            break text;
        }
        assert!(
            process.ended().is_none() && begun.elapsed() < Duration::from_secs(harness::START_SECONDS_MAX),
            "{text}"
        );
        sleep(Duration::from_millis(10)).await;
    };
    let environment = Environment::of_shell_file(&dir.join("env"));
    for endpoint in ["ETCDCTL_ENDPOINTS", "STRONGROOM_ADMIN_ENDPOINT"] {
        assert!(banner.contains(environment.get(endpoint)), "{endpoint} is not in {banner}");
    }
    Etcdctl::new(environment).ok(&["put", "a", "1"]).await;
    let metrics = banner.lines().find(|line| line.trim().starts_with("metrics")).unwrap();
    let port = metrics.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(harness::get(port, "/readyz").await.unwrap().status, 200);
    let interrupted = Command::new("/bin/kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert!(process.wait(harness::STOP_SECONDS_MAX).await.success(), "Ctrl-C is no error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_the_banner_do_what_they_say() {
    let server = Server::strongroom().await;
    let log = String::from_utf8(server.log()).unwrap();
    let lines: Vec<_> =
        log.lines().skip_while(|line| !line.starts_with("To try it")).filter(|line| line.starts_with("  ")).collect();
    assert_eq!(lines.len(), 7, "{log}");
    // The first line sources the environment for the others, as in one shell; the third is denied, and the fifth refused.
    let script = lines.join("\n");
    let output =
        tokio::process::Command::new("/bin/sh").args(["-c", &script]).kill_on_drop(true).output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for said in [
        "OK\n/registry/secrets/default/door\nonly-the-drum-knows\n",
        "not on the disk",
        "ENDPOINT",
        "/registry/secrets/",
        "Finished defragmenting",
        "REFUSED Maintenance/Defragment client by CN:dev-client",
        "ended Maintenance/Defragment admin by URI:spiffe://strongroom.dev/administrator",
    ] {
        assert!(stdout.contains(said), "{said:?} is not in {stdout}");
    }
    assert!(stderr.contains("no-secrets-in-configmaps") && stderr.contains("an AWS access key id"), "{stderr}");
    assert!(stderr.contains("CN:dev-client is not an administrator"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use() {
    let home = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    for port in [ports.client, ports.peer, ports.admin, ports.metrics] {
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        refused(&dev(&home.path().join("dev"), &ports).await, &["in use", &port.to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_in_use() {
    let server = Server::strongroom().await;
    refused(&dev(&server.dir(), &Ports::free()).await, &["in use", server.dir().to_str().unwrap()]);
    server.etcdctl().ok(&["put", "a", "the first one goes on"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_of_another_version_or_of_something_else() {
    let server = stopped().await;
    let format = server.dir().join("format");
    let ours = fs::read_to_string(&format).unwrap();
    fs::write(&format, "strongroom-dev-99\n").unwrap();
    refused(&dev(&server.dir(), server.ports()).await, &["another version", "strongroom-dev-99", ours.trim()]);
    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.txt"), "chapter 1").unwrap();
    refused(&dev(foreign.path(), &Ports::free()).await, &["not made by strongroom"]);
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1, "nothing was put beside it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_key_that_is_missing_wrong_or_open_to_all() {
    let mut server = stopped().await;
    let other = stopped().await;
    let key = |server: &Server| server.dir().join("keys/root.key");
    let own = fs::read(key(&server)).unwrap();

    fs::remove_file(key(&server)).unwrap();
    refused(&dev(&server.dir(), server.ports()).await, &["root key", "missing"]);
    assert!(!key(&server).exists(), "no new key is made for data that it cannot open");

    fs::copy(key(&other), key(&server)).unwrap();
    refused(&dev(&server.dir(), server.ports()).await, &["wrong root key"]);

    fs::write(key(&server), &own).unwrap();
    fs::set_permissions(key(&server), fs::Permissions::from_mode(0o644)).unwrap();
    refused(&dev(&server.dir(), server.ports()).await, &["0644", "0600"]);

    fs::set_permissions(key(&server), fs::Permissions::from_mode(0o600)).unwrap();
    server.start().await;
    let value = server.etcdctl().ok(&["get", "/registry/secrets/default/a", "--print-value-only"]).await;
    assert_eq!(value, "sealed\n", "with its own key it opens again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_that_cannot_be_passed_over_is_refused_by_name() {
    for (flag, value) in [("--discovery", "https://127.0.0.1/x"), ("--discovery-srv", "x"), ("--wal-dir", "/nowhere")] {
        refused(&harness::run(&["serve", flag, value], []).await, &[flag]);
    }
    let unknown = harness::run(&["serve", "--no-such-flag", "1"], []).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("--no-such-flag"), "{unknown:?}");
}

/// `strongroom serve` with the files that `dev` has made, and etcd's own flags.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_takes_etcds_flags() {
    let made = stopped().await;
    let home = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    let url = |port: u16| format!("https://127.0.0.1:{port}");
    let certs = made.dir().join("certs");
    let [authority, certificate, key] = ["ca.crt", "server.crt", "server.key"].map(|name| certs.join(name));
    let mut command = Command::new(harness::binary());
    command.args(["serve", "--name", "one"]).arg("--data-dir").arg(home.path().join("data"));
    command.args(["--listen-client-urls", &url(ports.client), "--advertise-client-urls", &url(ports.client)]);
    command.args(["--listen-peer-urls", &url(ports.peer), "--initial-advertise-peer-urls", &url(ports.peer)]);
    command.arg("--initial-cluster").arg(format!("one={}", url(ports.peer)));
    command.args(["--initial-cluster-token", "here", "--initial-cluster-state", "new"]);
    command.arg("--listen-metrics-urls").arg(format!("http://127.0.0.1:{}", ports.metrics));
    command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(&authority);
    command.arg("--cert-file").arg(&certificate).arg("--key-file").arg(&key);
    command.arg("--peer-client-cert-auth").arg("--peer-trusted-ca-file").arg(&authority);
    command.arg("--peer-cert-file").arg(certs.join("peer.crt")).arg("--peer-key-file").arg(certs.join("peer.key"));
    command.arg("--seal-config").arg(made.dir().join("seal.yaml"));
    let mut process = Process::start(command, &home.path().join("log"));
    let begun = Instant::now();
    while !harness::get(ports.metrics, "/readyz").await.is_ok_and(|answer| answer.status == 200) {
        let waiting = begun.elapsed() < Duration::from_secs(harness::START_SECONDS_MAX);
        assert!(process.ended().is_none() && waiting, "{}", process.log_tail());
        sleep(Duration::from_millis(10)).await;
    }
    let client = Certificates { authority, certificate: certs.join("client.crt"), key: certs.join("client.key") };
    let environment =
        Environment::plain(ports.client).with("ETCDCTL_ENDPOINTS", &url(ports.client)).with_certificates(&client);
    let etcdctl = Etcdctl::new(environment);
    etcdctl.ok(&["put", "/registry/secrets/default/a", "1"]).await;
    let members = etcdctl.ok(&["member", "list"]).await;
    assert!(members.contains(", one, ") && members.contains(&url(ports.peer)), "{members}");
    assert!(process.terminate().await.success(), "SIGTERM is no error");
}
