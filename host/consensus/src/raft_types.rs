//! openraft's types, as this member uses them. Nothing outside this crate names openraft.

use openraft::impls::leader_id_std;

use crate::{node::PeerNode, request::Request};

openraft::declare_raft_types!(
    /// Standard Raft: one leader a term, 64-bit member ids. What came of a command is told by [`crate::outcomes`], to
    /// whichever member waits for it.
    pub(crate) TypeConfig:
        D = Request,
        R = (),
        Node = PeerNode,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = openraft::TokioRuntime,
);

pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
