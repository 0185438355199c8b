//! Proposals and linearizable reads, on any member.

use std::time::Duration;

use store::Applied;
use tokio::time::timeout;

use crate::{
    Consensus, ConsensusError, MembershipChange, PeerNode, Proposal, lead::Fate, membership::AskedChange,
    metrics::Pending, outcomes::Waiting, raft_types::LogId, request::Request,
};

/// How long a proposal may take before its caller is told that it timed out: etcd's five seconds and two election timeouts.
pub const PROPOSAL_TIME_MAX: Duration = Duration::from_secs(7);

impl Consensus {
    /// Puts a proposal into the log, through the leader, and waits for its outcome: by then a majority has it on disk,
    /// and it is applied here.
    ///
    /// # Errors
    /// After [`ConsensusError::Timeout`] and [`ConsensusError::LeaderChanged`] it may still have been carried out.
    pub async fn propose(&self, proposal: Proposal) -> Result<Applied, ConsensusError> {
        let _pending = Pending::one_more(&self.metrics.pending);
        let waiting = self.outcomes.wait();
        let request = Request { command: proposal.into_command(), origin: Some(waiting.origin()) };
        let carried = timeout(PROPOSAL_TIME_MAX, self.carry(request, waiting)).await;
        carried.unwrap_or(Err(ConsensusError::Timeout)).inspect_err(|_| self.metrics.failed.inc())
    }

    /// Puts a proposal into the log only if this member leads, so that it comes before everything that a later leader proposes;
    /// returns when it is applied here.
    ///
    /// # Errors
    /// [`ConsensusError::NotLeader`]; after [`ConsensusError::LeaderChanged`] it may still be carried out.
    pub async fn propose_as_leader(&self, proposal: Proposal) -> Result<(), ConsensusError> {
        let request = Request { command: proposal.into_command(), origin: None };
        match self.ask.lead.propose(request).await {
            Fate::Committed => Ok(()),
            Fate::NotLeader => Err(ConsensusError::NotLeader),
            Fate::Unknown => Err(ConsensusError::LeaderChanged),
        }
    }

    async fn carry(&self, request: Request, mut waiting: Waiting) -> Result<Applied, ConsensusError> {
        loop {
            let leader = self.ask.leader().await?;
            match self.ask.propose(leader, &request).await {
                Fate::Committed => return waiting.outcome().await.ok_or(ConsensusError::LeaderChanged),
                Fate::NotLeader if self.has_stopped() => return Err(ConsensusError::Stopped),
                Fate::NotLeader => self.ask.pause().await,
                Fate::Unknown => return self.fate_of(waiting).await,
            }
        }
    }

    /// Nobody can say what became of it; but if it did enter the log it is applied here before long.
    async fn fate_of(&self, mut waiting: Waiting) -> Result<Applied, ConsensusError> {
        let known = timeout(self.ask.election * 2, waiting.outcome()).await;
        match known.ok().flatten() {
            Some(applied) => Ok(applied),
            None if self.has_stopped() => Err(ConsensusError::Stopped),
            None => Err(ConsensusError::LeaderChanged),
        }
    }

    /// Returns once this member is known to be as new as every write answered before the call.
    ///
    /// # Errors
    /// When there is no leader to confirm it.
    pub async fn confirm_read(&self) -> Result<(), ConsensusError> {
        if failpoint::planted("stale-read") {
            return Ok(());
        }
        let confirmed = timeout(PROPOSAL_TIME_MAX, self.reads.pass()).await;
        confirmed.unwrap_or(Err(ConsensusError::Timeout)).inspect_err(|_| self.metrics.failed_reads.inc())
    }

    /// Adds a member without a vote. If `strict`, only while enough members with a vote answer the leader that with
    /// one more they would still be a majority.
    ///
    /// # Errors
    /// [`ConsensusError::Unhealthy`]; otherwise as for a proposal.
    pub async fn add_learner(&self, id: u64, node: PeerNode, strict: bool) -> Result<(), ConsensusError> {
        self.change_membership(MembershipChange::AddLearner(id, node), strict).await
    }

    /// Adds a member with a vote: done once a majority that counts it has agreed. If `strict`, as for a learner.
    ///
    /// # Errors
    /// As for a learner.
    pub async fn add_voter(&self, id: u64, node: PeerNode, strict: bool) -> Result<(), ConsensusError> {
        self.change_membership(MembershipChange::AddVoter(id, node), strict).await
    }

    /// Gives a learner a vote.
    ///
    /// # Errors
    /// [`ConsensusError::NoSuchMember`], [`ConsensusError::NotLearner`], [`ConsensusError::LearnerNotReady`]; otherwise
    /// as for a proposal.
    pub async fn promote(&self, id: u64) -> Result<(), ConsensusError> {
        self.change_membership(MembershipChange::Promote(id), false).await
    }

    /// Removes a member. If `strict`, not one with a vote that answers the leader, unless of those left a majority does.
    ///
    /// # Errors
    /// [`ConsensusError::NoSuchMember`], [`ConsensusError::LastVoter`], [`ConsensusError::Unhealthy`]; otherwise as for a
    /// proposal.
    pub async fn remove(&self, id: u64, strict: bool) -> Result<(), ConsensusError> {
        self.change_membership(MembershipChange::Remove(id), strict).await
    }

    /// Moves a member.
    ///
    /// # Errors
    /// [`ConsensusError::NoSuchMember`]; otherwise as for a proposal.
    pub async fn set_peer_urls(&self, id: u64, peer_urls: Vec<String>) -> Result<(), ConsensusError> {
        self.change_membership(MembershipChange::SetPeerUrls(id, peer_urls), false).await
    }

    async fn change_membership(&self, change: MembershipChange, strict: bool) -> Result<(), ConsensusError> {
        let changed = timeout(PROPOSAL_TIME_MAX, self.carry_change(AskedChange { change, strict })).await;
        changed.unwrap_or(Err(ConsensusError::Timeout))
    }

    async fn carry_change(&self, change: AskedChange) -> Result<(), ConsensusError> {
        loop {
            let leader = self.ask.leader().await?;
            match self.ask.change_membership(leader, change.clone()).await {
                Ok(log_id) => return self.ask.applied(log_id).await,
                Err(ConsensusError::NotLeader) => self.ask.pause().await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a question to the leader, which may be asked again, for as long as a proposal may take.
    pub(crate) async fn asked<T>(
        &self,
        question: impl AsyncFnOnce() -> Result<T, ConsensusError>,
    ) -> Result<T, ConsensusError> {
        timeout(PROPOSAL_TIME_MAX, question()).await.unwrap_or(Err(ConsensusError::Timeout))
    }

    fn has_stopped(&self) -> bool {
        use openraft::async_runtime::watch::WatchReceiver as _;
        self.raft.metrics().borrow_watched().running_state.is_err()
    }
}

impl crate::ask::Ask {
    /// Returns once an entry is applied here.
    pub(crate) async fn applied(&self, log_id: LogId) -> Result<(), ConsensusError> {
        let applied = self.lead.raft.watch_apply_progress().wait_until_ge(&Some(log_id)).await;
        applied.map(drop).map_err(|_| ConsensusError::Stopped)
    }
}
