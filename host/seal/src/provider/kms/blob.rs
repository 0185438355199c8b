//! What a KMS's wrap consists of, and its bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use proto::kms::EncryptResponse;

use super::protocol;
use crate::binding::Binding;

/// Label of the local wrap's associated data; it changes with what is bound.
const LABEL: &str = "strongroom kms wrap v1";

/// The seed as the plugin encrypted it, with all that it wants to see again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EncryptedSeed {
    pub(crate) ciphertext: Bytes,
    pub(crate) key_id: String,
    pub(crate) annotations: BTreeMap<String, Bytes>,
}

/// A wrap by a KMS.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) seed: EncryptedSeed,
    /// The data key, wrapped by the seed.
    pub(super) wrap: Bytes,
}

/// The blob on disk.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
struct Stored {
    #[prost(bytes = "bytes", tag = "1")]
    ciphertext: Bytes,
    #[prost(string, tag = "2")]
    key_id: String,
    #[prost(btree_map = "string, bytes", tag = "3")]
    annotations: BTreeMap<String, Bytes>,
    #[prost(bytes = "bytes", tag = "4")]
    wrap: Bytes,
}

impl EncryptedSeed {
    /// The bounds of the protocol.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        protocol::check_ciphertext(&self.ciphertext)?;
        protocol::check_key_id(&self.key_id)?;
        protocol::check_annotations(&self.annotations)
    }

    /// The associated data of the local wrap: that of the caller and all that lies beside the wrap, so that none of it
    /// can be exchanged, whatever the plugin makes of it.
    pub(super) fn bind(&self, aad: &[u8]) -> Binding {
        let bound = Binding::new(LABEL).field(aad).field(&self.ciphertext).field(self.key_id.as_bytes());
        self.annotations.iter().fold(bound, |bound, (key, value)| bound.field(key.as_bytes()).field(value))
    }
}

impl From<EncryptResponse> for EncryptedSeed {
    fn from(answer: EncryptResponse) -> Self {
        let EncryptResponse { ciphertext, key_id, annotations } = answer;
        Self { ciphertext, key_id, annotations }
    }
}

impl Blob {
    pub(super) fn encode(self) -> Vec<u8> {
        let EncryptedSeed { ciphertext, key_id, annotations } = self.seed;
        Stored { ciphertext, key_id, annotations, wrap: self.wrap }.encode_to_vec()
    }

    /// Reads what [`Blob::encode`] wrote, and nothing that merely means the same.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let Stored { ciphertext, key_id, annotations, wrap } = Stored::decode(bytes).ok()?;
        let blob = Self { seed: EncryptedSeed { ciphertext, key_id, annotations }, wrap };
        let whole = blob.seed.check().is_ok() && blob.clone().encode() == bytes;
        whole.then_some(blob)
    }
}
