//! A node of a control plane: the files that kubeadm puts on it, and the pod that the kubelet starts from its manifest.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use harness::{Certificates, Ports, Process};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::offices::{cert, done, issued};

const MANIFEST: &str = include_str!("../../../../host/server/packaging/kubeadm/etcd.yaml");
const DOCKERFILE: &str = include_str!("../../../../host/server/packaging/Dockerfile");

/// How often a starting pod is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);

/// Where kubeadm's certificates for etcd lie, below its folder of certificates.
const ETCD: &str = "etcd";

/// One node. Dropping it kills its pod and removes its files.
pub(super) struct Node {
    // Before the folder: it has to be dead when that goes.
    process: Option<Process>,
    pub(super) name: String,
    pub(super) address: &'static str,
    pub(super) ports: Ports,
    /// Of the image.
    pub(super) variables: Vec<(String, String)>,
    home: TempDir,
}

impl Node {
    /// What `kubeadm init` puts on the first node, and `kubeadm join` on each other one, which has the authority of the first.
    pub(super) async fn new(name: &str, address: &'static str, first: Option<&Self>) -> Self {
        let home = TempDir::with_prefix("strongroom-node-").unwrap();
        let ports = Ports::free();
        let mut node = Self { process: None, name: name.to_owned(), address, ports, variables: Vec::new(), home };
        fs::create_dir_all(node.pki(ETCD)).unwrap();
        match first {
            None => done(&cert(&node.pki(ETCD), &["init-ca", "--name", "etcd-ca"]).await),
            Some(first) => {
                for file in ["etcd/ca.crt", "etcd/ca.key"] {
                    fs::copy(first.pki(file), node.pki(file)).unwrap();
                }
            }
        }
        node.certify().await;
        node.variables = variables(DOCKERFILE).into_iter().map(|(name, value)| (name, node.placed(&value))).collect();
        node
    }

    /// The certificates of kubeadm's `certlist.go`, with its names and usages.
    async fn certify(&self) {
        let hosts = [self.name.as_str(), "localhost", self.address, "127.0.0.1", "::1"];
        let hosts: Vec<_> = hosts.iter().flat_map(|host| ["--host", host]).collect();
        for name in ["server", "peer"] {
            issued(&self.pki(ETCD), name, &[&["--for", "peer", "--common-name", &self.name][..], &hosts].concat())
                .await;
        }
        let client = |name| ["--for", "client", "--common-name", name];
        issued(&self.pki(ETCD), "healthcheck-client", &client("kube-etcd-healthcheck-client")).await;
        let [authority, key] = ["etcd/ca.crt", "etcd/ca.key"].map(|file| self.pki(file).display().to_string());
        let authority = ["--ca-cert", &authority, "--ca-key", &key];
        let names = client("kube-apiserver-etcd-client");
        issued(&self.pki(""), "apiserver-etcd-client", &[names, authority].concat()).await;
    }

    /// What kubeadm and the kubelet's health checks show.
    pub(super) fn health_check(&self) -> Certificates {
        self.client("etcd/healthcheck-client")
    }

    /// What kube-apiserver shows.
    pub(super) fn apiserver(&self) -> Certificates {
        self.client("apiserver-etcd-client")
    }

    fn client(&self, name: &str) -> Certificates {
        Certificates {
            authority: self.pki("etcd/ca.crt"),
            certificate: self.pki(&format!("{name}.crt")),
            key: self.pki(&format!("{name}.key")),
        }
    }

    fn pki(&self, name: &str) -> PathBuf {
        self.home.path().join("pki").join(name)
    }

    pub(super) fn peer_url(&self) -> String {
        format!("https://{}:{}", self.address, self.ports.peer)
    }

    /// Starts the pod, without waiting for it. `members` is what kubeadm writes into the manifest of a node that joins.
    pub(super) fn start(&mut self, members: Option<&str>) {
        let words = command_line(MANIFEST);
        assert_eq!(words.first().map(String::as_str), Some("etcd"));
        let mut flags: Vec<_> = words[1..].iter().map(|word| self.placed(word)).collect();
        if let Some(members) = members {
            flags.retain(|flag| !flag.starts_with("--initial-cluster="));
            flags.extend([format!("--initial-cluster={members}"), "--initial-cluster-state=existing".to_owned()]);
        }
        let program = self.home.path().join("etcd");
        symlink(harness::binary(), &program).unwrap();
        let mut command = Command::new(program);
        command.args(flags).env_clear().envs(self.variables.iter().cloned()).current_dir(self.home.path());
        self.process = Some(Process::start(command, &self.home.path().join("log")));
    }

    /// Waits as the kubelet does for the startup probe.
    pub(super) async fn becomes_ready(&mut self) {
        let (begun, port) = (Instant::now(), self.ports.metrics);
        while !harness::get(port, "/readyz").await.is_ok_and(|answer| answer.status == 200) {
            let process = self.process.as_mut().expect("it was started");
            let waiting = begun.elapsed() < Duration::from_secs(harness::START_SECONDS_MAX);
            assert!(process.ended().is_none() && waiting, "{} is not ready:\n{}", self.name, process.log_tail());
            sleep(POLL).await;
        }
    }

    /// As the kubelet ends a pod.
    pub(super) async fn stops(&mut self) {
        let status = self.process.as_mut().expect("it was started").terminate().await;
        assert!(status.success(), "{status}:\n{}", self.log_tail());
    }

    /// Waits for the end of its process.
    pub(super) async fn ends(&mut self) -> ExitStatus {
        self.process.as_mut().expect("it was started").wait(harness::STOP_SECONDS_MAX).await
    }

    /// The last part of what it logged.
    pub(super) fn log_tail(&self) -> String {
        self.process.as_ref().map(Process::log_tail).unwrap_or_default()
    }

    /// A text of the manifest or the image, with what is different on this machine. In one pass: a port may look like another one.
    fn placed(&self, text: &str) -> String {
        let folder = |name: &str| Path::join(self.home.path(), name).display().to_string();
        let port = |port: u16| format!(":{port}");
        let places = [
            ("/etc/kubernetes/pki", folder("pki")),
            ("/var/lib/etcd", folder("data")),
            ("control-plane-1", self.name.clone()),
            ("10.0.0.10", self.address.to_owned()),
            (":2379", port(self.ports.client)),
            (":2380", port(self.ports.peer)),
            (":2381", port(self.ports.metrics)),
            (":2382", port(self.ports.admin)),
        ];
        let (mut placed, mut rest) = (String::new(), text);
        while let Some(next) = rest.chars().next() {
            let place = places.iter().find(|(there, _)| rest.starts_with(there));
            let length = place.map_or(next.len_utf8(), |(there, _)| there.len());
            placed += place.map_or(&rest[..length], |(_, here)| here);
            rest = &rest[length..];
        }
        placed
    }
}

/// What a manifest runs: the name of the program, and its flags.
fn command_line(manifest: &str) -> Vec<String> {
    let list = manifest.lines().skip_while(|line| line.trim() != "- command:").skip(1);
    list.map_while(|line| line.trim().strip_prefix("- ")).map(str::to_owned).collect()
}

/// The pages that the kubelet asks for.
pub(super) fn probes() -> Vec<&'static str> {
    let probes = MANIFEST.split("httpGet:").skip(1);
    probes.flat_map(|probe| probe.lines().find_map(|line| line.trim().strip_prefix("path: "))).collect()
}

/// The variables of the last image that a Dockerfile makes.
fn variables(dockerfile: &str) -> Vec<(String, String)> {
    let joined = dockerfile.replace("\\\n", " ");
    let last = joined.rsplit("\nFROM ").next().unwrap_or_default();
    let pairs = last.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    pairs.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_manifest_and_a_dockerfile_are_read() {
    let manifest = "spec:\n  containers:\n  - command:\n    - etcd\n    - --name=a\n    image: b\n    - --no=flag\n";
    assert_eq!(command_line(manifest), ["etcd", "--name=a"]);
    assert_eq!(probes(), ["/livez", "/readyz", "/readyz"]);
    let dockerfile = "FROM a AS b\nENV C=1\n\nFROM b\nENV D=2 \\\n    E=3\n# ENV F=4\nENV G=5\n";
    let expected = [("D", "2"), ("E", "3"), ("G", "5")];
    assert_eq!(variables(dockerfile), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
