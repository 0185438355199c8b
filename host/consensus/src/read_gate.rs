//! Linearizable reads share one confirmation of leadership: whoever arrives while one is under way waits for the next.

use tokio::sync::{mpsc, oneshot};

use crate::{ConsensusError, ask::Ask, lead::ReadIndex};

/// Most readers that one confirmation answers.
const READERS_MAX: usize = 4096;

/// How often a leader may fail to reach a majority: each try takes about as long as an election.
const QUORUM_TRIES_MAX: u32 = 2;

type Reader = oneshot::Sender<Result<(), ConsensusError>>;

/// Where linearizable reads wait.
#[derive(Clone)]
pub(crate) struct ReadGate {
    waiting: mpsc::Sender<Reader>,
}

impl ReadGate {
    pub(crate) fn start(ask: Ask) -> Self {
        let (waiting, readers) = mpsc::channel(READERS_MAX);
        tokio::spawn(serve(ask, readers));
        Self { waiting }
    }

    /// Waits for a confirmation that began after this call.
    pub(crate) async fn pass(&self) -> Result<(), ConsensusError> {
        let (reader, answer) = oneshot::channel();
        self.waiting.send(reader).await.map_err(|_| ConsensusError::Stopped)?;
        answer.await.map_err(|_| ConsensusError::Stopped)?
    }
}

async fn serve(ask: Ask, mut readers: mpsc::Receiver<Reader>) {
    let mut waiting = Vec::new();
    while readers.recv_many(&mut waiting, READERS_MAX).await > 0 {
        let outcome = confirm(&ask).await;
        for reader in waiting.drain(..) {
            // A reader that has gone away needs no answer.
            let _ = reader.send(outcome);
        }
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
