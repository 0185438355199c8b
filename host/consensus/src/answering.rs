//! Which members with a vote answer the leader, and whether they are enough for a change of the membership.
//!
//! etcd's `mayAddMember` and `mayRemoveMember` (3.7), which every member asks of its own connections. Here only the leader
//! hears from all others, so it is the leader that checks, whoever was asked for the change.

use std::{collections::BTreeSet, time::Duration};

use openraft::{Instant as _, async_runtime::watch::WatchReceiver as _, metrics::RaftMetrics};

use crate::{ConsensusError, MembershipChange, lead::Lead, raft_types::TypeConfig};

/// Longest wait for answers: a leader that was just elected has not heard from everybody. Far below
/// [`crate::PROPOSAL_TIME_MAX`], however long the election timeout is.
const WAIT_MAX: Duration = Duration::from_secs(1);

impl Lead {
    /// Gives members a moment to answer, until there are enough.
    pub(crate) async fn hear_answers(&self, change: &MembershipChange) {
        let enough = |metrics: &RaftMetrics<TypeConfig>| {
            Voters::of(metrics, self.election).is_none_or(|voters| voters.suffice(change))
        };
        // Whether there are is judged afterwards.
        drop(self.raft.wait(Some(self.election.min(WAIT_MAX))).metrics(enough, "enough members answer").await);
    }

    /// Whether enough members answer. Whoever did within the election timeout does: etcd asks for five seconds without a
    /// break besides, which would refuse changes after an election, and tells nothing of the next five.
    pub(crate) fn check_answers(&self, change: &MembershipChange) -> Result<(), ConsensusError> {
        let voters = Voters::of(&self.raft.metrics().borrow_watched(), self.election);
        let voters = voters.ok_or(ConsensusError::NotLeader)?;
        if voters.suffice(change) || voters.is_silent(change) {
            return Ok(());
        }
        let Voters { all, answering } = voters;
        tracing::warn!(?change, ?all, ?answering, "rejecting member change; too few members with a vote answer");
        Err(ConsensusError::Unhealthy)
    }
}

/// The members with a vote, and which of them answer. The leader itself does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Voters {
    all: BTreeSet<u64>,
    answering: BTreeSet<u64>,
}

impl Voters {
    /// `None` when this member does not lead.
    fn of(metrics: &RaftMetrics<TypeConfig>, election: Duration) -> Option<Self> {
        let answers = metrics.heartbeat.as_ref()?;
        let lately = |id: &u64| answers.get(id).is_some_and(|at| at.is_some_and(|at| at.elapsed() < election));
        let all: BTreeSet<u64> = metrics.membership_config.membership().voter_ids().collect();
        let answering = all.iter().copied().filter(|id| *id == metrics.id || lately(id)).collect();
        Some(Self { all, answering })
    }

    /// Whether those that answer are a majority after the change; one that is added is taken to be silent.
    fn suffice(&self, change: &MembershipChange) -> bool {
        match change {
            // A member alone may get a second one: there is no other way to have more.
            MembershipChange::AddLearner(..) | MembershipChange::AddVoter(..) => {
                self.all.len() == 1 || self.answering.len() > self.all.len().div_ceil(2)
            }
            // The last one cannot be removed at all, which is not for this check to say.
            MembershipChange::Remove(id) if self.all.contains(id) && self.all.len() > 1 => {
                let left = self.answering.iter().filter(|answering| *answering != id).count();
                left > (self.all.len() - 1) / 2
            }
            MembershipChange::Remove(_) | MembershipChange::Promote(_) | MembershipChange::SetPeerUrls(..) => true,
        }
    }

    /// Whether the change removes a member that does not answer: it is part of no majority, so none is lost with it.
    fn is_silent(&self, change: &MembershipChange) -> bool {
        matches!(change, MembershipChange::Remove(id) if !self.answering.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeerNode;

    /// Members from 1 on, of which as many answer, from 1 on as well.
    fn voters(all: u64, answering: u64) -> Voters {
        Voters { all: (1..=all).collect(), answering: (1..=answering).collect() }
    }

    /// The cases of etcd's `isConnectedToQuorumAfterAddingNewMemberSince`.
    #[test]
    fn a_member_is_added_only_if_those_that_answer_are_a_majority_without_it() {
        let allowed = [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (7, 5)];
        let refused = [(2, 1), (3, 2), (4, 2), (5, 3), (7, 4)];
        for (cases, expected) in [(&allowed[..], true), (&refused[..], false)] {
            for (all, answering) in cases {
                for change in [MembershipChange::AddLearner, MembershipChange::AddVoter] {
                    let change = change(99, PeerNode::default());
                    assert_eq!(voters(*all, *answering).suffice(&change), expected, "{answering} of {all}");
                }
            }
        }
    }

    #[test]
    fn a_member_that_answers_is_removed_only_if_a_majority_of_the_others_does() {
        let safe = |all, answering, id| voters(all, answering).suffice(&MembershipChange::Remove(id));
        for (all, answering, expected) in
            [(1, 1, true), (2, 2, true), (3, 3, true), (3, 2, false), (4, 3, true), (5, 4, true), (5, 3, false)]
        {
            assert_eq!(safe(all, answering, 1), expected, "{answering} of {all}");
        }
        assert!(safe(3, 2, 3) && safe(5, 3, 5), "one that is down takes no answer with it");
        assert!(safe(3, 1, 99), "a learner has no vote");
    }

    /// A leader that a majority has not answered for a moment may not have noticed; what is down can go all the same.
    #[test]
    fn a_member_that_is_down_is_never_kept() {
        let barely = voters(3, 1);
        let (down, alive) = (MembershipChange::Remove(2), MembershipChange::Remove(1));
        assert!(!barely.suffice(&down) && barely.is_silent(&down));
        assert!(!barely.suffice(&alive) && !barely.is_silent(&alive));
    }

    #[test]
    fn promotions_and_moves_are_not_hindered() {
        for change in [MembershipChange::Promote(9), MembershipChange::SetPeerUrls(2, Vec::new())] {
            assert!(voters(3, 1).suffice(&change));
        }
    }
}
