//! Values that kube-apiserver encrypted with a data key which its KMS v2 plugin keeps wrapped (`envelope/kmsv2` in
//! `k8s.io/apiserver`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use prost::Message;
use ring::hmac;
use zeroize::Zeroizing;

use super::cipher::{self, Opened};
use crate::provider::EncryptedSeed;
use crate::xaes::NotAuthentic;
use crate::{Kms, SealError};

/// How the key of a value follows from what the plugin decrypts: it is the key, or the key is derived from it.
const AES_GCM_KEY: i32 = 0;
const HKDF_SHA256_XNONCE_AES_GCM_SEED: i32 = 1;

/// What a derived key is derived with, before the nonce; also the least length of what it is derived from.
const INFO_BYTES: usize = 32;

/// Data keys that are kept, so that the plugin is asked once for each. A kube-apiserver makes one at a start and one when the plugin's
/// key changes.
const KEPT_MAX: usize = 4096;

/// Kubernetes' `EncryptedObject` (`envelope/kmsv2/v2/api.proto`).
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub(super) struct EncryptedObject {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
    #[prost(string, tag = "2")]
    key_id: String,
    #[prost(bytes = "bytes", tag = "3")]
    source: Bytes,
    #[prost(btree_map = "string, bytes", tag = "4")]
    annotations: BTreeMap<String, Bytes>,
    #[prost(int32, tag = "5")]
    source_type: i32,
}

/// What unwraps data keys.
pub(super) trait Unwrap: Send + Sync {
    /// Decrypts what the plugin encrypted.
    fn unwrap(&self, wrapped: &EncryptedSeed) -> Result<Opened, SealError>;
}

impl Unwrap for Kms {
    fn unwrap(&self, wrapped: &EncryptedSeed) -> Result<Opened, SealError> {
        self.decrypt(wrapped)
    }
}

/// Why a value does not open.
pub(super) enum Unopened {
    /// It is none, is damaged, or was written with another key or under another name.
    Damaged,
    /// The plugin could not be asked, or failed.
    Failed(SealError),
}

/// A plugin, and the data keys that it has unwrapped.
pub(super) struct Envelopes {
    plugin: Box<dyn Unwrap>,
    kept: Mutex<BTreeMap<EncryptedSeed, Opened>>,
}

impl From<NotAuthentic> for Unopened {
    fn from(_: NotAuthentic) -> Self {
        Self::Damaged
    }
}

impl Envelopes {
    pub(super) fn new(plugin: Box<dyn Unwrap>) -> Self {
        Self { plugin, kept: Mutex::default() }
    }

    /// Opens what was stored under the key.
    pub(super) fn open(&self, key: &[u8], stored: &[u8]) -> Result<Opened, Unopened> {
        let object = EncryptedObject::decode(stored).map_err(|_| Unopened::Damaged)?;
        let EncryptedObject { data, key_id, source, annotations, source_type } = object;
        let wrapped = EncryptedSeed { ciphertext: source, key_id, annotations };
        wrapped.check().map_err(|_| Unopened::Damaged)?;
        match source_type {
            AES_GCM_KEY => Ok(cipher::open_gcm(&self.unwrapped(wrapped)?, key, &data)?),
            HKDF_SHA256_XNONCE_AES_GCM_SEED => {
                let (info, data) = data.split_at_checked(INFO_BYTES).ok_or(Unopened::Damaged)?;
                let seed = self.unwrapped(wrapped)?;
                if seed.len() < INFO_BYTES {
                    return Err(Unopened::Damaged);
                }
                Ok(cipher::open_gcm(&*expanded(&seed, info), key, data)?)
            }
            _ => Err(Unopened::Damaged),
        }
    }

    fn unwrapped(&self, wrapped: EncryptedSeed) -> Result<Opened, Unopened> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&wrapped) {
            return Ok(known.clone());
        }
        let unwrapped = self.plugin.unwrap(&wrapped).map_err(|error| match error {
            SealError::NotUnwrapped { .. } => Unopened::Damaged,
            error => Unopened::Failed(error),
        })?;
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(wrapped, unwrapped.clone());
        Ok(unwrapped)
    }
}

/// The first 32 bytes of HKDF's expansion (RFC 5869, section 2.3) with SHA-256: its first block.
fn expanded(seed: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut block = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, seed));
    block.update(info);
    block.update(&[1]);
    Zeroizing::new(block.sign().as_ref().try_into().expect("an HMAC-SHA256 tag has 32 bytes"))
}
