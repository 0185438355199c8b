//! A member that joins while things go wrong: it is added as a learner, started, promoted, and removed again.

use std::time::{Duration, Instant};

use harness::{Client, Cluster, Newcomer, Random};
use proto::etcdserverpb::{Member, MemberAddResponse, MemberPromoteRequest};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tonic::Code;

use super::membership::{ASK, Asked, Stranger, client};
use crate::traffic::field::below;

/// Longest time from its start until it has a vote: what a start takes, and what faults cost until they are mended.
const PROMOTION: Duration = Duration::from_secs(20);

/// How often it is asked to be promoted: until it has the log, it is refused.
const AGAIN: Duration = Duration::from_millis(200);

/// Longest life of its process after its removal: a member without a leader asks the others every election timeout, of one second,
/// and they know of the removal once they have a leader.
const GONE: Duration = Duration::from_secs(60);

/// How etcd says that a member has its vote already. To one that lags, it says more.
const HAS_A_VOTE: &str = "etcdserver: can only promote a learner member";

/// A member that was asked for, and whose process runs if it is known to have been added.
pub(super) struct Joining {
    newcomer: Newcomer,
    /// Its place in the list of members.
    stranger: Stranger,
    promotion: Option<JoinHandle<bool>>,
}

impl Joining {
    /// Asks for a member and starts it. Nothing when it is refused.
    pub(super) async fn begin(cluster: &mut Cluster, random: &mut Random) -> Option<Self> {
        let newcomer = cluster.newcomer();
        let mut joining = Self { stranger: Stranger::at(newcomer.peer_url()), newcomer, promotion: None };
        let asked = joining.stranger.ask(&client(cluster, below(random, cluster.size()))).await;
        match asked {
            Asked::Added(added) => joining.start(cluster, &added),
            Asked::Refused => return None,
            Asked::Unknown => {}
        }
        Some(joining)
    }

    fn start(&mut self, cluster: &Cluster, added: &MemberAddResponse) {
        let Some(id) = added.member.as_ref().map(|member| member.id) else { return };
        self.newcomer.launch(&initial_cluster(&added.members, id, self.newcomer.name()));
        let clients = (0..cluster.size()).map(|member| client(cluster, member)).collect();
        self.promotion = Some(tokio::spawn(promote(clients, id)));
    }

    /// Once all else is mended: lets it get its vote, and removes it. Whether it had joined.
    pub(super) async fn end(mut self, cluster: &Cluster, complaints: &mut Vec<String>) -> bool {
        let joined = self.is_promoted().await;
        if joined && !self.newcomer.runs() {
            complaints.push(format!("{} had joined, and ended by itself:\n{}", self.name(), self.newcomer.log_tail()));
        }
        if let Err(complaint) = self.stranger.remove(cluster).await {
            complaints.push(format!("{}: {complaint}", self.newcomer.name()));
        } else if !self.newcomer.ends(GONE).await {
            let (tail, others) = (self.newcomer.log_tail(), pages(cluster).await);
            complaints.push(format!("{} was removed and runs {GONE:?} later:\n{others}\n{tail}", self.name()));
        }
        joined
    }

    fn name(&self) -> String {
        format!("{} ({:?})", self.newcomer.name(), self.stranger)
    }

    async fn is_promoted(&mut self) -> bool {
        let Some(promotion) = self.promotion.take() else { return false };
        while !promotion.is_finished() && self.newcomer.runs() {
            sleep(AGAIN).await;
        }
        if promotion.is_finished() {
            return promotion.await.expect("a client does not panic");
        }
        // Its start failed, as one does that nobody answers.
        promotion.abort();
        false
    }
}

/// What each member says who the members are, asked without the links.
async fn pages(cluster: &Cluster) -> String {
    let mut pages = Vec::new();
    for member in 0..cluster.size() {
        let page = harness::get(cluster.ports(member).peer, "/members").await;
        pages.push(page.map_or_else(|error| format!("{member}: {error}"), |page| format!("{member}: {page:?}")));
    }
    pages.join("\n")
}

/// What the new member is told of the others: who there is, under the names that it was told.
fn initial_cluster(members: &[Member], own: u64, name: &str) -> String {
    let named = members.iter().flat_map(|member| {
        let name = match (member.id == own, member.name.as_str()) {
            (true, _) => name.to_owned(),
            // It has not told its name yet, and any that is nobody's will do.
            (false, "") => format!("unnamed-{:x}", member.id),
            (false, told) => told.to_owned(),
        };
        member.peer_ur_ls.iter().map(move |url| format!("{name}={url}"))
    });
    named.collect::<Vec<_>>().join(",")
}

/// Asks one member after the other; whether it has its vote.
async fn promote(clients: Vec<Client>, id: u64) -> bool {
    let begun = Instant::now();
    for client in clients.iter().cycle() {
        if begun.elapsed() > PROMOTION {
            break;
        }
        match timeout(ASK, client.cluster.clone().member_promote(MemberPromoteRequest { id })).await {
            Ok(Ok(_)) => return true,
            // An earlier promotion whose answer did not come.
            Ok(Err(status)) if status.code() == Code::FailedPrecondition && status.message() == HAS_A_VOTE => {
                return true;
            }
            Ok(Err(_)) | Err(_) => sleep(AGAIN).await,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_member_is_told_of_all_with_a_name_each() {
        let member = |id, name: &str, urls: &[&str]| Member {
            id,
            name: name.to_owned(),
            peer_ur_ls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..Member::default()
        };
        let members = [
            member(1, "m0", &["http://a:1", "http://b:1"]),
            member(2, "", &["http://c:1"]),
            member(0x1f, "", &["http://d:1"]),
        ];
        assert_eq!(
            initial_cluster(&members, 2, "m3"),
            "m0=http://a:1,m0=http://b:1,m3=http://c:1,unnamed-1f=http://d:1"
        );
    }
}
