//! What this member answers to others.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use futures::{Stream, StreamExt as _, future};
use openraft::{
    async_runtime::watch::WatchReceiver as _,
    raft::{AppendEntriesRequest, StreamAppendResult},
};
use prost::Message as _;
use proto::peer::{
    AppendRequest, AppendResponse, ChangeMembershipRequest, ChangeMembershipResponse, HashRequest, HashResponse,
    LeaseTimesRequest, LeaseTimesResponse, PrepareRequest, PrepareResponse, ProposeRequest, ProposeResponse,
    ProveKeyRequest, ProveKeyResponse, ReadIndexRequest, ReadIndexResponse, RenewLeaseRequest, RenewLeaseResponse,
    SnapshotInstalled, SnapshotRequest, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse, VoteRequest,
    VoteResponse,
    peer_server::{Peer, PeerServer},
    read_index_response,
    snapshot_response::Answer,
};
use store::{ALARM_CORRUPT, AlarmRecord, ReadError, Store, StoreError, View};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, service::Routes};

use super::{
    MESSAGE_BYTES_MAX,
    introduction::Introduction,
    proposals::UNDER_WAY_MAX,
    snapshot::{self, Receiving, Serving, StateOf},
    wire,
};
use crate::{
    MemberHash, Preparation,
    consensus::Member,
    lead::{Lead, ReadIndex},
    leadership::Contact,
    leisure::{at_leisure, unhurried},
    metrics::PeerMetrics,
    raft_types::{TypeConfig, Vote},
    request, snapshots,
};

/// How long a component that is in the log may take to arrive, and how often it is looked for.
const COMPONENT_WAIT_MAX: Duration = Duration::from_secs(30);
const COMPONENT_LOOK: Duration = Duration::from_millis(50);

/// The peer service of this member.
#[derive(Clone)]
pub(crate) struct PeerService {
    pub(crate) introduction: Introduction,
    pub(crate) raft: Member,
    pub(crate) lead: Lead,
    pub(crate) contact: Contact,
    pub(crate) receiving: Receiving,
    pub(crate) serving: Serving,
    pub(crate) preparation: Arc<dyn Preparation>,
    pub(crate) store: Store,
    pub(crate) metrics: PeerMetrics,
}

/// Returns once this member takes part no longer: a stream on which nothing more comes would keep its listener open.
async fn ended(raft: Member) {
    let mut state = raft.server_metrics();
    while state.changed().await.is_ok() {}
}

/// The service as routes, for the peer listener.
pub(crate) fn routes(service: PeerService) -> Router {
    let server = PeerServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    Routes::new(server).prepare().into_axum_router()
}

/// What a member that asked for the state is sent.
type State =
    futures::stream::Map<ReceiverStream<SnapshotRequest>, fn(SnapshotRequest) -> Result<SnapshotRequest, Status>>;

/// What became of proposals, as soon as that is known of each.
type Fates = Pin<Box<dyn Stream<Item = Result<ProposeResponse, Status>> + Send>>;

type Answers = Pin<Box<dyn Stream<Item = Result<AppendResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Peer for PeerService {
    type AppendStream = Answers;
    type ProposeAllStream = Fates;
    type SnapshotStream = ReceiverStream<Result<SnapshotResponse, Status>>;
    type FetchStateStream = State;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Result<Response<Answers>, Status> {
        let (from, metrics) = (self.check(&request)?, self.metrics.clone());
        // The first request that cannot be read ends the stream; the leader begins another one.
        let requests = request.into_inner().map(move |request| {
            let request = request?;
            metrics.received(from, request.encoded_len());
            wire::read_append_request(request)
        });
        let requests = requests
            .map(readable)
            .take_while(|request| future::ready(request.is_some()))
            .filter_map(future::ready)
            .boxed();
        let contact = self.contact.clone();
        let answers = self.raft.stream_append(requests).map(move |result| {
            let result = result.map_err(stopped)?;
            contact.note(&result);
            Ok(wire::append_response(result))
        });
        Ok(Response::new(Box::pin(answers.take_until(ended(self.raft.clone())))))
    }

    async fn vote(&self, request: Request<VoteRequest>) -> Result<Response<VoteResponse>, Status> {
        let from = self.check(&request)?;
        // It may not know it yet, or be one of those that a member which goes on alone has left behind; its term may be higher.
        let cluster =
            self.store.view(|view| view.cluster()).map_err(|error: StoreError| Status::internal(error.to_string()))?;
        if cluster.removed.contains(&from) {
            return Err(Status::failed_precondition("the caller was removed from the cluster"));
        }
        let request = request.into_inner();
        let pre_vote = request.pre_vote;
        let request = wire::read_vote_request(request)?;
        let response = if pre_vote { self.raft.pre_vote(request).await } else { self.raft.vote(request).await };
        Ok(Response::new(wire::vote_response(&response.map_err(stopped)?)))
    }

    async fn transfer_leader(
        &self,
        request: Request<TransferLeaderRequest>,
    ) -> Result<Response<TransferLeaderResponse>, Status> {
        self.check(&request)?;
        let request = wire::read_transfer_request(request.into_inner())?;
        let response = self.raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(wire::transfer_response(response)))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<SnapshotRequest>>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        let from = self.check(&request)?;
        let (answers, stream) = mpsc::channel(1);
        let (service, requests) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            let install = |dir, leader| service.install(dir, leader);
            let installed = snapshot::receive(service.receiving.clone(), requests, &answers, install).await;
            service.metrics.snapshot_received(from, installed.is_ok());
            let answer = installed.map(|ballot| SnapshotInstalled { ballot: Some(wire::ballot(&ballot)) });
            if let Err(status) = &answer {
                tracing::warn!(%status, "a snapshot was not taken in");
            }
            // A leader that has gone away sends it again, or has another one.
            let _ = answers.send(answer.map(|done| SnapshotResponse { answer: Some(Answer::Installed(done)) })).await;
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn fetch_state(&self, request: Request<Streaming<SnapshotResponse>>) -> Result<Response<State>, Status> {
        let from = self.check(&request)?;
        let is_leaders = StateOf::asked_by(&request) == StateOf::Leader;
        if is_leaders && !matches!(self.lead.read_index().await, ReadIndex::Confirmed(_)) {
            return Err(Status::failed_precondition("this member does not lead"));
        }
        let own = AlarmRecord { kind: ALARM_CORRUPT, member_id: self.introduction.member_id };
        let alarms =
            self.store.view(|view| view.alarms()).map_err(|error: StoreError| Status::internal(error.to_string()))?;
        if alarms.contains(&own) {
            return Err(Status::failed_precondition("this member's own state differs from that of the others"));
        }
        let leader = self.raft.metrics().borrow_watched().vote;
        let requests = self.serving.serve(self.store.clone(), leader, request.into_inner())?;
        tracing::info!(member = format!("{from:x}"), "a member asks for the state");
        let whole: fn(SnapshotRequest) -> Result<SnapshotRequest, Status> = Ok;
        Ok(Response::new(ReceiverStream::new(requests).map(whole)))
    }

    /// What members of before protocol version 2 ask.
    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeResponse>, Status> {
        self.check(&request)?;
        Ok(Response::new(self.lead.clone().take(request.into_inner()).await?))
    }

    async fn propose_all(&self, request: Request<Streaming<ProposeRequest>>) -> Result<Response<Fates>, Status> {
        self.check(&request)?;
        let lead = self.lead.clone();
        let fates = request.into_inner().map(move |request| {
            let lead = lead.clone();
            async move { lead.take(request?).await }
        });
        // A refusal does not wait behind what is in the log.
        let fates = fates.buffer_unordered(UNDER_WAY_MAX).take_until(ended(self.raft.clone()));
        Ok(Response::new(Box::pin(fates)))
    }

    async fn read_index(&self, request: Request<ReadIndexRequest>) -> Result<Response<ReadIndexResponse>, Status> {
        use read_index_response::Kind;
        self.check(&request)?;
        let (kind, log_id) = match self.lead.read_index().await {
            ReadIndex::Confirmed(log_id) => (Kind::Confirmed, Some(wire::log_id(&log_id))),
            ReadIndex::NotLeader => (Kind::NotLeader, None),
            ReadIndex::NoQuorum => (Kind::NoQuorum, None),
        };
        Ok(Response::new(ReadIndexResponse { kind: kind.into(), log_id }))
    }

    async fn renew_lease(&self, request: Request<RenewLeaseRequest>) -> Result<Response<RenewLeaseResponse>, Status> {
        self.check(&request)?;
        let RenewLeaseRequest { id, ttl_seconds } = request.into_inner();
        Ok(Response::new(wire::renewal(self.lead.renew_lease(id, ttl_seconds).await)))
    }

    async fn lease_times(&self, request: Request<LeaseTimesRequest>) -> Result<Response<LeaseTimesResponse>, Status> {
        self.check(&request)?;
        Ok(Response::new(wire::lease_times(self.lead.clock.left(&request.into_inner().ids))))
    }

    async fn hash(&self, request: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        self.check(&request)?;
        let (store, revision) = (self.store.clone(), request.into_inner().revision);
        let found = unhurried(store, move |view| hash_of(view, revision)).await.map_err(stopped)?;
        Ok(Response::new(wire::hash(found.map_err(|error| Status::internal(error.to_string()))?)))
    }

    async fn prepare(&self, request: Request<PrepareRequest>) -> Result<Response<PrepareResponse>, Status> {
        self.check(&request)?;
        let PrepareRequest { digest, signature } = request.into_inner();
        // It may not have come so far in the log yet.
        let begun = Instant::now();
        while !self.has_component(&digest)? {
            if begun.elapsed() > COMPONENT_WAIT_MAX {
                return Err(Status::unavailable("it has not received the component"));
            }
            tokio::time::sleep(COMPONENT_LOOK).await;
        }
        let preparation = self.preparation.clone();
        let prepared =
            tokio::task::spawn_blocking(move || preparation.prepare(&digest, &signature)).await.map_err(stopped)?;
        Ok(Response::new(PrepareResponse { refusal: prepared.err().unwrap_or_default() }))
    }

    async fn prove_key(&self, request: Request<ProveKeyRequest>) -> Result<Response<ProveKeyResponse>, Status> {
        self.check(&request)?;
        let (preparation, record) = (self.preparation.clone(), request.into_inner().record);
        let proved = tokio::task::spawn_blocking(move || preparation.prove_key(&record)).await.map_err(stopped)?;
        Ok(Response::new(ProveKeyResponse { refusal: proved.err().unwrap_or_default() }))
    }

    async fn change_membership(
        &self,
        request: Request<ChangeMembershipRequest>,
    ) -> Result<Response<ChangeMembershipResponse>, Status> {
        self.check(&request)?;
        let change = wire::read_change(request.into_inner())?;
        Ok(Response::new(wire::change_response(self.lead.change_membership(change).await)))
    }
}

impl Lead {
    /// Carries out what another member proposes.
    async fn take(self, request: ProposeRequest) -> Result<ProposeResponse, Status> {
        let ProposeRequest { request, number } = request;
        let request =
            request::Request::decode(request).map_err(|_| Status::invalid_argument("a proposal cannot be read"))?;
        Ok(ProposeResponse { number, ..wire::fate(self.propose(request).await) })
    }
}

impl PeerService {
    fn has_component(&self, digest: &[u8]) -> Result<bool, Status> {
        let found = self.store.view(|view| view.component(digest));
        Ok(found.map_err(|error: StoreError| Status::internal(error.to_string()))?.is_some())
    }

    async fn install(&self, dir: PathBuf, leader: Vote) -> Result<Vote, Status> {
        // Its files are as they were sent; that they were sent as they were written is another matter.
        let checked = at_leisure(move || Ok(Store::verify_checkpoint(&dir).map(|()| snapshots::received(&dir)))).await;
        let snapshot = match checked.map_err(stopped)? {
            Ok(snapshot) => snapshot.map_err(|error| Status::internal(error.to_string()))?,
            Err(error) if error.is_damage() => {
                return Err(Status::data_loss(format!("the snapshot is damaged: {error}")));
            }
            Err(error) => return Err(Status::internal(error.to_string())),
        };
        let response = self.raft.install_full_snapshot(leader, snapshot).await.map_err(stopped)?;
        Ok(response.vote)
    }

    fn check<T>(&self, request: &Request<T>) -> Result<u64, Status> {
        self.introduction.check(request.metadata())
    }
}

fn hash_of(view: &View<'_>, revision: i64) -> Result<MemberHash, StoreError> {
    let newest_revision = view.revision()?;
    match view.hash_kv(revision) {
        Ok(found) => Ok(MemberHash { newest_revision, found: Some(found) }),
        Err(ReadError::Refused(_)) => Ok(MemberHash { newest_revision, found: None }),
        Err(ReadError::Store(error)) => Err(error),
    }
}

/// What became of an append counts as a sign of life of the leader unless it was refused for its term.
impl Contact {
    fn note(&self, result: &StreamAppendResult<TypeConfig>) {
        use openraft::raft::StreamAppendError::HigherVote;
        if !matches!(result, Err(HigherVote(_))) {
            self.touch();
        }
    }
}

/// Also the end of the connection comes as an error.
fn readable(request: Result<AppendEntriesRequest<TypeConfig>, Status>) -> Option<AppendEntriesRequest<TypeConfig>> {
    request.inspect_err(|status| tracing::debug!(%status, "a stream of entries ended")).ok()
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}
