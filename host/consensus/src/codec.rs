//! How openraft's types lie on disk: protobuf, so that later versions can add to them.

use std::{collections::BTreeSet, io};

use bytes::Bytes;
use openraft::{EntryPayload, Membership, entry::RaftEntry as _, vote::RaftLeaderId as _};
use prost::Message;
use store::Command;

use crate::{
    node::PeerNode,
    raft_types::{Entry, LogId, StoredMembership, TypeConfig, Vote},
    request::{Origin, Request},
};

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct LogIdBytes {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    index: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct VoteBytes {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    voted_for: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Voters {
    #[prost(uint64, repeated, tag = "1")]
    ids: Vec<u64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct NodeBytes {
    #[prost(uint64, tag = "1")]
    id: u64,
    /// Once one address was all that a member had.
    #[prost(string, repeated, tag = "2")]
    peer_urls: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct MembershipBytes {
    #[prost(message, optional, tag = "1")]
    log_id: Option<LogIdBytes>,
    #[prost(message, repeated, tag = "2")]
    configs: Vec<Voters>,
    #[prost(message, repeated, tag = "3")]
    nodes: Vec<NodeBytes>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct EntryBytes {
    #[prost(message, required, tag = "1")]
    log_id: LogIdBytes,
    #[prost(message, optional, tag = "2")]
    command: Option<Command>,
    #[prost(message, optional, tag = "3")]
    membership: Option<MembershipBytes>,
    #[prost(message, optional, tag = "4")]
    origin: Option<Origin>,
}

fn invalid(what: &'static str) -> impl Fn(prost::DecodeError) -> io::Error {
    move |source| io::Error::new(io::ErrorKind::InvalidData, format!("{what} cannot be read: {source}"))
}

impl From<&LogId> for LogIdBytes {
    fn from(log_id: &LogId) -> Self {
        Self { term: log_id.leader_id.term, index: log_id.index }
    }
}

impl From<LogIdBytes> for LogId {
    fn from(bytes: LogIdBytes) -> Self {
        Self::new_term_index(bytes.term, bytes.index)
    }
}

pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    LogIdBytes::from(log_id).encode_to_vec().into()
}

pub(crate) fn decode_log_id(bytes: Bytes) -> io::Result<LogId> {
    LogIdBytes::decode(bytes).map(LogId::from).map_err(invalid("a log id"))
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let bytes = VoteBytes { term: vote.leader_id.term, voted_for: vote.leader_id.voted_for, committed: vote.committed };
    bytes.encode_to_vec().into()
}

pub(crate) fn decode_vote(bytes: Bytes) -> io::Result<Vote> {
    let bytes = VoteBytes::decode(bytes).map_err(invalid("a vote"))?;
    let leader_id = openraft::type_config::alias::LeaderIdOf::<TypeConfig>::new(bytes.term, bytes.voted_for);
    Ok(Vote { leader_id, committed: bytes.committed })
}

pub(crate) fn encode_membership(stored: &StoredMembership) -> Bytes {
    membership_bytes(stored.log_id().as_ref(), stored.membership()).encode_to_vec().into()
}

pub(crate) fn decode_membership(bytes: Bytes) -> io::Result<StoredMembership> {
    let bytes = MembershipBytes::decode(bytes).map_err(invalid("a membership"))?;
    let log_id = bytes.log_id.map(LogId::from);
    Ok(StoredMembership::new(log_id, membership(bytes)?))
}

fn membership_bytes(log_id: Option<&LogId>, membership: &Membership<u64, PeerNode>) -> MembershipBytes {
    MembershipBytes {
        log_id: log_id.map(LogIdBytes::from),
        configs: membership
            .get_joint_config()
            .iter()
            .map(|ids| Voters { ids: ids.iter().copied().collect() })
            .collect(),
        nodes: membership.nodes().map(|(id, node)| NodeBytes { id: *id, peer_urls: node.peer_urls.clone() }).collect(),
    }
}

fn membership(bytes: MembershipBytes) -> io::Result<Membership<u64, PeerNode>> {
    let configs = bytes.configs.into_iter().map(|voters| voters.ids.into_iter().collect::<BTreeSet<_>>()).collect();
    let nodes = bytes.nodes.into_iter().map(|node| (node.id, PeerNode { peer_urls: node.peer_urls }));
    Membership::new(configs, nodes.collect::<std::collections::BTreeMap<_, _>>())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

pub(crate) fn encode_entry(entry: Entry) -> Bytes {
    let log_id = LogIdBytes::from(&entry.log_id);
    let (request, membership) = match entry.payload {
        EntryPayload::Blank => (None, None),
        EntryPayload::Normal(request) => (Some(request), None),
        EntryPayload::Membership(membership) => (None, Some(membership_bytes(None, &membership))),
    };
    let (command, origin) = request.map_or((None, None), |request| (Some(request.command), request.origin));
    EntryBytes { log_id, command, membership, origin }.encode_to_vec().into()
}

pub(crate) fn decode_entry(bytes: Bytes) -> io::Result<Entry> {
    let bytes = EntryBytes::decode(bytes).map_err(invalid("a log entry"))?;
    let payload = match (bytes.command, bytes.membership) {
        (Some(command), _) => EntryPayload::Normal(Request { command, origin: bytes.origin }),
        (None, Some(bytes)) => EntryPayload::Membership(membership(bytes)?),
        (None, None) => EntryPayload::Blank,
    };
    Ok(Entry::new(bytes.log_id.into(), payload))
}
