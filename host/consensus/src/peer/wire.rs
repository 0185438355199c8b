//! openraft's types on the wire and back.

use std::collections::BTreeMap;

use openraft::{
    raft::{
        AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderError, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    vote::RaftLeaderId as _,
};
use proto::peer::{
    self, append_response, change_membership_request, change_membership_response, hash_response, lease_times_response,
    propose_response, read_index_response, renew_lease_response, transfer_leader_response,
};
use store::HashKv;
use tonic::Status;

use crate::{
    ConsensusError, MemberHash, MembershipChange, PeerNode, Renewal, codec,
    lead::{Fate, ReadIndex},
    membership::AskedChange,
    raft_types::{LogId, TypeConfig, Vote},
};

pub(super) fn log_id(log_id: &LogId) -> peer::LogId {
    peer::LogId { term: log_id.leader_id.term, index: log_id.index }
}

pub(super) fn read_log_id(log_id: peer::LogId) -> LogId {
    LogId::new_term_index(log_id.term, log_id.index)
}

pub(super) fn ballot(vote: &Vote) -> peer::Ballot {
    peer::Ballot { term: vote.leader_id.term, voted_for: vote.leader_id.voted_for, committed: vote.committed }
}

/// What is absent is refused: no member leaves it out.
pub(super) fn read_ballot(ballot: Option<peer::Ballot>) -> Result<Vote, Status> {
    let ballot = ballot.ok_or_else(|| Status::invalid_argument("a ballot is missing"))?;
    let leader_id = openraft::type_config::alias::LeaderIdOf::<TypeConfig>::new(ballot.term, ballot.voted_for);
    Ok(Vote { leader_id, committed: ballot.committed })
}

pub(super) fn append_request(request: AppendEntriesRequest<TypeConfig>) -> peer::AppendRequest {
    peer::AppendRequest {
        leader: Some(ballot(&request.vote)),
        previous: request.prev_log_id.as_ref().map(log_id),
        entries: request.entries.into_iter().map(codec::encode_entry).collect(),
        committed: request.leader_commit.as_ref().map(log_id),
    }
}

pub(super) fn read_append_request(request: peer::AppendRequest) -> Result<AppendEntriesRequest<TypeConfig>, Status> {
    let entries: Result<Vec<_>, _> = request.entries.into_iter().map(codec::decode_entry).collect();
    Ok(AppendEntriesRequest {
        vote: read_ballot(request.leader)?,
        prev_log_id: request.previous.map(read_log_id),
        entries: entries.map_err(|error| Status::invalid_argument(error.to_string()))?,
        leader_commit: request.committed.map(read_log_id),
    })
}

pub(super) fn append_response(result: StreamAppendResult<TypeConfig>) -> peer::AppendResponse {
    use append_response::Kind;
    let (kind, matching, higher) = match result {
        Ok(matching) => (Kind::Accepted, matching, None),
        Err(StreamAppendError::Conflict(conflicting)) => (Kind::Conflict, Some(conflicting), None),
        Err(StreamAppendError::HigherVote(higher)) => (Kind::HigherBallot, None, Some(ballot(&higher))),
    };
    peer::AppendResponse { log_id: matching.as_ref().map(log_id), kind: kind.into(), higher }
}

pub(super) fn read_append_response(response: peer::AppendResponse) -> Result<StreamAppendResult<TypeConfig>, Status> {
    use append_response::Kind;
    match Kind::try_from(response.kind) {
        Ok(Kind::Accepted) => Ok(Ok(response.log_id.map(read_log_id))),
        Ok(Kind::Conflict) => {
            let conflicting = response.log_id.ok_or_else(|| Status::internal("a conflict without its entry"))?;
            Ok(Err(StreamAppendError::Conflict(read_log_id(conflicting))))
        }
        Ok(Kind::HigherBallot) => Ok(Err(StreamAppendError::HigherVote(read_ballot(response.higher)?))),
        Err(_) => Err(Status::internal("an answer of a later version")),
    }
}

pub(super) fn vote_request(request: &VoteRequest<TypeConfig>, pre_vote: bool) -> peer::VoteRequest {
    peer::VoteRequest {
        ballot: Some(ballot(&request.vote)),
        last_log_id: request.last_log_id.as_ref().map(log_id),
        pre_vote,
        leadership_transfer: request.leadership_transfer,
    }
}

pub(super) fn read_vote_request(request: peer::VoteRequest) -> Result<VoteRequest<TypeConfig>, Status> {
    Ok(VoteRequest {
        vote: read_ballot(request.ballot)?,
        last_log_id: request.last_log_id.map(read_log_id),
        leadership_transfer: request.leadership_transfer,
    })
}

pub(super) fn vote_response(response: &VoteResponse<TypeConfig>) -> peer::VoteResponse {
    peer::VoteResponse {
        ballot: Some(ballot(&response.vote)),
        granted: response.vote_granted,
        last_log_id: response.last_log_id.as_ref().map(log_id),
    }
}

pub(super) fn read_vote_response(response: peer::VoteResponse) -> Result<VoteResponse<TypeConfig>, Status> {
    Ok(VoteResponse {
        vote: read_ballot(response.ballot)?,
        vote_granted: response.granted,
        last_log_id: response.last_log_id.map(read_log_id),
    })
}

pub(super) fn transfer_request(request: &TransferLeaderRequest<TypeConfig>) -> peer::TransferLeaderRequest {
    peer::TransferLeaderRequest {
        leader: Some(ballot(request.from_leader())),
        to: *request.to_node_id(),
        last_log_id: request.last_log_id().map(log_id),
    }
}

pub(super) fn read_transfer_request(
    request: peer::TransferLeaderRequest,
) -> Result<TransferLeaderRequest<TypeConfig>, Status> {
    let last_log_id = request.last_log_id.map(read_log_id);
    Ok(TransferLeaderRequest::new(read_ballot(request.leader)?, request.to, last_log_id))
}

/// What was expected is not sent back: the leader knows what it asked for.
pub(super) fn transfer_response(response: TransferLeaderResponse<TypeConfig>) -> peer::TransferLeaderResponse {
    use transfer_leader_response::Kind;
    let (kind, found_ballot, found) = match response {
        Ok(()) => (Kind::Accepted, None, None),
        Err(TransferLeaderError::VoteChanged { actual, .. }) => (Kind::BallotChanged, Some(ballot(&actual)), None),
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => (Kind::NotFlushed, None, actual),
    };
    peer::TransferLeaderResponse { kind: kind.into(), ballot: found_ballot, log_id: found.as_ref().map(log_id) }
}

pub(super) fn read_transfer_response(
    response: peer::TransferLeaderResponse,
    asked: &TransferLeaderRequest<TypeConfig>,
) -> Result<TransferLeaderResponse<TypeConfig>, Status> {
    use transfer_leader_response::Kind;
    match Kind::try_from(response.kind) {
        Ok(Kind::Accepted) => Ok(Ok(())),
        Ok(Kind::BallotChanged) => Ok(Err(TransferLeaderError::VoteChanged {
            expected: *asked.from_leader(),
            actual: read_ballot(response.ballot)?,
        })),
        Ok(Kind::NotFlushed) => Ok(Err(TransferLeaderError::LogNotFlushed {
            expected: asked.last_log_id().copied(),
            actual: response.log_id.map(read_log_id),
        })),
        Err(_) => Err(Status::internal("an answer of a later version")),
    }
}

pub(crate) fn fate(fate: Fate) -> peer::ProposeResponse {
    use propose_response::Kind;
    let kind = match fate {
        Fate::Committed => Kind::Committed,
        Fate::NotLeader => Kind::NotLeader,
        Fate::Unknown => Kind::Unknown,
    };
    peer::ProposeResponse { kind: kind.into(), number: 0 }
}

pub(crate) fn read_fate(response: peer::ProposeResponse) -> Fate {
    use propose_response::Kind;
    match Kind::try_from(response.kind) {
        Ok(Kind::Committed) => Fate::Committed,
        Ok(Kind::NotLeader) => Fate::NotLeader,
        Ok(Kind::Unknown) | Err(_) => Fate::Unknown,
    }
}

pub(crate) fn read_read_index(response: peer::ReadIndexResponse) -> ReadIndex {
    use read_index_response::Kind;
    match (Kind::try_from(response.kind), response.log_id) {
        (Ok(Kind::Confirmed), Some(log_id)) => ReadIndex::Confirmed(read_log_id(log_id)),
        (Ok(Kind::NoQuorum), _) => ReadIndex::NoQuorum,
        _ => ReadIndex::NotLeader,
    }
}

pub(crate) fn change(AskedChange { change, strict }: AskedChange) -> peer::ChangeMembershipRequest {
    use change_membership_request::Kind;
    let (kind, member_id, peer_urls) = match change {
        MembershipChange::AddLearner(id, node) => (Kind::AddLearner, id, node.peer_urls),
        MembershipChange::AddVoter(id, node) => (Kind::AddVoter, id, node.peer_urls),
        MembershipChange::Promote(id) => (Kind::Promote, id, Vec::new()),
        MembershipChange::Remove(id) => (Kind::Remove, id, Vec::new()),
        MembershipChange::SetPeerUrls(id, urls) => (Kind::SetPeerUrls, id, urls),
    };
    peer::ChangeMembershipRequest { kind: kind.into(), member_id, peer_urls, strict }
}

pub(super) fn read_change(request: peer::ChangeMembershipRequest) -> Result<AskedChange, Status> {
    use change_membership_request::Kind;
    let (id, peer_urls) = (request.member_id, request.peer_urls);
    let change = match Kind::try_from(request.kind) {
        Ok(Kind::AddLearner) => MembershipChange::AddLearner(id, PeerNode { peer_urls }),
        Ok(Kind::AddVoter) => MembershipChange::AddVoter(id, PeerNode { peer_urls }),
        Ok(Kind::Promote) => MembershipChange::Promote(id),
        Ok(Kind::Remove) => MembershipChange::Remove(id),
        Ok(Kind::SetPeerUrls) => MembershipChange::SetPeerUrls(id, peer_urls),
        Err(_) => return Err(Status::invalid_argument("a change of a later version")),
    };
    Ok(AskedChange { change, strict: request.strict })
}

pub(super) fn change_response(changed: Result<LogId, ConsensusError>) -> peer::ChangeMembershipResponse {
    use change_membership_response::Kind;
    let kind = match changed {
        Ok(_) => Kind::Done,
        Err(ConsensusError::NotLeader | ConsensusError::NoLeader) => Kind::NotLeader,
        Err(ConsensusError::MembershipChanging) => Kind::InProgress,
        Err(ConsensusError::NoSuchMember) => Kind::NoSuchMember,
        Err(ConsensusError::LearnerNotReady) => Kind::NotInSync,
        Err(ConsensusError::NotLearner) => Kind::NotLearner,
        Err(ConsensusError::LastVoter) => Kind::LastVoter,
        Err(ConsensusError::Unhealthy) => Kind::Unhealthy,
        Err(ConsensusError::LeaderChanged | ConsensusError::Timeout | ConsensusError::Stopped) => Kind::Unknown,
    };
    peer::ChangeMembershipResponse { kind: kind.into(), log_id: changed.ok().as_ref().map(log_id) }
}

pub(crate) fn read_change_response(response: peer::ChangeMembershipResponse) -> Result<LogId, ConsensusError> {
    use change_membership_response::Kind;
    match (Kind::try_from(response.kind), response.log_id) {
        (Ok(Kind::Done), Some(log_id)) => Ok(read_log_id(log_id)),
        (Ok(Kind::NotLeader), _) => Err(ConsensusError::NotLeader),
        (Ok(Kind::InProgress), _) => Err(ConsensusError::MembershipChanging),
        (Ok(Kind::NoSuchMember), _) => Err(ConsensusError::NoSuchMember),
        (Ok(Kind::NotInSync), _) => Err(ConsensusError::LearnerNotReady),
        (Ok(Kind::NotLearner), _) => Err(ConsensusError::NotLearner),
        (Ok(Kind::LastVoter), _) => Err(ConsensusError::LastVoter),
        (Ok(Kind::Unhealthy), _) => Err(ConsensusError::Unhealthy),
        (Ok(Kind::Done | Kind::Unknown) | Err(_), _) => Err(ConsensusError::LeaderChanged),
    }
}

pub(super) fn renewal(renewal: Renewal) -> peer::RenewLeaseResponse {
    use renew_lease_response::Kind;
    let kind = match renewal {
        Renewal::Renewed => Kind::Renewed,
        Renewal::Expired => Kind::Expired,
        Renewal::NotPrimary | Renewal::Noting => Kind::NotLeader,
    };
    peer::RenewLeaseResponse { kind: kind.into() }
}

pub(crate) fn read_renewal(response: peer::RenewLeaseResponse) -> Renewal {
    use renew_lease_response::Kind;
    match Kind::try_from(response.kind) {
        Ok(Kind::Renewed) => Renewal::Renewed,
        Ok(Kind::Expired) => Renewal::Expired,
        Ok(Kind::NotLeader) | Err(_) => Renewal::NotPrimary,
    }
}

pub(super) fn lease_times(left: Option<BTreeMap<i64, i64>>) -> peer::LeaseTimesResponse {
    use lease_times_response::{Kind, Left};
    let kind = if left.is_some() { Kind::Known } else { Kind::NotLeader };
    let left = left.into_iter().flatten().map(|(id, nanoseconds)| Left { id, nanoseconds }).collect();
    peer::LeaseTimesResponse { kind: kind.into(), left }
}

pub(crate) fn read_lease_times(response: peer::LeaseTimesResponse) -> Option<BTreeMap<i64, i64>> {
    use lease_times_response::Kind;
    let known = Kind::try_from(response.kind) == Ok(Kind::Known);
    known.then(|| response.left.into_iter().map(|left| (left.id, left.nanoseconds)).collect())
}

pub(super) fn hash(MemberHash { newest_revision, found }: MemberHash) -> peer::HashResponse {
    use hash_response::Kind;
    match found {
        Some(HashKv { hash, compact_revision, resealed, .. }) => {
            peer::HashResponse { kind: Kind::Known.into(), hash, compact_revision, newest_revision, resealed }
        }
        None => peer::HashResponse { kind: Kind::NotThere.into(), newest_revision, ..Default::default() },
    }
}

pub(crate) fn read_hash(response: &peer::HashResponse, revision: i64) -> MemberHash {
    use hash_response::Kind;
    let known = Kind::try_from(response.kind) == Ok(Kind::Known);
    let &peer::HashResponse { hash, compact_revision, newest_revision, resealed, .. } = response;
    let found = known.then_some(HashKv { hash, compact_revision, hash_revision: revision, resealed });
    MemberHash { newest_revision, found }
}
