//! Started under etcd's name it is etcd to whoever starts it: its command line, its log, its version, its configuration file.

use std::{
    fs,
    os::unix::fs::symlink,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use harness::{Environment, Etcdctl, Ports, Process};
use serde_json::Value;
use tokio::time::sleep;

/// What scripts wait for.
const READY: &str = "ready to serve client requests";

/// A link to the program under etcd's name.
fn linked(dir: &Path) -> PathBuf {
    let etcd = dir.join("etcd");
    symlink(harness::binary(), &etcd).unwrap();
    etcd
}

/// The program with these variables and no others.
fn command(etcd: &Path, dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(etcd);
    command.args(arguments).env_clear().envs(variables.iter().copied()).current_dir(dir);
    command
}

/// Runs it to its end: exit code, stdout, stderr.
fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn ready(process: &mut Process, log: &Path) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap();
        if text.contains(READY) {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        let waiting = begun.elapsed() < Duration::from_secs(harness::START_SECONDS_MAX);
        assert!(process.ended().is_none() && waiting, "{}", process.log_tail());
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcds_flags_variables_and_log() {
    let home = tempfile::tempdir().unwrap();
    let (dir, log, ports) = (home.path(), home.path().join("log"), Ports::free());
    let (client, peer) = (format!("http://127.0.0.1:{}", ports.client), format!("http://127.0.0.1:{}", ports.peer));
    let systemd = UnixDatagram::bind(dir.join("notify")).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(harness::ANSWER_SECONDS_MAX))).unwrap();
    let arguments = ["-name=one", "-listen-client-urls", &client, "--advertise-client-urls", &client, "--max-wals=9"];
    let notify = dir.join("notify");
    let variables = [
        ("ETCD_LISTEN_PEER_URLS", peer.as_str()),
        ("ETCD_INITIAL_ADVERTISE_PEER_URLS", &peer),
        ("ETCD_SERVICE_HOST", "10.0.0.1"),
        ("NOTIFY_SOCKET", notify.to_str().unwrap()),
    ];
    let mut process = Process::start(command(&linked(dir), dir, &arguments, &variables), &log);
    let lines = ready(&mut process, &log).await;
    for line in &lines {
        for field in ["level", "ts", "caller", "msg"] {
            assert!(line[field].is_string(), "{field} is not in {line}");
        }
    }
    let of = |message: &str| {
        lines.iter().find(|line| line["msg"] == message).unwrap_or_else(|| panic!("{message}: {lines:?}"))
    };
    assert_eq!(of("unrecognized environment variable")["environment-variable"], "ETCD_SERVICE_HOST");
    assert_eq!(of("this setting has no effect")["setting"], "--max-wals");
    assert_eq!(of("starting an etcd server")["name"], "one");
    assert_eq!(of("now serving peer/client/metrics")["listen-client-urls"], serde_json::json!([client]));
    let mut buffer = [0; 32];
    let length = systemd.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1");
    let etcdctl = Etcdctl::new(Environment::plain(ports.client));
    etcdctl.ok(&["put", "a", "1"]).await;
    assert!(etcdctl.ok(&["member", "list"]).await.contains(", one, "));
    assert!(dir.join("one.etcd").is_dir(), "the data is where etcd has it");
    assert!(process.terminate().await.success());
    let stopped = fs::read_to_string(&log).unwrap();
    assert!(stopped.contains("\"signal\":\"terminated\""), "{stopped}");
    assert!(stopped.contains("serving client traffic insecurely; this is strongly discouraged!"), "{stopped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcds_file_with_a_log_file_and_a_certificate_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let (dir, log, ports) = (home.path(), home.path().join("log.json"), Ports::free());
    let (client, peer) = (format!("https://127.0.0.1:{}", ports.client), format!("http://127.0.0.1:{}", ports.peer));
    let file = format!(
        "name: two\ndata-dir: data\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\nlisten-peer-urls: {peer}\n\
         initial-advertise-peer-urls: {peer}\ninitial-cluster: two={peer}\nlog-outputs: [log.json]\n\
         watch-progress-notify-interval: 60000000000\nclient-transport-security:\n  auto-tls: true\n"
    );
    fs::write(dir.join("etcd.yml"), file).unwrap();
    fs::write(&log, "").unwrap();
    let arguments = ["--config-file", "etcd.yml", "--name", "ignored"];
    let mut process = Process::start(command(&linked(dir), dir, &arguments, &[]), &dir.join("streams"));
    let lines = ready(&mut process, &log).await;
    let ignored = lines.iter().find(|line| line["setting"] == "--name").unwrap();
    assert_eq!(ignored["level"], "warn");
    let environment = Environment::plain(ports.client)
        .with("ETCDCTL_ENDPOINTS", &client)
        .with("ETCDCTL_CACERT", dir.join("data/fixtures/client/cert.pem").to_str().unwrap());
    let etcdctl = Etcdctl::new(environment);
    assert!(etcdctl.ok(&["member", "list"]).await.contains(", two, "));
    assert!(process.terminate().await.success());
    assert_eq!(fs::read_to_string(dir.join("streams")).unwrap(), "", "the log is in its file only");
}

#[test]
fn mistakes_are_a_sentence_and_etcds_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let (dir, etcd) = (home.path(), linked(home.path()));
    for (arguments, variables, code, words) in [
        (
            &["--listen-client-url=x"][..],
            &[][..],
            2,
            "--listen-client-url is not a known flag; did you mean listen-client-urls?",
        ),
        (&["--election-timeout", "soon"], &[], 2, "--election-timeout is \"soon\", which is not a whole number"),
        (&["grpc-proxy", "start"], &[], 2, "grpc-proxy is not part of strongroom"),
        (&["--name", "a"], &[("ETCD_NAME", "b")], 1, "ETCD_NAME and --name both set the same"),
        (&["--listen-client-urls="], &[], 1, "--listen-client-urls is \"\", which is not a list of at least one URL"),
        (&["--election-timeout", "400"], &[], 1, "at least 5 times --heartbeat-interval (100 ms)"),
        (&["--discovery-srv", "example.org"], &[], 1, "--discovery-srv is not supported"),
        (&["--config-file", "nowhere.yml"], &[], 1, "cannot read nowhere.yml"),
    ] {
        let (ended_with, stdout, stderr) = ended(&mut command(&etcd, dir, arguments, variables));
        assert_eq!((ended_with, stdout.as_str()), (Some(code), ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("etcd: ") && stderr.contains(words), "{arguments:?}: {stderr}");
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "nothing was left behind but the link");
}

#[test]
fn help_and_version_have_etcds_shape() {
    let home = tempfile::tempdir().unwrap();
    let etcd = linked(home.path());
    let (code, version, _) = ended(&mut command(&etcd, home.path(), &["--version"], &[]));
    assert_eq!(code, Some(0));
    let names: Vec<_> = version.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, ["etcd Version", "Git SHA", "Go Version", "Go OS/Arch"], "{version}");
    assert!(version.starts_with("etcd Version: 3.7."), "{version}");
    assert!(version.contains("strongroom ") && version.contains("rustc "), "{version}");
    let (code, help, _) = ended(&mut command(&etcd, home.path(), &["-help"], &[]));
    assert_eq!(code, Some(0));
    for flag in ["  --listen-client-urls 'http://localhost:2379'", "  --max-wals '5'", "  --seal-config ''"] {
        assert!(help.contains(flag), "{flag} is not in {help}");
    }
}
