//! Handing leadership on.

use tokio::time::timeout;

use crate::{Consensus, ConsensusError};

impl Consensus {
    /// Hands leadership to a voter and returns once it leads.
    ///
    /// # Errors
    /// This member does not lead, the other has no vote, or it did not take over within the time of two elections.
    pub async fn transfer_leader(&self, to: u64) -> Result<(), ConsensusError> {
        if !self.is_leader() {
            return Err(ConsensusError::NotLeader);
        }
        if !self.membership().voters.contains(&to) {
            return Err(ConsensusError::NoSuchMember);
        }
        if to == self.ask.member_id {
            return Ok(());
        }
        self.raft.trigger().transfer_leader(to).await.map_err(|_| ConsensusError::Stopped)?;
        let mut leadership = self.watch_leadership();
        let taken = timeout(self.ask.election * 2, leadership.wait_for(|seen| seen.leader == Some(to))).await;
        match taken {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(ConsensusError::Stopped),
            Err(_) => Err(ConsensusError::Timeout),
        }
    }

    /// Hands leadership, if this member has it, to the voter that has most of the log. Before a stop: the others need
    /// not find out by themselves then.
    pub async fn hand_over(&self) {
        if !self.is_leader() {
            return;
        }
        let voters = self.membership().voters;
        let others = self.progress().into_iter().filter(|(id, _)| *id != self.ask.member_id && voters.contains(id));
        let Some((to, _)) = others.max_by_key(|(_, matched)| *matched) else { return };
        match self.transfer_leader(to).await {
            Ok(()) => tracing::info!(to = format!("{to:x}"), "leadership was handed over"),
            Err(error) => tracing::warn!(%error, to = format!("{to:x}"), "leadership was not handed over"),
        }
    }
}
