//! What the replicated state holds of the cluster itself: its version, a downgrade under way, and its members.

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
    /// What members said of themselves; also of some that are members no longer.
    #[prost(message, repeated, tag = "4")]
    pub attributes: Vec<Attributes>,
    /// Members that are to get a vote as soon as they are in sync.
    #[prost(uint64, repeated, tag = "5")]
    pub promised: Vec<u64>,
    /// Members that were removed. They do not come back: an id is never used again.
    #[prost(uint64, repeated, tag = "6")]
    pub removed: Vec<u64>,
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
    #[prost(oneof = "ClusterChange", tags = "1, 2, 3, 4, 5, 6")]
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
    /// A member was removed.
    #[prost(uint64, tag = "6")]
    Removed(u64),
}

pub(crate) fn record(read: &dyn Read) -> Result<ClusterRecord, StoreError> {
    let Some(bytes) = read.get(Family::Meta, meta::CLUSTER)? else { return Ok(ClusterRecord::default()) };
    ClusterRecord::decode(bytes).map_err(|_| StoreError::damaged("the record of the cluster"))
}

pub(crate) fn change(stage: &mut Stage<'_>, change: &ChangeCluster) -> Result<(), ReadError> {
    let mut cluster = record(stage)?;
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
        ClusterChange::Removed(id) => {
            cluster.attributes.retain(|known| known.member_id != *id);
            cluster.peers.retain(|known| known.member_id != *id);
            cluster.promised.retain(|known| known != id);
            cluster.removed.retain(|known| known != id);
            cluster.removed.push(*id);
        }
    }
    stage.put(Family::Meta, meta::CLUSTER, cluster.encode_to_vec());
    Ok(())
}
