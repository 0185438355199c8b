//! The audit log: who did what, on every member, and nobody can change it unseen.

use std::{collections::BTreeMap, fs, process::Stdio, time::Duration};

use harness::{Cluster, ClusterOptions, Environment, Etcdctl, Kind, Program, Run, Server};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::{sleep, timeout},
};

use crate::offices::{Scene, done, issued, refused, sealing, text};

/// Longest wait for what members do by themselves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Neither a password nor a value is ever recorded.
const SECRET: &str = "only-the-drum-knows";

fn lines(run: &Run) -> Vec<Value> {
    done(run);
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn verify(arguments: &[&str]) -> Run {
    harness::run(&[&["audit", "verify"], arguments].concat(), None).await
}

/// What an event tells: stage, call, who, what, how it ended.
fn told(line: &Value) -> [String; 5] {
    let event = &line["event"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let what = event["what"].as_object().map(|what| serde_json::to_string(what).unwrap()).unwrap_or_default();
    let call = text(&event["call"]).rsplit('.').next().unwrap().to_owned();
    [text(&event["stage"]), call, text(&event["who"]["name"]), what, text(&event["outcome"]["code"])]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_who_did_what_who_was_refused_and_no_secret() {
    let scene = Scene::new(&[]).await;
    let path = scene.folder.path();
    let admin = issued(path, "admin", &["--for", "client", "--uri", "spiffe://example.org/admin"]).await;
    let auditor = issued(path, "auditor", &["--for", "client"]).await;
    let backup = issued(path, "backup", &["--for", "client"]).await;
    let (urls, admins) = ("--peer-urls=http://127.0.0.1:1", scene.etcdctl(&admin, true));

    scene.etcdctl(&scene.client, false).fails(&["member", "add", "x", urls]).await;
    admins.ok(&["user", "add", &format!("jane:{SECRET}")]).await;
    admins.ok(&["role", "add", "reader"]).await;
    admins.fails(&["role", "add", "reader"]).await;
    scene.etcdctl(&backup, true).ok(&["snapshot", "save", text(&path.join("snapshot.db"))]).await;
    scene.etcdctl(&scene.client, false).ok(&["put", "/a", SECRET]).await;
    done(&scene.strongroom(&auditor, &["seal", "list"]).await);
    for nobody in [&scene.client, &backup] {
        refused(&scene.strongroom(nobody, &["audit", "tail", "--last", "1"]).await, "is not an auditor");
    }

    let shown = lines(&scene.strongroom(&auditor, &["audit", "tail", "--last", "100", "--json"]).await);
    let told: Vec<_> = shown.iter().map(told).collect();
    let told: Vec<_> = told.iter().map(|words| words.each_ref().map(String::as_str)).collect();
    let admin_uri = "URI:spiffe://example.org/admin";
    let of = |call: &str| told.iter().filter(|line| line[1] == call).copied().collect::<Vec<_>>();
    assert_eq!(of("Cluster/MemberAdd"), [["refused", "Cluster/MemberAdd", "CN:client", "", "PERMISSION_DENIED"]]);
    let jane = r#"{"name":"jane"}"#;
    let add = |stage, code| [stage, "Auth/UserAdd", admin_uri, jane, code];
    assert_eq!(of("Auth/UserAdd"), [add("begun", ""), add("ended", "OK")]);
    let codes: Vec<_> = of("Auth/RoleAdd").iter().map(|line| line[4]).collect();
    assert_eq!(codes, ["", "OK", "", "FAILED_PRECONDITION"]);
    let codes: Vec<_> = of("Maintenance/Snapshot").iter().map(|line| (line[0], line[2], line[4])).collect();
    assert_eq!(codes, [("begun", "CN:backup", ""), ("ended", "CN:backup", "OK")]);
    assert_eq!(of("Seal/List"), [["called", "Seal/List", "CN:auditor", "", "OK"]]);
    assert_eq!(of("Audit/Tail").iter().filter(|line| line[0] == "refused").count(), 2);
    assert!(of("KV/Put").is_empty(), "what clients write is not an administrator's work");
    let user_added = &shown[told.iter().position(|line| line[1] == "Auth/UserAdd").unwrap()];
    assert!(user_added["cluster"]["seq"].is_u64() && user_added["event"]["who"]["certificate"].is_string());
    assert_eq!(user_added["event"]["listener"], "admin");
    assert!(user_added["event"]["who"]["from"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(!shown.iter().any(|line| line.to_string().contains(SECRET)));

    let folder = scene.server.dir().join("audit");
    for file in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, SECRET.as_bytes()).is_none());
    }
    let people = scene.strongroom(&auditor, &["audit", "tail", "--last", "100"]).await;
    let sentence = format!("ended Auth/UserAdd admin by {admin_uri} from 127.0.0.1:");
    assert!(people.stdout.contains(&sentence), "{}", people.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_sealed_values_is_recorded_by_key_or_by_digest() {
    for policy in ["off", "keys", "digests"] {
        let folder = tempfile::tempdir().unwrap();
        let config = sealing(folder.path()).await;
        let flags = vec![format!("--seal-config={config}"), format!("--audit-sealed-reads={policy}")];
        let server = Server::new(Kind::Member { program: Program::Strongroom, tls: None, flags }).await;
        let etcdctl = server.etcdctl();
        for key in ["/sealed/a", "/sealed/b", "/plain/a"] {
            etcdctl.ok(&["put", key, SECRET]).await;
        }
        etcdctl.ok(&["get", "/plain/a"]).await;
        etcdctl.ok(&["get", "/sealed/", "--prefix"]).await;
        let log = server.dir().join("audit");
        let mut expected = vec!["/sealed/a".to_owned(), "/sealed/b".to_owned()];
        if policy == "digests" {
            for key in &mut expected {
                let digest = harness::run(&["audit", "digest", text(&log), key], None).await;
                done(&digest);
                *key = digest.stdout.trim().to_owned();
            }
        }
        // Nobody waits for such a line to be written.
        sleep(Duration::from_secs(2)).await;
        let files = fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
        let lines: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let reads: Vec<Value> = lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        let reads: Vec<_> = reads.iter().filter(|line| line["event"]["stage"] == "sealed_read").collect();
        assert_eq!(reads.len(), usize::from(policy != "off"), "{policy}: {lines}");
        for read in reads {
            let what = &read["event"]["what"];
            assert_eq!((&what["values"], &what["keys"]), (&"2".into(), &expected.join(" ").into()), "{policy}");
            assert!(!lines.contains(SECRET));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_it_sees_what_happens() {
    let scene = Scene::new(&[]).await;
    let admin = issued(scene.folder.path(), "admin", &["--for", "client", "--uri", "spiffe://example.org/admin"]).await;
    let mut command = Command::new(harness::binary());
    command.args(["audit", "tail"]).env_clear().envs(Environment::administration(scene.admin_port, &admin).iter());
    let mut follower = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut shown = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut seen = async |words: &str| {
        let find = async {
            while let Some(line) = shown.next_line().await.unwrap() {
                if line.contains(words) {
                    return line;
                }
            }
            panic!("it ended")
        };
        timeout(PATIENCE, find).await.unwrap_or_else(|_| panic!("{words:?} was not seen"))
    };
    // Its own call comes first, once it has begun to follow.
    seen("called Audit/Tail").await;
    for number in 0..3 {
        scene.etcdctl(&admin, true).ok(&["role", "add", &format!("role-{number}")]).await;
        seen("begun Auth/RoleAdd admin by URI:spiffe://example.org/admin from 127.0.0.1:").await;
        let line = seen(&format!("name=\"role-{number}\"")).await;
        assert!(line.contains("ended Auth/RoleAdd") && line.contains(" OK "), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_or_cut_off_is_found() {
    let mut scene = Scene::new(&[]).await;
    let path = scene.folder.path().to_owned();
    let admin = issued(&path, "admin", &["--for", "client", "--uri", "spiffe://example.org/admin"]).await;
    for number in 0..4 {
        scene.etcdctl(&admin, true).ok(&["role", "add", &format!("role-{number}")]).await;
    }
    let folder = scene.server.dir().join("audit");
    let whole = verify(&[text(&folder)]).await;
    done(&whole);
    let before = whole.stdout.trim_end().rsplit(' ').next().unwrap().to_owned();

    // It goes on after the end of the process, however that came about.
    scene.server.kill();
    scene.server.start().await;
    scene.etcdctl(&admin, true).ok(&["role", "add", "late"]).await;
    done(&verify(&[text(&folder), "--through", &before]).await);
    let end = scene.strongroom(&admin, &["audit", "end", "-o", "json"]).await;
    done(&end);
    let end: Value = serde_json::from_str(&end.stdout).unwrap();
    let ends = ["hash", "cluster_hash"].map(|name| end[name].as_str().unwrap().to_owned());
    for hash in &ends {
        done(&verify(&[text(&folder), "--through", hash]).await);
    }

    let file = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "jsonl")).unwrap();
    let lines = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    let copy = path.join("copy");
    fs::create_dir(&copy).unwrap();
    let write = |lines: &[&str]| fs::write(copy.join(file.file_name().unwrap()), lines.join("\n") + "\n").unwrap();
    write(&lines);
    done(&verify(&[text(&copy)]).await);
    let altered = lines[2].replace("URI:spiffe://example.org/admin", "URI:spiffe://example.org/other");
    assert_ne!(altered, lines[2]);
    write(&[&lines[..2], &[&altered], &lines[3..]].concat());
    refused(&verify(&[text(&copy)]).await, "line 3: the record was altered");
    write(&[&lines[..2], &lines[3..]].concat());
    refused(&verify(&[text(&copy)]).await, "record 2 is missing");
    write(&lines[..4]);
    done(&verify(&[text(&copy)]).await);
    refused(&verify(&[text(&copy), "--through", &before]).await, "no record has the hash");
    for hash in &ends {
        refused(&verify(&[text(&copy), "--through", hash]).await, "no record has the hash");
    }
    refused(&verify(&[text(&path)]).await, "there is no audit log in this folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_undone_takes_two_administrators() {
    let scene = Scene::new(&["--second-administrator-within=10s", "--admin-identities=CN:jane,CN:joe"]).await;
    let path = scene.folder.path();
    let jane = issued(path, "jane", &["--for", "client"]).await;
    let joe = issued(path, "joe", &["--for", "client"]).await;
    let janes_other = issued(path, "jane-2", &["--for", "client", "--common-name", "jane"]).await;
    let plugin = harness::binary().with_file_name("../plugins/no-secrets-in-configmaps.wasm");
    done(&scene.strongroom(&jane, &["plugin", "install", text(&plugin), "--name", "guard"]).await);
    let (remove, waits) = (["plugin", "remove", "guard"], "another administrator has to ask for the same within 10 s");
    for person in [&jane, &jane, &janes_other] {
        refused(&scene.strongroom(person, &remove).await, waits);
    }
    refused(&scene.strongroom(&joe, &["plugin", "disable", "guard"]).await, waits);
    let listed = scene.strongroom(&jane, &["plugin", "list"]).await;
    assert!(listed.stdout.contains("guard"), "{}", listed.stdout);
    sleep(Duration::from_secs(10)).await;
    refused(&scene.strongroom(&joe, &remove).await, waits);
    done(&scene.strongroom(&jane, &remove).await);
    // Nobody waits for the end of a call to be written down.
    let begun = std::time::Instant::now();
    let removals = loop {
        let shown = lines(&scene.strongroom(&jane, &["audit", "tail", "--last", "100", "--json"]).await);
        let removals: Vec<_> = shown.iter().map(told).filter(|line| line[1] == "Plugins/Remove").collect();
        if removals.len() > 5 || begun.elapsed() > PATIENCE {
            break removals;
        }
    };
    let stages: Vec<_> = removals.iter().map(|line| (line[0].as_str(), line[2].as_str())).collect();
    let (asked, jane) = ("asked", "CN:jane");
    let expected = [(asked, jane), (asked, jane), (asked, jane), (asked, "CN:joe"), ("begun", jane), ("ended", jane)];
    assert_eq!(stages, expected);
    assert!(removals[4][3].contains(r#""asked by":"CN:joe""#), "{:?}", removals[4]);
}

fn options(members: usize) -> ClusterOptions {
    let flags = harness::PATIENT.map(str::to_owned).to_vec();
    let (program, own_flags, fail_points) = (harness::binary(), BTreeMap::new(), Vec::new());
    ClusterOptions { members, program, flags, own_flags, fail_points, disk_bytes: None }
}

fn etcdctl(cluster: &Cluster, member: usize) -> Etcdctl {
    Etcdctl::new(Environment::plain(cluster.ports(member).client))
}

/// The last record of the cluster in a member's journal, once that is as long as it must be.
async fn cluster_end(cluster: &Cluster, member: usize, at_least: u64) -> (u64, String) {
    let folder = cluster.data(member).join("audit");
    let look = async {
        loop {
            let run = verify(&[text(&folder)]).await;
            done(&run);
            let line = run.stdout.lines().find_map(|line| line.strip_prefix("last record of the cluster: "));
            let end = line.and_then(|line| line.split_once(' '));
            let end = end.map(|(seq, hash)| (seq.parse::<u64>().unwrap(), hash.to_owned()));
            match end {
                Some(end) if end.0 >= at_least => return end,
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("m{member} does not write down what the cluster knows"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_knows_what_was_done_on_any_of_them() {
    let mut cluster = Cluster::start(options(3)).await;
    for member in 0..3 {
        etcdctl(&cluster, member).ok(&["role", "add", &format!("by-{member}")]).await;
    }
    let end = cluster_end(&cluster, 0, 6).await;
    for member in 1..3 {
        assert_eq!(cluster_end(&cluster, member, 6).await, end, "m{member}");
    }
    // One that was away knows afterwards.
    cluster.kill(2);
    for number in 0..5 {
        let add = ["role", "add", &format!("meanwhile-{number}")];
        let begun = std::time::Instant::now();
        while !etcdctl(&cluster, number % 2).run(&add).await.success {
            // It may have led, or the first try went through.
            assert!(begun.elapsed() < PATIENCE, "the two that are left do not get on");
            if etcdctl(&cluster, number % 2).run(&["role", "list"]).await.stdout.contains(add[2]) {
                break;
            }
        }
    }
    cluster.launch(2);
    cluster.ready(2, PATIENCE).await.unwrap();
    let end = cluster_end(&cluster, 0, 16).await;
    for member in 1..3 {
        assert_eq!(cluster_end(&cluster, member, end.0).await, end, "m{member}");
    }
}

/// By then a member has read its fail points anew.
const NOTICED: Duration = Duration::from_secs(2);

/// A member whose audit log cannot be written carries out nothing that only it would have recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recorded_is_not_done() {
    let cluster = Cluster::start(options(1)).await;
    let target = cluster.home().join("snapshot.db");
    let (etcdctl, save) = (etcdctl(&cluster, 0), ["snapshot", "save", text(&target)]);
    etcdctl.ok(&save).await;
    fs::remove_file(&target).unwrap();
    cluster.set_fail_points(0, &["audit.write error ENOSPC".to_owned()]);
    sleep(NOTICED).await;
    let error = etcdctl.fails(&save).await;
    assert!(error.contains("the audit log cannot be used") && error.contains("No space left"), "{error}");
    assert!(!target.exists());
    // What the others know as well goes on, and is written down here later.
    etcdctl.ok(&["role", "add", "meanwhile"]).await;
    cluster.set_fail_points(0, &[]);
    sleep(NOTICED).await;
    etcdctl.ok(&save).await;
    assert_eq!(cluster_end(&cluster, 0, 2).await.0, 2);
}
