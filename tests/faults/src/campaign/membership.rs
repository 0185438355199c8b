//! A member that is added and never comes: a learner, which has no vote, and which nobody may promote.

use std::time::{Duration, Instant};

use harness::{Client, Cluster, Random};
use proto::etcdserverpb::{MemberAddRequest, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest};
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::traffic::field::below;

/// Longest wait for one answer.
const ASK: Duration = Duration::from_secs(2);

/// Longest time in which it can be removed again.
const REMOVAL: Duration = Duration::from_secs(20);

/// A member that was asked for, by its URL. Whether it was added may be unknown.
#[derive(Debug)]
pub(super) struct Stranger {
    url: String,
}

impl Stranger {
    /// Asks any member to add it, and to promote it, which must be refused: it never had a log. Nothing when the first is refused.
    pub(super) async fn add(cluster: &Cluster, random: &mut Random) -> Option<Self> {
        let stranger = Self { url: format!("http://127.0.0.1:{}", harness::free_port()) };
        let mut client = client(cluster, below(random, cluster.size()));
        let request = MemberAddRequest { peer_ur_ls: vec![stranger.url.clone()], is_learner: true };
        let added = timeout(ASK, client.cluster.member_add(request)).await;
        match added {
            Ok(Ok(added)) => {
                let id = added.into_inner().member.map_or(0, |member| member.id);
                drop(timeout(ASK, client.cluster.member_promote(MemberPromoteRequest { id })).await);
            }
            Ok(Err(status)) if matches!(status.code(), Code::FailedPrecondition | Code::Unimplemented) => return None,
            Ok(Err(_)) | Err(_) => {}
        }
        Some(stranger)
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

fn client(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}
