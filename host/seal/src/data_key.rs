//! An opened data key: seals and opens values.

use bytes::Bytes;
use ring::hmac;
use types::Plain;
use zeroize::Zeroizing;

use crate::binding::{Binding, length};
use crate::envelope::{self, Envelope, Header};
use crate::mac_key::MacKey;
use crate::xaes::{Key32, NONCE_BYTES, Xaes};
use crate::{Digest, SealError, Sealed, random};

/// Label under which the key that signs snapshots is derived. No digest begins with it: they begin with a length of eight bytes, and
/// as one this would be 2^62 bytes long.
const SIGNING_LABEL: &[u8] = b"strongroom snapshot signature v1";

/// Label of a value's associated data; it changes with the envelope's format.
const VALUE_LABEL: &str = "strongroom sealed value v1";

/// A data key with the digest key of its prefix, both in the open.
pub(crate) struct DataKey {
    cipher: Xaes,
    digest: MacKey,
    /// The bytes of `digest`, for the data key that follows this one.
    digest_key: Key32,
}

/// The secret part of a data key, as it is wrapped: data key, then digest key.
pub(crate) struct Material(Zeroizing<[u8; MATERIAL_BYTES]>);

const MATERIAL_BYTES: usize = 64;

impl Material {
    /// A random data key; the digest key is random as well, or that of `inherit`.
    pub(crate) fn generate(inherit: Option<&DataKey>) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; MATERIAL_BYTES]);
        random::fill(bytes.as_mut())?;
        if let Some(other) = inherit {
            bytes[32..].copy_from_slice(other.digest_key.as_ref());
        }
        Ok(Self(bytes))
    }

    pub(crate) fn from_slice(slice: &[u8]) -> Option<Self> {
        let bytes: &[u8; MATERIAL_BYTES] = slice.try_into().ok()?;
        Some(Self(Zeroizing::new(*bytes)))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl DataKey {
    pub(crate) fn new(material: &Material) -> Self {
        let (mut data_key, mut digest_key) = (Key32::default(), Key32::default());
        data_key.copy_from_slice(&material.0[..32]);
        digest_key.copy_from_slice(&material.0[32..]);
        let digest = MacKey::new(hmac::HMAC_SHA512, digest_key.as_ref());
        Self { cipher: Xaes::new(&data_key), digest, digest_key }
    }

    /// HMAC-SHA-512-256 (RFC 4868: the first half of HMAC-SHA-512) over (user key, value), each behind its length. Without
    /// instructions for either, SHA-512 takes two thirds of the time of SHA-256; with them both are quick.
    pub(crate) fn digest(&self, key: &[u8], value: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.digest);
        for field in [key, value] {
            context.update(&length(field));
            context.update(field);
        }
        *context.sign().as_ref().first_chunk().expect("an HMAC-SHA-512 tag has 64 bytes")
    }

    /// HMAC-SHA-256 by a key that is derived from the digest key.
    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.signing_key(), text);
        *tag.as_ref().first_chunk().expect("an HMAC-SHA-256 tag has 32 bytes")
    }

    /// Whether [`DataKey::sign`] gives this.
    pub(crate) fn verify(&self, text: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.signing_key(), text, mac).is_ok()
    }

    fn signing_key(&self) -> MacKey {
        MacKey::new(hmac::HMAC_SHA256, hmac::sign(&self.digest, SIGNING_LABEL).as_ref())
    }

    /// Whether this is the key, and the digest key, that sealed the value of `key`.
    pub(crate) fn has_sealed(&self, cluster_id: u64, key: &[u8], value: &Sealed) -> bool {
        let opened = self.open(cluster_id, key, value.clone());
        opened.is_ok_and(|plain| value.digest() == Some(self.digest(key, plain.expose())))
    }

    /// Seals a value, padded to the smallest of the `buckets` that it fits into.
    pub(crate) fn seal(
        &self,
        cluster_id: u64,
        key_id: u32,
        key: &[u8],
        value: &[u8],
        buckets: &[u32],
    ) -> Result<Sealed, SealError> {
        let nonce = self.cipher.nonce()?;
        Ok(Sealed::envelope(self.envelope(cluster_id, key_id, &nonce, key, value, buckets)))
    }

    /// Opens in place; a value that others hold as well is copied first.
    pub(crate) fn open(&self, cluster_id: u64, key: &[u8], value: Sealed) -> Result<Plain, SealError> {
        let Some(Envelope { header, nonce, tag, .. }) = value.parsed() else { return Ok(value.into_bytes().into()) };
        let (aad, nonce) = (associated_data(cluster_id, key, &header), *nonce);
        let mut message = envelope::into_ciphertext(value.into_bytes());
        let opened = self.cipher.open(&nonce, aad.as_ref(), &mut message, tag);
        let damaged = || SealError::DamagedValue { id: header.key_id };
        opened.map_err(|_| damaged())?;
        if header.padded {
            message.truncate(envelope::unpadded_bytes(&message).ok_or_else(damaged)?);
        }
        Ok(message.freeze().into())
    }

    fn envelope(
        &self,
        cluster_id: u64,
        key_id: u32,
        nonce: &[u8; NONCE_BYTES],
        key: &[u8],
        value: &[u8],
        buckets: &[u32],
    ) -> Bytes {
        let padded = envelope::padded_bytes(value, buckets);
        let header = Header { padded: padded.is_some(), key_id, digest: self.digest(key, value) };
        let aad = associated_data(cluster_id, key, &header);
        let encrypt = |message: &mut [u8]| self.cipher.seal(nonce, aad.as_ref(), message);
        envelope::build(&header.to_bytes(), nonce, value, padded, encrypt)
    }
}

/// The whole header is bound: with it version, algorithm, data-key id and digest.
fn associated_data(cluster_id: u64, key: &[u8], header: &Header) -> Binding {
    Binding::new(VALUE_LABEL).field(&cluster_id.to_be_bytes()).field(key).field(&header.to_bytes())
}

#[cfg(test)]
#[path = "data_key_tests.rs"]
mod tests;
