//! Plugins deny with their reason; hostile ones are stopped, deny, and harm nothing else.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use harness::{Run, Server};
use proto::etcdserverpb::{PutRequest, RequestOp, TxnRequest, request_op::Request};

const BUNDLED: &str = "no-secrets-in-configmaps";

/// Longest that a write may take which a hostile plugin reviews: its time limit, and a loaded machine.
const VERDICT_SECONDS_MAX: u64 = 15;

/// Runs `strongroom plugin ...` with the administrator's variables.
async fn plugin(server: &Server, arguments: &[&str]) -> Run {
    harness::run(&[&["plugin"], arguments].concat(), server.environment().iter()).await
}

/// Installs a guest from a file by its name, which becomes the plugin's.
async fn install(server: &Server, name: &str, guest: &[u8], flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.wasm"));
    fs::write(&file, guest).unwrap();
    plugin(server, &[&["install", file.to_str().unwrap()], flags].concat()).await
}

async fn installed(server: &Server, name: &str, guest: &[u8], flags: &[&str]) {
    let run = install(server, name, guest, flags).await;
    assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
    let list = plugin(server, &["list"]).await;
    assert!(list.stdout.contains(name), "{name} is not in force: {}", list.stdout);
}

async fn removed(server: &Server, name: &str) {
    let run = plugin(server, &["remove", name]).await;
    assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
}

fn op((key, value): (&'static str, &str)) -> RequestOp {
    let request = PutRequest { key: key.into(), value: value.to_owned().into(), ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(request)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bundled_plugin_denies_and_says_why() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    let jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    for (value, reason) in [
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n", "a PEM private key"),
        ("aws_access_key_id=AKIAIOSFODNN7EXAMPLE", "an AWS access key id"),
        (jwt, "a JSON Web Token"),
        (r#"{"apiVersion":"v1","kind":"Secret","data":{}}"#, "a Kubernetes Secret object"),
    ] {
        let put = etcdctl.run_with_input(&["put", "/registry/configmaps/default/app"], value).await;
        assert!(!put.success, "{value} was let in");
        assert!(put.error.contains(BUNDLED) && put.error.contains(reason), "{}", put.error);
        // Whoever reviews single puts only can be passed by with a transaction.
        let operations = [("/registry/pods/default/a", "1"), ("/registry/configmaps/default/app", value)].map(op);
        let request = TxnRequest { success: operations.to_vec(), ..TxnRequest::default() };
        let status = server.client().await.kv.txn(request.clone()).await.unwrap_err();
        assert!(status.message().contains(BUNDLED) && status.message().contains(reason), "{status}");
        let told = |name: &str| status.metadata().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(told("strongroom-denial-plugin"), BUNDLED);
        assert!(!told("strongroom-denial-code").is_empty(), "{status}");
        let nested = RequestOp { request: Some(Request::RequestTxn(request)) };
        let status = server.client().await.kv.txn(TxnRequest { failure: vec![nested], ..TxnRequest::default() }).await;
        assert!(status.unwrap_err().message().contains(reason), "nor in a nested one, in the branch that is not taken");
    }
    assert_eq!(etcdctl.ok(&["get", "/registry/", "--prefix"]).await, "", "nothing of a denied transaction is done");
    etcdctl.ok(&["put", "/registry/configmaps/default/app", "colour=blue"]).await;
    etcdctl.ok(&["put", "/registry/pods/default/a", "AKIAIOSFODNN7EXAMPLE"]).await;
    etcdctl.ok(&["put", "/registry/secrets/default/a", "AKIAIOSFODNN7EXAMPLE"]).await;
    etcdctl.ok(&["del", "/registry/configmaps/default/app"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_installed_or_removed_stays_so_over_a_restart() {
    let mut server = Server::strongroom().await;
    installed(&server, "deny-all", &guests::deny_all(), &[]).await;
    removed(&server, BUNDLED).await;
    server.kill();
    server.start().await;
    let etcdctl = server.etcdctl();
    let error = etcdctl.fails(&["put", "/guarded/a", "1"]).await;
    assert!(error.contains("deny-all") && error.contains(guests::DENY_ALL_MESSAGE), "{error}");
    etcdctl.ok(&["put", "/registry/configmaps/default/app", "AKIAIOSFODNN7EXAMPLE"]).await;
    removed(&server, "deny-all").await;
    etcdctl.ok(&["put", "/guarded/a", "1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_guests_are_stopped_and_deny() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    for (name, guest) in [
        ("endless-loop", guests::endless_loop()),
        ("memory-bomb", guests::memory_bomb()),
        ("table-bomb", guests::table_bomb()),
        ("trap", guests::trap()),
        ("deep-recursion", guests::deep_recursion()),
        ("huge-output", guests::huge_output()),
        ("wild-pointer", guests::wild_pointer()),
        ("unknown-verdict", guests::unknown_verdict()),
    ] {
        installed(&server, name, &guest, &[]).await;
        let begun = Instant::now();
        let error = etcdctl.fails(&["put", "/guarded/a", "1"]).await;
        assert!(begun.elapsed() < Duration::from_secs(VERDICT_SECONDS_MAX), "{name} took {:?}", begun.elapsed());
        assert!(error.contains(name) && error.contains("failed"), "{name}: {error}");
        assert!(error.len() < 2000, "{name}: its output got through: {} bytes", error.len());
        assert!(!etcdctl.run(&["del", "/guarded/", "--prefix"]).await.success, "{name}: deletes are reviewed, too");
        etcdctl.ok(&["put", "/open/a", name]).await;
        assert_eq!(
            etcdctl.ok(&["get", "/guarded/", "--prefix"]).await,
            "",
            "{name}: reads are served, nothing was written"
        );
        removed(&server, name).await;
    }
    etcdctl.ok(&["put", "/guarded/a", "1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_guest_is_passed_over_when_the_administrator_wants_that() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    installed(&server, "trap", &guests::trap(), &["--fail-open"]).await;
    etcdctl.ok(&["put", "/guarded/a", "1"]).await;
    installed(&server, "deny-all", &guests::deny_all(), &["--fail-open"]).await;
    assert!(etcdctl.fails(&["put", "/guarded/a", "2"]).await.contains("deny-all"), "a denial is no failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_only_warns_or_may_mutate_does_that() {
    let server = Server::strongroom().await;
    let put = async |value: &str| {
        let request = PutRequest { key: "/guarded/a".into(), value: value.to_owned().into(), ..PutRequest::default() };
        let response = server.client().await.kv.put(request).await.unwrap();
        let warnings = response.metadata().get_all("strongroom-warning").iter();
        warnings.map(|warning| warning.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    installed(&server, "deny-all", &guests::deny_all(), &["--mode", "warn"]).await;
    let [warning] = &put("1").await[..] else { panic!("one plugin, one warning") };
    assert!(warning.starts_with("not enforced: ") && warning.contains(guests::DENY_ALL_MESSAGE), "{warning}");
    installed(&server, "deny-all", &guests::deny_all(), &["--mode", "observe"]).await;
    assert!(put("2").await.is_empty());
    assert_eq!(server.etcdctl().ok(&["get", "/guarded/a", "--print-value-only"]).await.trim(), "2");

    let changing = guests::change_to_exclamation();
    installed(&server, "change-to-exclamation", &changing, &[]).await;
    let refused = server.etcdctl().fails(&["put", "/guarded/a", "3"]).await;
    assert!(refused.contains("was not granted to"), "{refused}");
    installed(&server, "change-to-exclamation", &changing, &["--may-mutate", "--order", "-1"]).await;
    assert_eq!(put("4").await, ["change-to-exclamation: changed"]);
    assert_eq!(server.etcdctl().ok(&["get", "/guarded/a", "--print-value-only"]).await.trim(), "!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_has_settings_that_it_was_asked_about_and_a_log() {
    let server = Server::strongroom().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = |text: &str| {
        let file = folder.path().join(format!("{text}.settings"));
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let refused = install(&server, "as-set", &guests::as_set(), &["--settings", &settings("allow")]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("begin with a d"), "{}", refused.stderr);
    installed(&server, "as-set", &guests::as_set(), &["--settings", &settings("deny")]).await;
    server.etcdctl().fails(&["put", "/guarded/a", "1"]).await;
    let shown = plugin(&server, &["show", "as-set", "-o", "json"]).await;
    assert!(shown.stdout.contains(r#""settings": "deny""#), "{}", shown.stdout);
    let page = server.page("/metrics").await.body;
    assert!(page.contains(r#"strongroom_plugin_reviews_total{outcome="denied",plugin="as-set"} 1"#), "{page}");
    let logs = plugin(&server, &["logs", "as-set"]).await;
    assert!(logs.stdout.contains("info") && logs.stdout.contains("reviewed"), "{}", logs.stdout);
    for command in ["show", "logs"] {
        let unknown = plugin(&server, &[command, "nobody"]).await;
        assert!(unknown.code == Some(1) && unknown.stderr.contains("nobody"), "{}", unknown.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_reviews_and_reads_what_it_is_bound_to() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    installed(&server, "deny-all", &guests::deny_all(), &["--exempt", "CN:dev-client"]).await;
    etcdctl.ok(&["put", "/guarded/a", "1"]).await;
    let bind = async |flags: &[&str]| {
        let run = plugin(&server, &[&["bind", "deny-all"], flags].concat()).await;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    };
    bind(&["--exempt=", "--user=CN:somebody"]).await;
    etcdctl.ok(&["put", "/guarded/a", "2"]).await;
    bind(&["--user=CN:dev-client"]).await;
    etcdctl.fails(&["put", "/guarded/a", "3"]).await;
    bind(&["--operation=delete"]).await;
    etcdctl.ok(&["put", "/guarded/a", "3"]).await;
    etcdctl.fails(&["del", "/guarded/a"]).await;
    removed(&server, "deny-all").await;

    installed(&server, "while-free", &guests::while_free(), &[]).await;
    assert!(etcdctl.fails(&["put", "/guarded/a", "4"]).await.contains("trapped"), "it was not granted to read");
    let run = plugin(&server, &["bind", "while-free", "--may-read", guests::PREFIX]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    etcdctl.ok(&["put", guests::LOCK, "1"]).await;
    etcdctl.fails(&["put", "/guarded/a", "4"]).await;
    let shown = plugin(&server, &["show", "while-free", "-o", "yaml"]).await;
    assert!(shown.stdout.contains("may_read:\n- /guarded/"), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_tries_a_plugin_out_on_the_past() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    for value in ["calm", "!loud", "calm"] {
        etcdctl.ok(&["put", "/guarded/a", value]).await;
    }
    etcdctl.ok(&["put", "/registry/secrets/s", "!sealed"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.wasm");
    fs::write(&file, guests::deny_exclamation()).unwrap();
    let replay = async |flags: &[&str]| plugin(&server, &[&["replay", file.to_str().unwrap()], flags].concat()).await;
    let told = replay(&[]).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let line = told.stdout.lines().nth(1).unwrap();
    assert!(line.contains("put") && line.contains("/guarded/a") && line.contains("denied"), "{}", told.stdout);
    assert_eq!(told.stdout.lines().count(), 2, "{}", told.stdout);
    assert!(told.stderr.contains("3 writes of revisions 2 to 5 reviewed: 1 denied, 0 failed"), "{}", told.stderr);
    let told = replay(&["--since", "4", "--prefix=/", "--sees-sealed", "-o", "json"]).await;
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["reviewed"], &told["denied"]), (&2.into(), &1.into()), "{told}");
    assert_eq!(told["objections"][0]["key"], "/registry/secrets/s", "{told}");
    // One that would say what it saw says it of what is not sealed only.
    fs::write(&file, guests::deny_quoting()).unwrap();
    let told = replay(&["--prefix=/", "--sees-sealed", "-o", "json"]).await.stdout;
    assert!(told.contains("!loud") && told.contains("withheld") && !told.contains("!sealed"), "{told}");
    let refused = replay(&["--since", "100"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("future revision"), "{}", refused.stderr);
    assert!(!plugin(&server, &["list"]).await.stdout.contains("/guarded/"), "nothing was installed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_tries_a_plugin_out_without_a_server() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).expect("tests lie in the target folder");
    let component = target.join(format!("plugins/{BUNDLED}.wasm"));
    let (folder, component) = (root.join("plugins").join(BUNDLED), component.to_str().unwrap().to_owned());
    let run = async |arguments: &[&str]| harness::run(&[&["plugin"], arguments].concat(), None).await;
    let inspected = run(&["inspect", &component]).await;
    assert!(
        inspected.stdout.contains(BUNDLED) && inspected.stdout.contains("/registry/configmaps/"),
        "{}",
        inspected.stderr
    );
    let made = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = made.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Settings are asked about where some are given, and what is refused for its imports is still told of.
    let needing = file("needing.wasm", &guests::needing_settings());
    let inspected = run(&["inspect", &needing]).await;
    assert!(inspected.code == Some(0) && inspected.stdout.contains("needing-settings"), "{}", inspected.stderr);
    let inspected = run(&["inspect", &needing, "--settings", &file("empty", b"")]).await;
    assert!(inspected.code == Some(1) && inspected.stderr.contains("give me some"), "{}", inspected.stderr);
    let refused = run(&["inspect", &file("foreign.wasm", &guests::foreign_import()), "-o", "json"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("may import nothing but"), "{}", refused.stderr);
    let told: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(told["imports"], serde_json::json!(["now"]), "{told}");
    assert_eq!((told["digest"].as_str().unwrap().len(), told["name"].is_null()), (64, true), "{told}");
    let tested = run(&["test", folder.to_str().unwrap(), "--component", &component]).await;
    assert_eq!((tested.code, tested.stdout.matches(" ok").count()), (Some(0), 5), "{}{}", tested.stdout, tested.stderr);
    let measured = run(&["bench", &component, "--seconds", "1", "-o", "json"]).await;
    assert!(measured.code == Some(0) && measured.stdout.contains("reviews_per_second"), "{}", measured.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_review_begins_anew() {
    let server = Server::strongroom().await;
    installed(&server, "remembering", &guests::remembering(), &[]).await;
    for value in ["1", "2", "3"] {
        server.etcdctl().ok(&["put", "/guarded/a", value]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_one_short_line_whatever_the_guest_says() {
    let server = Server::strongroom().await;
    installed(&server, "deny-untidily", &guests::deny_untidily(), &[]).await;
    let error = server.etcdctl().fails(&["put", "/guarded/a", "1"]).await;
    assert!(error.contains("first") && error.contains("deny-untidily"), "{error}");
    assert!(error.len() < 1300 && !error.contains('\u{1b}') && error.lines().count() == 1, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_breaks_the_contract_is_not_installed() {
    let server = Server::strongroom().await;
    let before = plugin(&server, &["list", "-o", "json"]).await.stdout;
    for (name, guest) in [
        ("foreign-import", guests::foreign_import()),
        ("lying-name", guests::lying_name()),
        ("lying-prefix-count", guests::lying_prefix_count()),
        ("lying-operations", guests::lying_operations()),
        ("endless-describe", guests::endless_describe()),
        ("huge-memory", guests::huge_memory()),
        ("empty-component", guests::empty_component()),
        ("core-module", guests::core_module()),
        ("no-wasm-at-all", b"#!/bin/sh".to_vec()),
    ] {
        let run = install(&server, name, &guest, &[]).await;
        assert_eq!(run.code, Some(1), "{name} was installed: {}", run.stdout);
        assert_eq!(run.stderr.trim().lines().count(), 1, "{name}: one sentence, not {:?}", run.stderr);
        assert_eq!(
            plugin(&server, &["list", "-o", "json"]).await.stdout,
            before,
            "{name}: the plugins in force have changed"
        );
    }
    server.etcdctl().ok(&["put", "/guarded/a", "1"]).await;
}

/// What a component costs to compile is known only afterwards: it is paid apart, and only so much of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_takes_too_much_to_compile_is_refused_and_costs_the_member_nothing() {
    let server = Server::strongroom().await;
    let etcdctl = server.etcdctl();
    let bomb = guests::compile_bomb();
    let (refused, served) = tokio::join!(install(&server, "bomb", &bomb, &[]), async {
        for round in 0..20 {
            etcdctl.ok(&["put", "/other/a", &round.to_string()]).await;
        }
    });
    let () = served;
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("compiling the component took more than"), "{}", refused.stderr);
    let list = plugin(&server, &["list"]).await;
    assert!(!list.stdout.contains("bomb"), "{}", list.stdout);
    installed(&server, "deny-all", &guests::deny_all(), &["--prefix", "/guarded/"]).await;
    assert!(etcdctl.fails(&["put", "/guarded/a", "x"]).await.contains("deny-all"));
}
