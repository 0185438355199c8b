//! What only the leader can do, for itself and for those who ask it over the peer link.

use std::{sync::Arc, time::Duration};

use openraft::{
    OptionalSend, ReadPolicy,
    errors::{ClientWriteError, RaftError},
    raft::responder::Responder,
};
use prost::Message as _;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    Renewal,
    consensus::Member,
    lease_clock::Clock,
    raft_types::{LogId, TypeConfig},
    request::Request,
    shared_question::SharedQuestion,
};

/// Most bytes of proposals under way; further ones wait. Bounds memory whatever the number of clients.
const IN_FLIGHT_BYTES_MAX: usize = 256 << 20;

/// What one permit of the bound stands for.
const PERMIT_BYTES: usize = 1024;

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is committed, and applied by the leader.
    Committed,
    /// It is in no log: it can be proposed again.
    NotLeader,
    /// It may or may not be committed.
    Unknown,
}

/// What became of the question for a read index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadIndex {
    /// Whoever has applied this has applied every write that was answered before the question.
    Confirmed(LogId),
    /// Another member leads, or none.
    NotLeader,
    /// A majority did not confirm that this member leads.
    NoQuorum,
}

/// Takes what became of a proposal to whoever waits for it, and until then its room of what may be under way.
pub(crate) struct Answer<T> {
    sender: oneshot::Sender<T>,
    _room: OwnedSemaphorePermit,
}

impl<T: OptionalSend + 'static> Responder<TypeConfig, T> for Answer<T> {
    fn on_complete(self, answer: T) {
        // Whoever gave up needs none.
        let _ = self.sender.send(answer);
    }
}

/// Between two looks whether what a lease had left is in the log: about as long as that takes.
const NOTING_PAUSE: Duration = Duration::from_millis(2);

/// This member as a leader. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lead {
    pub(crate) raft: Member,
    in_flight: Arc<Semaphore>,
    /// One change of the membership at a time: the next one waits instead of failing.
    pub(crate) changing: Arc<Mutex<()>>,
    pub(crate) clock: Clock,
    pub(crate) election: Duration,
    /// Whether this member leads: one answer for all leases that are renewed meanwhile.
    leads: SharedQuestion<bool>,
}

impl Lead {
    pub(crate) fn new(raft: Member, clock: Clock, election: Duration) -> Self {
        let asked = raft.clone();
        let leads = SharedQuestion::new(move || {
            let raft = asked.clone();
            async move { matches!(read_index(&raft).await, ReadIndex::Confirmed(_)) }
        });
        Self {
            raft,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX / PERMIT_BYTES)),
            changing: Arc::default(),
            clock,
            election,
            leads,
        }
    }

    /// Puts a request into the log and waits until it is committed and applied here. A caller that gives up does not take its entry
    /// out of the queue, nor its bytes out of the bound.
    pub(crate) async fn propose(&self, request: Request) -> Fate {
        let permits = u32::try_from(request.encoded_len() / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
        let Ok(room) = self.in_flight.clone().acquire_many_owned(permits).await else { return Fate::NotLeader };
        let (sender, written) = oneshot::channel();
        if self.raft.client_write_ff(request, Some(Answer { sender, _room: room })).await.is_err() {
            return Fate::Unknown;
        }
        match written.await {
            Ok(Ok(_)) => Fate::Committed,
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => Fate::NotLeader,
            Ok(Err(_)) | Err(_) => Fate::Unknown,
        }
    }

    /// How far the log must be applied for a linearizable read that begins now.
    pub(crate) async fn read_index(&self) -> ReadIndex {
        read_index(&self.raft).await
    }

    /// Starts a lease's time anew on this member's clock. That this member led is confirmed after it, so that a next
    /// leader has begun its own clock later.
    pub(crate) async fn renew_lease(&self, id: i64, ttl_seconds: i64) -> Renewal {
        let renewal = loop {
            match self.clock.renew(id, ttl_seconds) {
                Renewal::Noting => tokio::time::sleep(NOTING_PAUSE).await,
                renewal => break renewal,
            }
        };
        if self.leads.ask().await == Some(true) { renewal } else { Renewal::NotPrimary }
    }
}

async fn read_index(raft: &Member) -> ReadIndex {
    use openraft::errors::LinearizableReadError::ForwardToLeader;
    match raft.get_read_log_id(ReadPolicy::ReadIndex).await {
        Ok((read, _)) => ReadIndex::Confirmed(*read.log_id()),
        Err(RaftError::APIError(ForwardToLeader(_)) | RaftError::Fatal(_)) => ReadIndex::NotLeader,
        Err(RaftError::APIError(_)) => ReadIndex::NoQuorum,
    }
}
