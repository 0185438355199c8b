//! openraft's types, as this member uses them. Nothing outside this crate names openraft.

use openraft::impls::{BasicNode, leader_id_std};
use store::{Applied, Command};

openraft::declare_raft_types!(
    /// Standard Raft: one leader a term, 64-bit member ids, a node is its peer URL.
    pub(crate) TypeConfig:
        D = Command,
        R = Applied,
        Node = BasicNode,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = openraft::TokioRuntime,
);

pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
