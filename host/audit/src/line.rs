//! One line of a journal.

use serde::Deserialize;

use crate::chain::{ClusterLink, Hash, cluster_hash};
use crate::event::Event;

/// What stands before the event, and before the hash; neither can be in what goes before it.
const EVENT: &str = ",\"event\":";
const HASH: &str = ",\"hash\":\"";

/// A line, as it can be read.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// Its number in the journal of this member, from one.
    pub seq: u64,
    /// The policy epoch when it happened.
    pub policy_epoch: u64,
    /// The newest revision when it happened.
    pub revision: i64,
    /// Its place in the chain of the cluster, if it has one.
    pub cluster: Option<ClusterLink>,
    /// What happened.
    pub event: Event,
    /// The hash of the line.
    pub hash: Hash,
}

/// What is to become a line.
pub(crate) struct Draft<'a> {
    pub(crate) seq: u64,
    pub(crate) policy_epoch: u64,
    pub(crate) revision: i64,
    pub(crate) cluster: Option<ClusterLink>,
    pub(crate) event: &'a str,
}

impl Draft<'_> {
    /// The line with its end, and its hash.
    pub(crate) fn write(&self, prev: &Hash) -> (String, Hash) {
        let Self { seq, policy_epoch, revision, event, .. } = self;
        let cluster = self.cluster.map_or_else(String::new, |ClusterLink { seq, prev, hash }| {
            format!(r#","cluster":{{"seq":{seq},"prev":"{prev}","hash":"{hash}"}}"#)
        });
        let body =
            format!(r#"{{"seq":{seq},"policy_epoch":{policy_epoch},"revision":{revision}{cluster}{EVENT}{event}"#);
        let hash = prev.followed_by(&[body.as_bytes()]);
        (format!("{body}{HASH}{hash}\"}}\n"), hash)
    }
}

impl Line {
    /// Reads a line without its end; `None` for one that no journal wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether the hash is that of `text`, which this line was read from, after `prev`.
    pub(crate) fn follows(&self, prev: &Hash, text: &str) -> bool {
        text.rsplit_once(HASH).is_some_and(|(body, _)| prev.followed_by(&[body.as_bytes()]) == self.hash)
    }

    /// Whether its place in the chain of the cluster is that of its event.
    pub(crate) fn fits_cluster(&self, text: &str) -> bool {
        let Some(ClusterLink { seq, prev, hash }) = self.cluster else { return true };
        let event = text.split_once(EVENT).and_then(|(_, rest)| rest.rsplit_once(HASH));
        event.is_some_and(|(event, _)| {
            cluster_hash(&prev, seq, self.policy_epoch, self.revision, event.as_bytes()) == hash
        })
    }
}
