//! How one record vouches for all before it.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// SHA-256. All zero before the first record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// The hash in these bytes, if they are as many as one has.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Of what comes after this hash.
    #[must_use]
    pub fn followed_by(&self, parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        parts.iter().for_each(|part| context.update(part));
        let mut hash = Self::default();
        hash.0.copy_from_slice(context.finish().as_ref());
        hash
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Hash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut hash = Self::default();
        hex::decode_to_slice(text, &mut hash.0).map(|()| hash)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A place in the chain that is the same on every member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterLink {
    /// The number of the record, from one.
    pub seq: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// The hash of this one.
    pub hash: Hash,
}

/// The hash of a record of the cluster: every number is fixed in length, so no two records have the same bytes.
#[must_use]
pub fn cluster_hash(prev: &Hash, seq: u64, policy_epoch: u64, revision: i64, event: &[u8]) -> Hash {
    prev.followed_by(&[&seq.to_be_bytes(), &policy_epoch.to_be_bytes(), &revision.to_be_bytes(), event])
}
