//! A snapshot becomes a new cluster, of one member or of three, with everything in it.

use std::fs;

use harness::{Environment, Etcdctl, Ports, Process, Server};

use super::{everything, kind, made_for, newest, restored, saved};
use crate::offices::{Scene, done, issued, sealing, text};

/// Keys with a past, a lease and users.
async fn filled(etcdctl: &Etcdctl) {
    let lease = etcdctl.ok(&["lease", "grant", "600"]).await.split(' ').nth(1).unwrap().to_owned();
    for round in 0..3 {
        for key in ["/sealed/a", "/plain/a", "/plain/b"] {
            etcdctl.ok(&["put", key, &format!("value {round}"), "--lease", &lease]).await;
        }
    }
    etcdctl.ok(&["del", "/plain/b"]).await;
    etcdctl.ok(&["compaction", "4"]).await;
    etcdctl.ok(&["user", "add", "jane:sesame"]).await;
    etcdctl.ok(&["role", "add", "reader"]).await;
    etcdctl.ok(&["role", "grant-permission", "reader", "read", "/plain/", "--prefix"]).await;
    etcdctl.ok(&["user", "grant-role", "jane", "reader"]).await;
}

/// What a cluster says that it holds.
async fn held(etcdctl: &Etcdctl) -> Vec<String> {
    let mut told = Vec::new();
    for revision in 4..=newest(etcdctl).await {
        told.push(everything(etcdctl, revision).await);
    }
    told.push(etcdctl.fails(&["get", "x", "--rev=3"]).await);
    for question in [&["lease", "list"][..], &["user", "list"], &["user", "get", "jane"], &["role", "get", "reader"]] {
        told.push(etcdctl.ok(question).await);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_in_a_snapshot_is_in_the_cluster_that_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let seal = sealing(folder.path()).await;
    let flag = format!("--seal-config={seal}");
    let source = Server::new(kind(&[&flag])).await;
    filled(&source.etcdctl()).await;
    let snapshot = folder.path().join("snapshot.db");
    saved(&source.etcdctl(), &snapshot).await;
    let before = held(&source.etcdctl()).await;

    let status = harness::run(&["snapshot", "status", text(&snapshot), "-o", "json"], None).await;
    done(&status);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["revision"], &status["signatures"]), (&newest(&source.etcdctl()).await.into(), &1.into()));
    let verified = harness::run(&["snapshot", "verify", text(&snapshot), "--seal-config", &seal], None).await;
    done(&verified);
    assert!(verified.stdout.contains("a member with data key 1"), "{}", verified.stdout);
    let listed = harness::run(&["snapshot", "ls", text(&snapshot), "/sealed/"], None).await;
    done(&listed);
    assert!(listed.stdout.starts_with("/sealed/a\trevision 8\tversion 3\t") && listed.stdout.contains("bytes sealed"));
    assert!(!listed.stdout.contains("plain/"), "{}", listed.stdout);

    let mut one = restored(&snapshot, &[&flag], &["--seal-config", &seal]).await;
    assert_eq!(held(&one.etcdctl()).await, before);
    let id = |answer: String| answer.split("cluster_id\":").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let cluster = async |server: &Server| id(server.etcdctl().ok(&["member", "list", "-w", "json"]).await);
    assert_ne!(cluster(&one).await, cluster(&source).await);
    one.etcdctl().ok(&["put", "/sealed/a", "after"]).await;
    one.kill();
    one.start().await;
    assert_eq!(one.etcdctl().ok(&["get", "/sealed/a", "--print-value-only"]).await.trim(), "after");
    assert!(one.stop().await.success());
    let checked = harness::run(&["check", text(&one.dir()), "--seal-config", &seal], None).await;
    done(&checked);
    assert!(checked.stdout.contains("faults") && checked.stdout.contains("opened"), "{}", checked.stdout);

    let again = made_for(&one, &["snapshot", "restore", text(&snapshot)]).await;
    assert!(again.code == Some(1) && again.stderr.contains("is not empty"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_are_made_of_one_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let source = Server::new(kind(&[])).await;
    filled(&source.etcdctl()).await;
    let snapshot = folder.path().join("snapshot.db");
    saved(&source.etcdctl(), &snapshot).await;
    let before = held(&source.etcdctl()).await;

    let ports: Vec<Ports> = (0..3).map(|_| Ports::free()).collect();
    let peer = |ports: &Ports| format!("http://127.0.0.1:{}", ports.peer);
    let members = ports.iter().enumerate().map(|(member, ports)| format!("m{member}={}", peer(ports)));
    let cluster = members.collect::<Vec<_>>().join(",");
    let mut processes = Vec::new();
    for (member, ports) in ports.iter().enumerate() {
        let (name, dir) = (format!("m{member}"), folder.path().join(format!("m{member}")));
        let own = ["--name", &name, "--data-dir", text(&dir), "--initial-cluster", &cluster];
        let urls = ["--initial-advertise-peer-urls", &peer(ports)];
        done(&harness::run(&[&["snapshot", "restore", text(&snapshot)], &own[..], &urls].concat(), None).await);
        let mut command = std::process::Command::new(harness::binary());
        command.arg("serve").args(own).args(urls).args(["--listen-peer-urls", &peer(ports)]);
        let client = format!("http://127.0.0.1:{}", ports.client);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client, "--admin-access=any"]);
        processes.push(Process::start(command, &folder.path().join(format!("{name}.log"))));
    }
    for (member, ports) in ports.iter().enumerate() {
        let etcdctl = Etcdctl::new(Environment::plain(ports.client));
        let begun = std::time::Instant::now();
        while !etcdctl.run(&["endpoint", "health"]).await.success {
            assert!(begun.elapsed().as_secs() < harness::START_SECONDS_MAX, "m{member} does not become ready");
        }
        assert_eq!(held(&etcdctl).await, before, "m{member}");
    }
    let all = Etcdctl::new(Environment::plain(ports[0].client));
    assert_eq!(all.ok(&["member", "list"]).await.lines().count(), 3);
    all.ok(&["put", "/plain/new", "x"]).await;
    drop(processes.remove(0));
    let rest = Etcdctl::new(Environment::plain(ports[1].client));
    let begun = std::time::Instant::now();
    while !rest.run(&["put", "/plain/new", "y"]).await.success {
        assert!(begun.elapsed().as_secs() < harness::START_SECONDS_MAX, "two of three do not go on");
    }
}

/// With the certificate of an operator of backups, by the admin listener.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_backups_saves_what_can_be_restored() {
    let scene = Scene::new(&[]).await;
    let backup = issued(scene.folder.path(), "backup", &["--for", "client"]).await;
    scene.etcdctl(&scene.client, false).ok(&["put", "/a", "x"]).await;
    let file = scene.folder.path().join("snapshot.db");
    let saved = scene.strongroom(&backup, &["snapshot", "save", text(&file), "-o", "json"]).await;
    done(&saved);
    let saved: serde_json::Value = serde_json::from_str(&saved.stdout).unwrap();
    assert_eq!((&saved["revision"], saved["bytes"].as_u64()), (&2.into(), Some(fs::metadata(&file).unwrap().len())));
    let again = scene.strongroom(&backup, &["snapshot", "save", text(&file)]).await;
    assert!(again.code == Some(1) && again.stderr.contains("it is there already"), "{again:?}");
    let client = scene.strongroom(&scene.client, &["snapshot", "save", text(&scene.folder.path().join("other"))]).await;
    assert!(client.code == Some(1) && !scene.folder.path().join("other").exists(), "{client:?}");
    let server = restored(&file, &[], &[]).await;
    assert_eq!(server.etcdctl().ok(&["get", "/a", "--print-value-only"]).await.trim(), "x");
}
