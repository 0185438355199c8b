//! Data keys under a KMS plugin of Kubernetes, which comes, goes and rotates.

use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{KmsPlugin, Server};
use tokio::time::sleep;

/// Members look after their providers every few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

const SECRET: &str = "/registry/secrets/default/a";

/// What the log says once for each time that a provider goes away.
const GONE: &str = "a root-key provider cannot be used";

/// Names the providers, the first of which wraps new data keys.
fn configure(server: &Server, providers: &[&str]) {
    let of = |name: &&str| match *name {
        "main" => "  - name: main\n    key-file: { path: keys/root.key }\n".to_owned(),
        name => format!(
            "  - name: {name}\n    kms: {{ endpoint: \"unix://{}\", timeout: 5s }}\n",
            server.dir().join("kms.sock").display()
        ),
    };
    let providers: String = providers.iter().map(of).collect();
    let config = format!("providers:\n{providers}prefixes:\n  - /registry/secrets/\n");
    fs::write(server.dir().join("seal.yaml"), config).unwrap();
}

async fn wraps(server: &Server) -> Vec<String> {
    let run = harness::run(&["key", "status", "-o", "json"], server.environment().iter()).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let wraps = status["keys"][0]["wraps"].as_array().unwrap();
    wraps.iter().map(|wrap| wrap.as_str().unwrap().to_owned()).collect()
}

async fn until_wrapped_by(server: &Server, expected: &[&str]) {
    let begun = Instant::now();
    loop {
        let wraps = wraps(server).await;
        if wraps == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "wrapped by {wraps:?} and not {expected:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the page for probes complains of a provider, or does not; the member is ready all the time.
async fn until_complains(server: &Server, complains: bool) {
    let begun = Instant::now();
    loop {
        let page = server.page("/readyz?verbose").await;
        assert_eq!(page.status, 200, "{}", page.body);
        if page.body.contains("[!]strongroom: kms:cloud") == complains {
            let up = format!("strongroom_seal_provider_up{{provider=\"kms:cloud\"}} {}", i32::from(!complains));
            assert!(server.page("/metrics").await.body.contains(&up), "{up}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", page.body);
        sleep(Duration::from_millis(100)).await;
    }
}

fn warnings(server: &Server) -> usize {
    String::from_utf8(server.log()).unwrap().matches(GONE).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_keys_follow_a_kms_that_comes_goes_and_rotates() {
    let mut server = Server::strongroom().await;
    let socket = server.dir().join("kms.sock");
    server.etcdctl().ok(&["put", SECRET, "0"]).await;
    assert!(server.stop().await.success());
    let mut plugin = KmsPlugin::start(&socket, "key-1");
    configure(&server, &["cloud", "main"]);
    server.start().await;
    until_wrapped_by(&server, &["kms:cloud/key-1"]).await;
    assert!(server.stop().await.success());
    configure(&server, &["cloud"]);
    server.start().await;
    let etcdctl = server.etcdctl();
    assert_eq!(etcdctl.ok(&["get", SECRET, "--print-value-only"]).await, "0\n");
    let before = warnings(&server);

    plugin.kill();
    for number in 1..=50 {
        etcdctl.ok(&["put", SECRET, &number.to_string()]).await;
    }
    until_complains(&server, true).await;
    assert_eq!(etcdctl.ok(&["get", SECRET, "--print-value-only"]).await, "50\n");

    plugin.rotate("key-2");
    plugin.serve();
    until_wrapped_by(&server, &["kms:cloud/key-2"]).await;
    until_complains(&server, false).await;
    assert_eq!(warnings(&server), before + 1, "one warning for one absence");

    // At a start it has nothing to go on with: it serves the rest, and all of it once the plugin is back.
    plugin.kill();
    assert!(server.stop().await.success());
    server.start().await;
    let etcdctl = server.etcdctl();
    etcdctl.ok(&["put", "/registry/pods/default/a", "open"]).await;
    let refused = etcdctl.fails(&["get", SECRET, "--command-timeout=2s"]).await;
    assert!(refused.contains("kms:cloud") || refused.contains("deadline"), "{refused}");
    plugin.serve();
    let begun = Instant::now();
    while !etcdctl.run(&["get", SECRET, "--command-timeout=2s"]).await.success {
        assert!(begun.elapsed() < PATIENCE, "the secret is not served again");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(etcdctl.ok(&["get", SECRET, "--print-value-only"]).await, "50\n");
}
