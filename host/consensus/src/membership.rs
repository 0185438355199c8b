//! Who the members are, and changing that.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{
    ChangeMembers,
    async_runtime::watch::WatchReceiver as _,
    errors::{ChangeMembershipError, ClientWriteError, RaftError},
    raft::ClientWriteResponse,
};

use crate::{
    ConsensusError, PeerNode,
    lead::Lead,
    raft_types::{LogId, StoredMembership, TypeConfig},
};

/// How much of the leader's log a learner must have before it is given a vote, as in etcd: nine tenths.
const IN_SYNC_TENTHS: u64 = 9;

/// The members of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Those with a vote.
    pub voters: BTreeSet<u64>,
    /// Those without.
    pub learners: BTreeSet<u64>,
    /// Where each is reached.
    pub nodes: BTreeMap<u64, PeerNode>,
}

/// One change of the membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    /// Adds a member without a vote.
    AddLearner(u64, PeerNode),
    /// Adds a member with a vote. Done only once a majority that counts it has agreed.
    AddVoter(u64, PeerNode),
    /// Gives a learner that is in sync a vote.
    Promote(u64),
    /// Removes a member.
    Remove(u64),
    /// Moves a member.
    SetPeerUrls(u64, Vec<String>),
}

/// A change, and whether it is refused when too few members answer the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedChange {
    pub(crate) change: MembershipChange,
    pub(crate) strict: bool,
}

impl Membership {
    pub(crate) fn of(stored: &StoredMembership) -> Self {
        let membership = stored.membership();
        Self {
            voters: membership.voter_ids().collect(),
            learners: membership.learner_ids().collect(),
            nodes: membership.nodes().map(|(id, node)| (*id, node.clone())).collect(),
        }
    }
}

impl Lead {
    /// Changes the membership; the entry that did it.
    pub(crate) async fn change_membership(&self, asked: AskedChange) -> Result<LogId, ConsensusError> {
        let AskedChange { change, strict } = asked;
        if strict {
            self.hear_answers(&change).await;
        }
        let _one = self.changing.lock().await;
        if strict {
            self.check_answers(&change)?;
        }
        let members = Membership::of(&self.raft.metrics().borrow_watched().membership_config);
        let changed = match change {
            MembershipChange::AddLearner(id, node) => self.raft.add_learner(id, node, false).await,
            MembershipChange::AddVoter(id, node) => {
                self.raft.change_membership(ChangeMembers::AddVoters(BTreeMap::from([(id, node)])), true).await
            }
            MembershipChange::Promote(id) => {
                self.check_in_sync(id, &members)?;
                self.raft.change_membership(ChangeMembers::AddVoterIds(BTreeSet::from([id])), true).await
            }
            MembershipChange::Remove(id) => self.raft.change_membership(removal(id, &members)?, false).await,
            MembershipChange::SetPeerUrls(id, peer_urls) => {
                member(id, &members)?;
                let nodes = BTreeMap::from([(id, PeerNode { peer_urls })]);
                self.raft.change_membership(ChangeMembers::SetNodes(nodes), true).await
            }
        };
        changed.map(|changed: ClientWriteResponse<TypeConfig>| changed.log_id).map_err(not_changed)
    }

    fn check_in_sync(&self, id: u64, members: &Membership) -> Result<(), ConsensusError> {
        member(id, members)?;
        if !members.learners.contains(&id) {
            return Err(ConsensusError::NotLearner);
        }
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let Some(progress) = &metrics.replication else { return Err(ConsensusError::NotLeader) };
        let matched = progress.get(&id).copied().flatten().map_or(0, |log_id| log_id.index);
        let newest = metrics.last_log_index.unwrap_or(0);
        if matched * 10 < newest * IN_SYNC_TENTHS { Err(ConsensusError::LearnerNotReady) } else { Ok(()) }
    }
}

fn member(id: u64, members: &Membership) -> Result<(), ConsensusError> {
    if members.nodes.contains_key(&id) { Ok(()) } else { Err(ConsensusError::NoSuchMember) }
}

fn removal(id: u64, members: &Membership) -> Result<ChangeMembers<u64, PeerNode>, ConsensusError> {
    member(id, members)?;
    let ids = BTreeSet::from([id]);
    Ok(match members.voters.contains(&id) {
        true => ChangeMembers::RemoveVoters(ids),
        false => ChangeMembers::RemoveNodes(ids),
    })
}

fn not_changed(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> ConsensusError {
    match error {
        RaftError::Fatal(_) => ConsensusError::Stopped,
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => ConsensusError::NotLeader,
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => match error {
            ChangeMembershipError::InProgress(_) => ConsensusError::MembershipChanging,
            ChangeMembershipError::EmptyMembership(_) => ConsensusError::LastVoter,
            ChangeMembershipError::LearnerNotFound(_) => ConsensusError::NoSuchMember,
            _ => ConsensusError::MembershipChanging,
        },
        RaftError::APIError(_) => ConsensusError::LeaderChanged,
    }
}
