//! The members of the cluster, and what can be changed about them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use auth::Administrator;
use consensus::{ConsensusError, Identity, PEER_PROTOCOL, PeerNode};
use store::{Attributes, ClusterChange};

use crate::{ETCD_VERSION, FlowError, Member, Reply, peer_url::peer_url};

/// How often the leader looks whether a learner can be given the vote that it was promised.
const PROMOTION_INTERVAL: Duration = Duration::from_millis(500);

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its id.
    pub id: u64,
    /// Its name; empty until it has started.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started.
    pub client_urls: Vec<String>,
    /// Whether it has no vote, and was not promised one.
    pub is_learner: bool,
}

impl MemberInfo {
    /// As in etcd, who has told its name has started.
    fn has_started(&self) -> bool {
        !self.name.is_empty()
    }
}

/// What came of adding a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAdded {
    /// The new member.
    pub member: MemberInfo,
    /// All members.
    pub members: Vec<MemberInfo>,
}

impl Member {
    /// The members of the cluster.
    ///
    /// # Errors
    /// When it shall be linearizable and leadership cannot be confirmed, or the disk fails.
    pub async fn members(&self, linearizable: bool) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        if linearizable {
            self.shared.consensus.confirm_read().await?;
        }
        Ok(Reply { header: self.header(), body: self.known_members()? })
    }

    /// The members as far as this one knows, by id.
    pub(crate) fn known_members(&self) -> Result<Vec<MemberInfo>, FlowError> {
        let membership = self.shared.consensus.membership();
        let cluster = self.cluster()?;
        let mut told: BTreeMap<u64, Attributes> =
            cluster.attributes.into_iter().map(|told| (told.member_id, told)).collect();
        let promised = cluster.promised;
        let info = |(id, node): (u64, PeerNode)| {
            let told = told.remove(&id).unwrap_or_default();
            MemberInfo {
                id,
                name: told.name,
                peer_urls: node.peer_urls,
                client_urls: told.client_urls,
                is_learner: membership.learners.contains(&id) && !promised.contains(&id),
            }
        };
        Ok(membership.nodes.into_iter().map(info).collect())
    }

    /// The ids of all members, as far as this one knows.
    #[must_use]
    pub fn peer_ids(&self) -> Vec<u64> {
        self.shared.consensus.membership().nodes.into_keys().collect()
    }

    /// Whether this member has no vote, and was not promised one.
    #[must_use]
    pub fn is_learner(&self) -> bool {
        let id = self.shared.identity.member_id;
        self.shared.consensus.is_learner() && !self.cluster().is_ok_and(|cluster| cluster.promised.contains(&id))
    }

    /// Tells the others what this member is called, where clients reach it and which versions it speaks, unless they know.
    pub(crate) async fn publish(&self) -> Result<(), FlowError> {
        let (config, member_id) = (&self.shared.config, self.shared.identity.member_id);
        let (name, client_urls) = (config.name.clone(), config.client_urls.clone());
        let version = ETCD_VERSION.to_owned();
        let attributes = Attributes { member_id, name, client_urls, version, protocol: PEER_PROTOCOL };
        if !self.cluster()?.attributes.contains(&attributes) {
            self.change_cluster(ClusterChange::Attributes(attributes)).await?;
        }
        Ok(())
    }

    /// Adds a member: with a vote as soon as it is in sync, or as a learner that is promoted by hand.
    ///
    /// # Errors
    /// URLs that are not peer URLs or are another member's, too many learners, too few members that have started or that
    /// answer; otherwise as for a write.
    pub async fn member_add(
        &self,
        administrator: &Administrator,
        peer_urls: &[String],
        is_learner: bool,
    ) -> Result<Reply<MemberAdded>, FlowError> {
        let wanted: Option<Vec<String>> = peer_urls.iter().map(|url| peer_url(url)).collect();
        let mut peer_urls = wanted.filter(|urls| !urls.is_empty()).ok_or(FlowError::BadMemberUrls)?;
        peer_urls.sort();
        let members = self.members(true).await?.body;
        self.check_addition(&members, &peer_urls, is_learner)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let id = Identity::of_newcomer(&peer_urls, now);
        if members.iter().any(|member| member.id == id) || self.cluster()?.removed.contains(&id) {
            return Err(FlowError::MemberExists);
        }
        if !is_learner {
            self.change_cluster(ClusterChange::Promise(id)).await?;
        }
        // Without a vote at first: a member that never starts must not cost the others their majority.
        let (node, strict) = (PeerNode { peer_urls: peer_urls.clone() }, self.shared.config.strict_reconfig_check);
        let added = self.shared.consensus.add_learner(id, node, strict).await;
        if added == Err(ConsensusError::Unhealthy) && !is_learner {
            // Whoever is refused asks again and again, each time for another id.
            self.change_cluster(ClusterChange::PromiseBroken(id)).await?;
        }
        added?;
        tracing::info!(administrator = administrator.name(), member_id = id, ?peer_urls, is_learner, "added member");
        let (name, client_urls) = (String::new(), Vec::new());
        let member = MemberInfo { id, name, peer_urls, client_urls, is_learner };
        Ok(Reply { header: self.header(), body: MemberAdded { member, members: self.known_members()? } })
    }

    fn check_addition(&self, members: &[MemberInfo], peer_urls: &[String], learner: bool) -> Result<(), FlowError> {
        let config = &self.shared.config;
        if !learner && config.strict_reconfig_check && !can_add_voter(members) {
            return Err(FlowError::NotEnoughStartedMembers);
        }
        let mut taken = members.iter().flat_map(|member| &member.peer_urls);
        if taken.any(|url| peer_urls.contains(url)) {
            return Err(FlowError::PeerUrlExists);
        }
        let learners = members.iter().filter(|member| member.is_learner).count();
        if learner && learners >= config.max_learners {
            return Err(FlowError::TooManyLearners);
        }
        Ok(())
    }

    /// Removes a member, which stops when it hears of it.
    ///
    /// # Errors
    /// No such member, or too few would be left that have started or that answer; otherwise as for a write.
    pub async fn member_remove(
        &self,
        administrator: &Administrator,
        id: u64,
    ) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        let members = self.members(true).await?.body;
        let removed = members.iter().find(|member| member.id == id);
        if removed.is_none_or(|removed| !removed.is_learner)
            && self.shared.config.strict_reconfig_check
            && !can_remove_voter(&members, id)
        {
            return Err(FlowError::NotEnoughStartedMembers);
        }
        if removed.is_none() {
            return Err(FlowError::MemberNotFound);
        }
        if self.leads() && id == self.shared.identity.member_id {
            // Who leaves does not lead: the others go on at once.
            self.shared.consensus.hand_over().await;
        }
        self.shared.consensus.remove(id, self.shared.config.strict_reconfig_check).await?;
        tracing::info!(administrator = administrator.name(), member_id = id, "removed member");
        Ok(Reply { header: self.header(), body: self.known_members()? })
    }

    /// Gives a learner that is in sync a vote.
    ///
    /// # Errors
    /// No such member, it has a vote already, or it is not in sync; otherwise as for a write.
    pub async fn member_promote(
        &self,
        administrator: &Administrator,
        id: u64,
    ) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        let members = self.members(true).await?.body;
        let member = members.iter().find(|member| member.id == id).ok_or(FlowError::MemberNotFound)?;
        if !member.is_learner {
            return Err(FlowError::NotLearner);
        }
        if self.shared.config.strict_reconfig_check && !can_promote(&members) {
            return Err(FlowError::NotEnoughStartedMembers);
        }
        self.shared.consensus.promote(id).await?;
        tracing::info!(administrator = administrator.name(), member_id = id, "promoted member");
        Ok(Reply { header: self.header(), body: self.known_members()? })
    }

    /// Changes where other members reach a member. As in etcd, the URLs are taken as they are.
    ///
    /// # Errors
    /// No such member, or another one has such a URL; otherwise as for a write.
    pub async fn member_update(
        &self,
        administrator: &Administrator,
        id: u64,
        peer_urls: Vec<String>,
    ) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        let members = self.members(true).await?.body;
        if !members.iter().any(|member| member.id == id) {
            return Err(FlowError::MemberNotFound);
        }
        let mut others = members.iter().filter(|member| member.id != id).flat_map(|member| &member.peer_urls);
        if others.any(|url| peer_urls.contains(url)) {
            return Err(FlowError::PeerUrlExists);
        }
        self.shared.consensus.set_peer_urls(id, peer_urls.clone()).await?;
        tracing::info!(administrator = administrator.name(), member_id = id, ?peer_urls, "updated member");
        Ok(Reply { header: self.header(), body: self.known_members()? })
    }

    /// Hands leadership to a member.
    ///
    /// # Errors
    /// This member does not lead, the other is not a voting member, or does not take over in time.
    pub async fn move_leader(&self, administrator: &Administrator, to: u64) -> Result<(), FlowError> {
        if !self.leads() {
            return Err(FlowError::NotLeader);
        }
        if !self.shared.consensus.membership().voters.contains(&to) {
            return Err(FlowError::BadLeaderTransferee);
        }
        tracing::info!(administrator = administrator.name(), to, "leadership transfer starting");
        self.note_leases().await;
        match self.shared.consensus.transfer_leader(to).await {
            Err(consensus::ConsensusError::Timeout) => Err(FlowError::LeaderTransferTimeout),
            moved => Ok(moved?),
        }
    }

    /// Gives learners that were promised a vote theirs, while this member leads.
    pub(crate) async fn promote_forever(self) {
        loop {
            tokio::time::sleep(PROMOTION_INTERVAL).await;
            if !self.leads() {
                continue;
            }
            for id in self.shared.consensus.membership().learners {
                if !self.is_promised(id) {
                    continue;
                }
                match self.shared.consensus.promote(id).await {
                    Ok(()) => tracing::info!(member_id = id, "a member that is in sync now has a vote"),
                    Err(error) => tracing::debug!(%error, member_id = id, "a member has no vote yet"),
                }
            }
        }
    }

    fn is_promised(&self, id: u64) -> bool {
        let Ok(cluster) = self.cluster() else { return false };
        // One that has not started could not be in sync, but a short log looks the same to all.
        let started = cluster.attributes.iter().any(|told| told.member_id == id);
        started && (self.shared.config.auto_promote || cluster.promised.contains(&id))
    }
}

fn voters(members: &[MemberInfo]) -> impl Iterator<Item = &MemberInfo> {
    members.iter().filter(|member| !member.is_learner)
}

/// As etcd: with the new one counted, those that have started must be a majority. A member alone may have a second.
fn can_add_voter(members: &[MemberInfo]) -> bool {
    let started = voters(members).filter(|member| member.has_started()).count();
    let with_new = voters(members).count() + 1;
    (started == 1 && with_new == 2) || started > with_new / 2
}

fn can_remove_voter(members: &[MemberInfo], id: u64) -> bool {
    let left = || voters(members).filter(|member| member.id != id);
    left().filter(|member| member.has_started()).count() > left().count() / 2
}

/// The learner counts as started.
fn can_promote(members: &[MemberInfo]) -> bool {
    let started = voters(members).filter(|member| member.has_started()).count() + 1;
    started > voters(members).count().div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(started: usize, others: usize, learners: usize) -> Vec<MemberInfo> {
        let all = started + others + learners;
        let member = |at: usize| MemberInfo {
            id: at as u64,
            name: if at < started { "a".to_owned() } else { String::new() },
            peer_urls: Vec::new(),
            client_urls: Vec::new(),
            is_learner: at >= started + others,
        };
        (0..all).map(member).collect()
    }

    /// The cases of etcd's `TestIsReadyToAddVotingMember`, `...RemoveVotingMember` and `...PromoteMember`.
    #[test]
    fn changes_that_would_leave_too_few_started_members_are_told_apart_as_etcd_does() {
        let cases = [
            ((0, 3, 0), false),
            ((1, 2, 0), false),
            ((1, 0, 0), true),
            ((2, 1, 0), false),
            ((3, 0, 0), true),
            ((2, 0, 1), true),
        ];
        for ((started, others, learners), ready) in cases {
            assert_eq!(can_add_voter(&members(started, others, learners)), ready, "{started} {others} {learners}");
        }
        assert!(can_remove_voter(&members(2, 1, 0), 2) && can_remove_voter(&members(3, 0, 0), 0));
        assert!(!can_remove_voter(&members(1, 0, 0), 0) && !can_remove_voter(&members(1, 1, 0), 0));
        assert!(can_promote(&members(1, 0, 1)) && can_promote(&members(2, 1, 1)));
        assert!(!can_promote(&members(0, 2, 1)) && !can_promote(&members(1, 4, 1)));
    }
}
