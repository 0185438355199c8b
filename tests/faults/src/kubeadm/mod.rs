//! kubeadm's static pod of etcd, with Strongroom in it: its own manifest, the variables of the image, kubeadm's certificates, the
//! kubelet's probes, and the calls by which kubeadm joins a control plane node and resets it.
//!
//! Manifest and image are those of `host/server/packaging`; addresses, ports and folders are this machine's.

mod client;
mod node;

use std::{
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use client::Kubeadm;
use harness::{Client, Environment, Request};
use node::{Node, probes};
use proto::etcdserverpb::{MemberAddRequest, PutRequest, RangeRequest};
use serde_json::Value;
use tokio::{task::JoinHandle, time::sleep};
use tonic::Code;

/// The oldest etcd that kubeadm takes.
const ETCD_MIN: [u32; 3] = [3, 5, 24];

/// How often the kubelet asks whether a pod is ready, and after how many failures in a row it no longer is, as the manifest says.
const PERIOD: Duration = Duration::from_secs(1);
const FAILURES: usize = 3;

/// Asks for the pages of all probes each second, as long as it lives.
struct Kubelet {
    rounds: Arc<AtomicUsize>,
    /// The most failures in a row.
    worst: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Kubelet {
    fn of(node: &Node) -> Self {
        let (port, rounds, worst) = (node.ports.metrics, Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, peak) = (Arc::clone(&rounds), Arc::clone(&worst));
        let task = tokio::spawn(async move {
            let mut failures = 0;
            loop {
                let mut healthy = true;
                for page in probes() {
                    healthy &= harness::get(port, page).await.is_ok_and(|answer| answer.status == 200);
                }
                failures = if healthy { 0 } else { failures + 1 };
                peak.fetch_max(failures, Ordering::Relaxed);
                count.fetch_add(1, Ordering::Relaxed);
                sleep(PERIOD).await;
            }
        });
        Self { rounds, worst, task }
    }

    fn was_content(self) {
        self.task.abort();
        let [rounds, worst] = [self.rounds, self.worst].map(|number| number.load(Ordering::Relaxed));
        assert!(rounds > 0 && worst < FAILURES, "of {rounds} rounds of probes {worst} failed in a row");
    }
}

async fn founded() -> Node {
    let mut node = Node::new("control-plane-1", "127.0.0.2", None).await;
    node.start(None);
    node.becomes_ready().await;
    node
}

async fn connected(node: &Node, certificates: &harness::Certificates) -> Client {
    Client::new(harness::connect(node.ports.client, Some(certificates)).await.unwrap())
}

/// A learner that nobody starts.
fn stranger() -> MemberAddRequest {
    MemberAddRequest { peer_ur_ls: vec!["https://127.0.0.9:1".to_owned()], is_learner: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_joins_and_is_reset() {
    let mut first = founded().await;
    let kubelet = Kubelet::of(&first);
    let mut apiserver = connected(&first, &first.apiserver()).await;
    let put = PutRequest { key: "/registry/a".into(), value: "1".into(), ..PutRequest::default() };
    apiserver.kv.put(put).await.unwrap();

    let mut second = Node::new("control-plane-2", "127.0.0.3", Some(&first)).await;
    let mut kubeadm = Kubeadm::new(first.ports.client, second.health_check());
    let members = kubeadm.add_as_learner(&second.name, &second.peer_url(), second.ports.client).await;
    let mut told: Vec<_> = members.split(',').map(str::to_owned).collect();
    told.sort();
    assert_eq!(told, [&first, &second].map(|node| format!("{}={}", node.name, node.peer_url())));
    second.start(Some(&members));
    let id = kubeadm.member_id(&second.peer_url()).await;
    kubeadm.promote(id).await;
    for status in kubeadm.statuses().await {
        assert!(status.errors.is_empty() && !status.is_learner, "{status:?}");
    }
    second.becomes_ready().await;
    let mut members = kubeadm.members().await;
    members.sort_by(|a, b| a.name.cmp(&b.name));
    for (member, node) in members.iter().zip([&first, &second]) {
        let url = format!("https://{}:{}", node.address, node.ports.client);
        assert_eq!((&member.name, &member.client_ur_ls), (&node.name, &vec![url]));
        TcpStream::connect((node.address, node.ports.client)).unwrap();
    }
    let mut other = connected(&second, &second.apiserver()).await;
    let get = RangeRequest { key: "/registry/a".into(), ..RangeRequest::default() };
    assert_eq!(other.kv.range(get).await.unwrap().into_inner().count, 1, "{}", second.log_tail());

    assert_eq!(kubeadm.remove(id, second.ports.client).await, ["control-plane-1"]);
    assert!(second.ends().await.success(), "{}", second.log_tail());
    let statuses = kubeadm.statuses().await;
    assert!(statuses.len() == 1 && statuses[0].errors.is_empty(), "{statuses:?}");
    kubelet.was_content();
    first.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kubelet_and_kubeadms_checks_are_content() {
    let node = founded().await;
    for page in probes().into_iter().chain(["/health"]) {
        assert_eq!(harness::get(node.ports.metrics, page).await.unwrap().status, 200, "{page}");
    }
    let request = Request { method: "GET".to_owned(), path: "/version".to_owned(), ..Request::default() };
    let answer = harness::send(node.ports.client, Some(&node.apiserver()), &request).await.unwrap();
    let version: Value = serde_json::from_str(&answer.body).unwrap();
    let version = version["etcdserver"].as_str().unwrap();
    let numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers.len() == 3 && numbers >= ETCD_MIN.to_vec(), "{version}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_kubeadms_certificate_administers() {
    let mut node = founded().await;
    let refused = connected(&node, &node.apiserver()).await.cluster.member_add(stranger()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("CN:kube-apiserver-etcd-client is not an administrator"), "{refused}");
    connected(&node, &node.health_check()).await.cluster.member_add(stranger()).await.unwrap();
    // In the pod, an administrator's commands need no more than the image says.
    let variables = node.variables.iter().fold(Environment::default(), |all, (name, value)| all.with(name, value));
    let run = harness::run(&["plugin", "list"], variables.iter()).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    node.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_variables_of_the_image_kubeadm_is_refused() {
    let mut node = Node::new("control-plane-1", "127.0.0.2", None).await;
    node.variables.clear();
    node.start(None);
    node.becomes_ready().await;
    let refused = connected(&node, &node.health_check()).await.cluster.member_add(stranger()).await.unwrap_err();
    assert!(refused.message().contains("CN:kube-etcd-healthcheck-client is not an administrator"), "{refused}");
}
