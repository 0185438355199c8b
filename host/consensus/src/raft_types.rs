//! openraft's types, as this member uses them. Nothing outside this crate names openraft.

use openraft::{
    OptionalSend, RaftTypeConfig,
    impls::{self, leader_id_std::LeaderId},
    vote::RaftLeaderId,
};

use crate::{lead::Answer, node::PeerNode, request::Request};

/// Standard Raft: one leader a term, 64-bit member ids. What came of a command is told by [`crate::outcomes`], to whichever member
/// waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeConfig;

// openraft's macro, which does the same, knows no responder of one's own.
impl RaftTypeConfig for TypeConfig {
    type D = Request;
    type R = ();
    type NodeId = u64;
    type Node = PeerNode;
    type Term = u64;
    type LeaderId = LeaderId<u64, u64>;
    type Vote = impls::Vote<Self::LeaderId>;
    type Payload = openraft::EntryPayload<Request, u64, PeerNode>;
    type Entry = openraft::Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = openraft::TokioRuntime;
    type Responder<T>
        = Answer<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = impls::InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = impls::BoxedErrorSource;
}

pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
