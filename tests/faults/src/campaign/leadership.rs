//! Who leads a cluster, and how to make another one lead.

use std::time::Duration;

use harness::{Client, Cluster};
use proto::etcdserverpb::{MoveLeaderRequest, StatusRequest, StatusResponse};
use tokio::time::timeout;

/// Longest wait for one answer.
const ASK: Duration = Duration::from_secs(2);

/// A member's own view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) id: u64,
    pub(crate) leader: u64,
    pub(crate) term: u64,
}

/// What a member says, if it answers.
pub(crate) async fn view(cluster: &Cluster, member: usize) -> Option<View> {
    let answer = status(cluster, member).await?;
    Some(View { id: answer.header?.member_id, leader: answer.leader, term: answer.raft_term })
}

/// The last entry of the log that a member has applied, if it answers.
pub(crate) async fn applied(cluster: &Cluster, member: usize) -> Option<u64> {
    status(cluster, member).await.map(|status| status.raft_applied_index)
}

async fn status(cluster: &Cluster, member: usize) -> Option<StatusResponse> {
    let answer = timeout(ASK, maintenance(cluster, member).maintenance.status(StatusRequest {})).await;
    Some(answer.ok()?.ok()?.into_inner())
}

/// The member that says it leads.
pub(crate) async fn leader(cluster: &Cluster) -> Option<usize> {
    for member in 0..cluster.size() {
        if view(cluster, member).await.is_some_and(|view| view.id == view.leader) {
            return Some(member);
        }
    }
    None
}

/// Asks the leader to hand over; whether it said that it has.
pub(crate) async fn hand_over(cluster: &Cluster, leader: usize, to: usize) -> bool {
    let Some(View { id: target_id, .. }) = view(cluster, to).await else { return false };
    let asked =
        timeout(ASK, maintenance(cluster, leader).maintenance.move_leader(MoveLeaderRequest { target_id })).await;
    matches!(asked, Ok(Ok(_)))
}

fn maintenance(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}
