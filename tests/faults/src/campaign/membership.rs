//! A member that is added and never comes: a learner, which has no vote, and which nobody may promote.

use std::time::{Duration, Instant};

use harness::{Client, Cluster, Random};
use proto::etcdserverpb::{
    MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest,
};
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::traffic::field::below;

/// Longest wait for one answer.
pub(super) const ASK: Duration = Duration::from_secs(2);

/// Longest time in which it can be removed again.
const REMOVAL: Duration = Duration::from_secs(20);

/// A member that was asked for, by its URL. Whether it was added may be unknown.
#[derive(Debug)]
pub(super) struct Stranger {
    url: String,
}

/// What came of asking for a member.
pub(super) enum Asked {
    Added(MemberAddResponse),
    Refused,
    /// Nobody answered: it may be there.
    Unknown,
}

impl Stranger {
    /// One that was not asked for yet.
    pub(super) fn at(url: String) -> Self {
        Self { url }
    }

    /// Asks any member to add it, and to promote it, which must be refused: it never had a log. Nothing when the first is refused.
    pub(super) async fn add(cluster: &Cluster, random: &mut Random) -> Option<Self> {
        let stranger = Self::at(format!("http://127.0.0.1:{}", harness::free_port()));
        let mut client = client(cluster, below(random, cluster.size()));
        match stranger.ask(&client).await {
            Asked::Added(added) => {
                let id = added.member.map_or(0, |member| member.id);
                drop(timeout(ASK, client.cluster.member_promote(MemberPromoteRequest { id })).await);
            }
            Asked::Refused => return None,
            Asked::Unknown => {}
        }
        Some(stranger)
    }

    /// Asks for it as a learner.
    pub(super) async fn ask(&self, client: &Client) -> Asked {
        let request = MemberAddRequest { peer_ur_ls: vec![self.url.clone()], is_learner: true };
        match timeout(ASK, client.cluster.clone().member_add(request)).await {
            Ok(Ok(added)) => Asked::Added(added.into_inner()),
            Ok(Err(status)) if matches!(status.code(), Code::FailedPrecondition | Code::Unimplemented) => {
                Asked::Refused
            }
            Ok(Err(_)) | Err(_) => Asked::Unknown,
        }
    }

    /// Removes it, if it is there. Whether it is known to be gone.
    pub(super) async fn remove(&self, cluster: &Cluster) -> bool {
        let begun = Instant::now();
        let mut asked = 0;
        while begun.elapsed() < REMOVAL {
            if self.is_gone(&client(cluster, asked % cluster.size())).await == Some(true) {
                return true;
            }
            asked += 1;
            sleep(Duration::from_millis(50)).await;
        }
        false
    }

    async fn is_gone(&self, client: &Client) -> Option<bool> {
        let mut cluster = client.cluster.clone();
        let list = timeout(ASK, cluster.member_list(MemberListRequest { linearizable: true })).await.ok()?.ok()?;
        let own = list.into_inner().members.into_iter().find(|member| member.peer_ur_ls.contains(&self.url));
        let Some(member) = own else { return Some(true) };
        drop(timeout(ASK, cluster.member_remove(MemberRemoveRequest { id: member.id })).await);
        Some(false)
    }
}

/// A new connection to a member.
pub(super) fn client(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}
