//! The calls by which kubeadm joins a node to etcd and takes it out again, with its order and its patience: what its
//! `cmd/kubeadm/app/util/etcd/etcd.go` does, which has a new client for each call.

use std::time::{Duration, Instant};

use harness::{Certificates, Client};
use proto::etcdserverpb::{
    Member, MemberAddRequest, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest, StatusRequest,
    StatusResponse,
};
use tokio::time::{sleep, timeout};
use tonic::Status;

/// Between two tries of a call.
const AGAIN: Duration = Duration::from_millis(500);

/// Longest wait for one answer.
const ASK: Duration = Duration::from_secs(2);

/// Longest time for a call with all its tries: half of kubeadm's.
const PATIENCE: Duration = Duration::from_secs(60);

/// How etcd says that a member is gone already, with which kubeadm is content.
const GONE: &str = "etcdserver: member not found";

/// kubeadm on one node.
pub(super) struct Kubeadm {
    /// Of each member that it knows of, that of the member that it adds included: a learner is asked, too, and refuses.
    ports: Vec<u16>,
    certificates: Certificates,
}

impl Kubeadm {
    pub(super) fn new(port: u16, certificates: Certificates) -> Self {
        Self { ports: vec![port], certificates }
    }

    /// `ListMembers`.
    pub(super) async fn members(&self) -> Vec<Member> {
        self.retried("MemberList", async |client| list(&client).await).await
    }

    /// `AddMemberAsLearner`: what the new member is told in `--initial-cluster`.
    pub(super) async fn add_as_learner(&mut self, name: &str, peer_url: &str, client_port: u16) -> String {
        let add = self.retried("MemberAdd", async |client| {
            let there = list(&client).await?;
            if there.iter().any(|member| member.peer_ur_ls[0] == peer_url) {
                return Ok(there);
            }
            let request = MemberAddRequest { peer_ur_ls: vec![peer_url.to_owned()], is_learner: true };
            Ok(client.cluster.clone().member_add(request).await?.into_inner().members)
        });
        let members = add.await;
        self.ports.push(client_port);
        let named = members.iter().map(|member| match &member.peer_ur_ls[0] {
            url if url == peer_url => format!("{name}={url}"),
            url if member.name.is_empty() => format!("{:x}={url}", member.id),
            url => format!("{}={url}", member.name),
        });
        named.collect::<Vec<_>>().join(",")
    }

    /// `GetMemberID`.
    pub(super) async fn member_id(&self, peer_url: &str) -> u64 {
        let members = self.members().await;
        members.iter().find(|member| member.peer_ur_ls[0] == peer_url).unwrap_or_else(|| panic!("{members:?}")).id
    }

    /// `MemberPromote`: waits until the learner has told its name, and asks until it is in sync.
    pub(super) async fn promote(&self, id: u64) {
        let begun = Instant::now();
        while self.member(id).await.name.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "the learner tells no name");
            sleep(AGAIN).await;
        }
        let promote = self.retried("MemberPromote", async |client| {
            if self.member(id).await.is_learner {
                client.cluster.clone().member_promote(MemberPromoteRequest { id }).await?;
            }
            Ok(())
        });
        promote.await;
    }

    async fn member(&self, id: u64) -> Member {
        let members = self.members().await;
        members.into_iter().find(|member| member.id == id).expect("a member that was added is on the list")
    }

    /// `WaitForClusterAvailable`: the status of every member.
    pub(super) async fn statuses(&self) -> Vec<StatusResponse> {
        let mut statuses = Vec::new();
        for port in &self.ports {
            let one = Self { ports: vec![*port], certificates: self.certificates.clone() };
            let status = one.retried("Status", async |client| {
                Ok(client.maintenance.clone().status(StatusRequest {}).await?.into_inner())
            });
            statuses.push(status.await);
        }
        statuses
    }

    /// `RemoveMember`: the names of those that are left.
    pub(super) async fn remove(&mut self, id: u64, client_port: u16) -> Vec<String> {
        let remove = self.retried("MemberRemove", async |client| {
            match client.cluster.clone().member_remove(MemberRemoveRequest { id }).await {
                Ok(answer) => Ok(answer.into_inner().members),
                Err(status) if status.message() == GONE => list(&client).await,
                Err(status) => Err(status),
            }
        });
        let left = remove.await;
        self.ports.retain(|port| *port != client_port);
        left.into_iter().map(|member| member.name).collect()
    }

    /// Asks one member after the other until one answers, as etcd's client and kubeadm's loop around it do.
    async fn retried<T>(&self, call: &str, ask: impl AsyncFn(Client) -> Result<T, Status>) -> T {
        let begun = Instant::now();
        let mut refusals = Vec::new();
        for port in self.ports.iter().cycle() {
            let attempt = async {
                let channel = harness::connect(*port, Some(&self.certificates)).await;
                ask(Client::new(channel.map_err(|error| error.to_string())?)).await.map_err(|status| status.to_string())
            };
            match timeout(ASK, attempt).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(refusal)) => refusals.push(refusal),
                Err(_) => refusals.push(format!("no answer within {ASK:?}")),
            }
            if begun.elapsed() > PATIENCE {
                break;
            }
            sleep(AGAIN).await;
        }
        panic!("{call} was refused for {PATIENCE:?}: {refusals:?}");
    }
}

async fn list(client: &Client) -> Result<Vec<Member>, Status> {
    let request = MemberListRequest { linearizable: true };
    Ok(client.cluster.clone().member_list(request).await?.into_inner().members)
}
