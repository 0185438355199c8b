//! Linearizable reads share one confirmation of leadership: whoever arrives while one is under way waits for the next.

use openraft::{
    ReadPolicy,
    errors::{LinearizableReadError, RaftError},
};
use tokio::sync::{mpsc, oneshot};

use crate::{ConsensusError, consensus::Member, raft_types::TypeConfig};

/// Most readers that one confirmation answers.
const READERS_MAX: usize = 4096;

type Reader = oneshot::Sender<Result<(), ConsensusError>>;

/// Where linearizable reads wait.
#[derive(Clone)]
pub(crate) struct ReadGate {
    waiting: mpsc::Sender<Reader>,
}

impl ReadGate {
    pub(crate) fn start(raft: Member) -> Self {
        let (waiting, readers) = mpsc::channel(READERS_MAX);
        tokio::spawn(serve(raft, readers));
        Self { waiting }
    }

    /// Waits for a confirmation that began after this call.
    pub(crate) async fn pass(&self) -> Result<(), ConsensusError> {
        let (reader, answer) = oneshot::channel();
        self.waiting.send(reader).await.map_err(|_| ConsensusError::Stopped)?;
        answer.await.map_err(|_| ConsensusError::Stopped)?
    }
}

async fn serve(raft: Member, mut readers: mpsc::Receiver<Reader>) {
    let mut waiting = Vec::new();
    while readers.recv_many(&mut waiting, READERS_MAX).await > 0 {
        let confirmed = raft.ensure_linearizable(ReadPolicy::ReadIndex).await;
        let outcome = confirmed.map(drop).map_err(not_confirmed);
        for reader in waiting.drain(..) {
            // A reader that has gone away needs no answer.
            let _ = reader.send(outcome);
        }
    }
}

fn not_confirmed(error: RaftError<TypeConfig, LinearizableReadError<TypeConfig>>) -> ConsensusError {
    match error {
        RaftError::Fatal(_) => ConsensusError::Stopped,
        RaftError::APIError(LinearizableReadError::ForwardToLeader(to)) if to.leader_id.is_some() => {
            ConsensusError::NotLeader
        }
        RaftError::APIError(_) => ConsensusError::NoLeader,
    }
}
