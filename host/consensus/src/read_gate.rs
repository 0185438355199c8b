//! Linearizable reads share one confirmation of leadership.

use crate::{ConsensusError, ask::Ask, lead::ReadIndex, shared_question::SharedQuestion};

/// How often a leader may fail to reach a majority: each try takes about as long as an election.
const QUORUM_TRIES_MAX: u32 = 2;

/// Where linearizable reads wait.
#[derive(Clone)]
pub(crate) struct ReadGate {
    confirmation: SharedQuestion<Result<(), ConsensusError>>,
}

impl ReadGate {
    pub(crate) fn start(ask: Ask) -> Self {
        let confirmation = SharedQuestion::new(move || {
            let ask = ask.clone();
            async move { confirm(&ask).await }
        });
        Self { confirmation }
    }

    /// Waits for a confirmation that began after this call.
    pub(crate) async fn pass(&self) -> Result<(), ConsensusError> {
        self.confirmation.ask().await.unwrap_or(Err(ConsensusError::Stopped))
    }
}

/// Returns once what the leader had committed is applied here. A question may be asked twice: it changes nothing.
async fn confirm(ask: &Ask) -> Result<(), ConsensusError> {
    let mut refused_by_quorum = 0;
    loop {
        let leader = ask.leader().await?;
        match ask.read_index(leader).await {
            ReadIndex::Confirmed(log_id) => return ask.applied(log_id).await,
            ReadIndex::NotLeader => ask.pause().await,
            ReadIndex::NoQuorum if refused_by_quorum == QUORUM_TRIES_MAX => return Err(ConsensusError::NoLeader),
            ReadIndex::NoQuorum => refused_by_quorum += 1,
        }
    }
}
