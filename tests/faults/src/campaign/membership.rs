//! A member that is added and never comes: a learner, which has no vote, and which nobody may promote.

use std::time::{Duration, Instant};

use harness::{Client, Cluster, Random};
use proto::etcdserverpb::{
    MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest,
};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

use crate::traffic::field::below;

/// Longest wait for one answer.
pub(super) const ASK: Duration = Duration::from_secs(2);

/// Longest time in which it can be removed again, by members of which some were started a moment ago.
const REMOVAL: Duration = Duration::from_secs(60);

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

    /// Removes it, if it is there. The error is what the members answered last, each with its number.
    pub(super) async fn remove(&self, cluster: &Cluster) -> Result<(), String> {
        let begun = Instant::now();
        let mut answers = vec![String::new(); cluster.size()];
        for member in (0..cluster.size()).cycle() {
            match self.is_gone(&client(cluster, member)).await {
                Ok(true) => return Ok(()),
                Ok(false) => answers[member] = format!("{member}: it was there, and its removal accepted"),
                Err(answer) => answers[member] = format!("{member}: {answer}"),
            }
            if begun.elapsed() > REMOVAL {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{self:?} cannot be removed, though nothing is wrong with any member: {}", answers.join("; ")))
    }

    async fn is_gone(&self, client: &Client) -> Result<bool, String> {
        let mut cluster = client.cluster.clone();
        let list = cluster.member_list(MemberListRequest { linearizable: true });
        let list = answer("listing members", list).await?.into_inner();
        let own = list.members.into_iter().find(|member| member.peer_ur_ls.contains(&self.url));
        let Some(member) = own else { return Ok(true) };
        answer("removing it", cluster.member_remove(MemberRemoveRequest { id: member.id })).await?;
        Ok(false)
    }
}

async fn answer<T>(asked: &str, call: impl Future<Output = Result<T, Status>>) -> Result<T, String> {
    match timeout(ASK, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(status)) => Err(format!("{asked}: {:?}, {}", status.code(), status.message())),
        Err(_) => Err(format!("{asked}: nothing in {ASK:?}")),
    }
}

/// A new connection to a member.
pub(super) fn client(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}
