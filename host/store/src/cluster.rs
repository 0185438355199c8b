//! What the replicated state holds of the cluster itself: its version, a downgrade under way, and its members.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::{Message, Oneof};

use crate::{
    ReadError, Refusal, StoreError,
    family::Family,
    read::{Read, meta},
    stage::Stage,
};

/// The cluster as the state holds it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ClusterRecord {
    /// The etcd version that all members agreed to speak, such as `3.7.0`; empty before it was first set.
    #[prost(string, tag = "1")]
    pub version: String,
    /// The version that the cluster is being downgraded to; empty when it is not.
    #[prost(string, tag = "2")]
    pub downgrade_target: String,
    /// Members whose peer URLs were changed since they were founded.
    #[prost(message, repeated, tag = "3")]
    pub peers: Vec<PeerUrls>,
    /// What members said of themselves.
    #[prost(message, repeated, tag = "4")]
    pub attributes: Vec<Attributes>,
    /// Members that are to get a vote as soon as they are in sync.
    #[prost(uint64, repeated, tag = "5")]
    pub promised: Vec<u64>,
    /// Members that were removed. They do not come back: an id is never used again.
    #[prost(uint64, repeated, tag = "6")]
    pub removed: Vec<u64>,
    /// Everybody who was a member by the last entry that set the membership; empty before the first.
    #[prost(uint64, repeated, tag = "7")]
    pub members: Vec<u64>,
}

/// The membership that an entry sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipEntry {
    /// As the consensus layer encodes it.
    pub encoded: Bytes,
    /// Everybody in it, with a vote or without.
    pub members: BTreeSet<u64>,
}

/// What a member says of itself once it has started: who it is for people, and where clients reach it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Attributes {
    /// Which member.
    #[prost(uint64, tag = "1")]
    pub member_id: u64,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Where clients reach it.
    #[prost(string, repeated, tag = "3")]
    pub client_urls: Vec<String>,
    /// The etcd version whose API it has; empty for a member that does not tell.
    #[prost(string, tag = "4")]
    pub version: String,
    /// The newest version of the link between members that it speaks; zero for a member that does not tell.
    #[prost(uint32, tag = "5")]
    pub protocol: u32,
}

/// Where other members reach a member.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PeerUrls {
    /// Which member.
    #[prost(uint64, tag = "1")]
    pub member_id: u64,
    /// Where.
    #[prost(string, repeated, tag = "2")]
    pub urls: Vec<String>,
}

/// Changes the cluster.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ChangeCluster {
    /// What to change; `None` only for a change of a later version.
    #[prost(oneof = "ClusterChange", tags = "1, 2, 3, 4, 5, 7")]
    pub change: Option<ClusterChange>,
}

/// One change of the cluster.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum ClusterChange {
    /// The version that all members speak from now on.
    #[prost(string, tag = "1")]
    Version(String),
    /// Starts a downgrade to a version, or ends it when empty.
    #[prost(string, tag = "2")]
    Downgrade(String),
    /// Moves a member.
    #[prost(message, tag = "3")]
    PeerUrls(PeerUrls),
    /// A member tells of itself.
    #[prost(message, tag = "4")]
    Attributes(Attributes),
    /// A member that is about to be added gets a vote as soon as it is in sync.
    #[prost(uint64, tag = "5")]
    Promise(u64),
    /// A member that was promised a vote was not added.
    #[prost(uint64, tag = "7")]
    PromiseBroken(u64),
    // Tag 6 was a removal, which has no command of its own: it is part of applying a membership.
}

pub(crate) fn record(read: &dyn Read) -> Result<ClusterRecord, StoreError> {
    let Some(bytes) = read.get(Family::Meta, meta::CLUSTER)? else { return Ok(ClusterRecord::default()) };
    ClusterRecord::decode(bytes).map_err(|_| StoreError::damaged("the record of the cluster"))
}

pub(crate) fn replace_record(stage: &mut Stage<'_>, cluster: &ClusterRecord) {
    stage.put(Family::Meta, meta::CLUSTER, cluster.encode_to_vec());
}

/// What is told of a member that was removed since comes too late.
pub(crate) fn change(stage: &mut Stage<'_>, change: &ChangeCluster) -> Result<(), ReadError> {
    let mut cluster = record(stage)?;
    let member = match &change.change {
        Some(ClusterChange::PeerUrls(moved)) => Some(moved.member_id),
        Some(ClusterChange::Attributes(told)) => Some(told.member_id),
        Some(ClusterChange::Promise(id)) => Some(*id),
        _ => None,
    };
    if member.is_some_and(|id| cluster.removed.contains(&id)) {
        return Ok(());
    }
    match change.change.as_ref().ok_or(StoreError::UnknownCommand)? {
        ClusterChange::Version(version) => cluster.version.clone_from(version),
        ClusterChange::Downgrade(target) if !target.is_empty() && !cluster.downgrade_target.is_empty() => {
            return Err(Refusal::DowngradeInProcess.into());
        }
        ClusterChange::Downgrade(target) => cluster.downgrade_target.clone_from(target),
        ClusterChange::PeerUrls(moved) => {
            cluster.peers.retain(|peer| peer.member_id != moved.member_id);
            cluster.peers.push(moved.clone());
        }
        ClusterChange::Attributes(told) => {
            cluster.attributes.retain(|known| known.member_id != told.member_id);
            cluster.attributes.push(told.clone());
        }
        ClusterChange::Promise(id) => {
            cluster.promised.retain(|known| known != id);
            cluster.promised.push(*id);
        }
        ClusterChange::PromiseBroken(id) => cluster.promised.retain(|known| known != id),
    }
    replace_record(stage, &cluster);
    Ok(())
}

/// Notes who the members are now. Who was one before and is none any more was removed: only its id is remembered.
pub(crate) fn set_members(stage: &mut Stage<'_>, members: &BTreeSet<u64>) -> Result<(), StoreError> {
    let mut cluster = record(stage)?;
    let known = std::mem::replace(&mut cluster.members, members.iter().copied().collect());
    if known == cluster.members {
        return Ok(());
    }
    for id in known.into_iter().filter(|id| !members.contains(id)) {
        cluster.attributes.retain(|known| known.member_id != id);
        cluster.peers.retain(|known| known.member_id != id);
        cluster.promised.retain(|known| *known != id);
        cluster.removed.retain(|known| *known != id);
        cluster.removed.push(id);
    }
    replace_record(stage, &cluster);
    Ok(())
}
