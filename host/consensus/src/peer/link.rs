//! openraft's network: one link to one member for one purpose.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    sync::Arc,
    time::Duration,
};

use futures::Stream;
use openraft::{
    AnyError, RaftNetworkFactory, RaftNetworkV2,
    base::{BoxFuture, BoxStream},
    errors::{RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::{Backoff, RPCOption},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    type_config::alias::SnapshotOf,
};
use store::Store;
use tonic::{Code, Request};

use super::{
    append,
    peers::{Client, Peers},
    snapshot, wire,
};
use crate::{
    PeerNode,
    metrics::PeerMetrics,
    raft_types::{TypeConfig, Vote},
    snapshots::Checkpoint,
};

/// The first wait before a member that could not be reached is tried again. It doubles up to [`BACKOFF_MAX`].
const BACKOFF_FIRST: Duration = Duration::from_millis(20);

/// The longest: a member that comes back is found again well within an election timeout.
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Makes links to members.
pub(crate) struct PeerLinks {
    pub(crate) peers: Arc<Peers>,
    /// How long a member may take to answer.
    pub(crate) patience: Duration,
    pub(crate) metrics: PeerMetrics,
    /// To be told when what it sent was damaged.
    pub(crate) store: Store,
}

/// A link to a member, with a connection of its own.
pub(crate) struct PeerLink {
    target: u64,
    client: Client,
    patience: Duration,
    metrics: PeerMetrics,
    store: Store,
    /// Whether the member answered last time: what changes is logged, not each try.
    reached: Option<bool>,
}

/// The member could not be reached, or its answer makes no sense.
pub(super) fn unreachable(reason: impl std::fmt::Display) -> RPCError<TypeConfig> {
    let error = io::Error::new(io::ErrorKind::NotConnected, reason.to_string());
    RPCError::Unreachable(Unreachable::new(&AnyError::new(&error)))
}

impl RaftNetworkFactory<TypeConfig> for PeerLinks {
    type Network = PeerLink;

    async fn new_client(&mut self, target: u64, node: &PeerNode) -> PeerLink {
        let client = self.peers.connect(target, node);
        let (metrics, store) = (self.metrics.clone(), self.store.clone());
        PeerLink { target, client, patience: self.patience, metrics, store, reached: None }
    }
}

impl RaftNetworkV2<TypeConfig> for PeerLink {
    type SnapshotData = Checkpoint;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        // openraft appends by `stream_append` alone.
        Err(unreachable("entries are appended by streams only"))
    }

    fn stream_append<'s, S>(
        &'s mut self,
        requests: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>>, RPCError<TypeConfig>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + openraft::OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let begun = append::append(self.client.clone(), requests, self.patience, self.counts()).await;
            self.note(begun.as_ref().err());
            let answers: BoxStream<'s, _> = begun?;
            Ok(answers)
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.ask_for_vote(wire::vote_request(&request, false), option.hard_ttl()).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.ask_for_vote(wire::vote_request(&request, true), option.hard_ttl()).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, Checkpoint>,
        cancel: impl Future<Output = ReplicationClosed> + openraft::OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        tokio::select! {
            sent = snapshot::send(self.client.clone(), snapshot.snapshot.dir, &vote) => {
                self.metrics.snapshot_sent(self.target, sent.is_ok());
                if sent.as_ref().is_err_and(|status| status.code() == Code::DataLoss) {
                    self.store.tell_damage("another member found a snapshot of this one damaged".to_owned());
                }
                let vote = sent.inspect_err(|status| tracing::warn!(%status, "a snapshot was not sent"));
                Ok(SnapshotResponse { vote: vote.map_err(unreachable)? })
            }
            closed = cancel => Err(closed.into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        let mut message = Request::new(wire::transfer_request(&request));
        message.set_timeout(option.hard_ttl());
        let response = self.client.transfer_leader(message).await.map_err(unreachable)?;
        wire::read_transfer_response(response.into_inner(), &request).map_err(unreachable)
    }

    fn backoff(&self) -> Option<Backoff> {
        let mut wait = BACKOFF_FIRST;
        Some(Backoff::new(std::iter::from_fn(move || {
            let this = jittered(wait);
            wait = (wait * 2).min(BACKOFF_MAX);
            Some(this)
        })))
    }
}

impl PeerLink {
    fn counts(&self) -> append::Counts {
        append::Counts { member: self.target, metrics: self.metrics.clone() }
    }

    fn note(&mut self, error: Option<&RPCError<TypeConfig>>) {
        let member = format!("{:x}", self.target);
        match error {
            Some(error) if self.reached != Some(false) => tracing::warn!(member, %error, "a member cannot be reached"),
            None if self.reached == Some(false) => tracing::info!(member, "a member can be reached again"),
            _ => {}
        }
        self.reached = Some(error.is_none());
        self.metrics.reached(self.target, error.is_none());
    }

    async fn ask_for_vote(
        &mut self,
        request: proto::peer::VoteRequest,
        within: Duration,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let mut request = Request::new(request);
        request.set_timeout(within);
        let response = self.client.vote(request).await.map_err(unreachable)?;
        wire::read_vote_response(response.into_inner()).map_err(unreachable)
    }
}

/// Between half of a wait and all of it, so that members that lost each other do not come back in step.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().hash_one(wait) % 512;
    wait / 2 + wait.mul_f64(random as f64 / 1024.0)
}
