//! The bytes of a sealed value.
//!
//! ```text
//!  offset  0        1          2            6           38         62
//!          version  algorithm  data-key id  digest      nonce      ciphertext  tag
//!          1        1          4, BE        32          24         as plain    16   bytes
//! ```
//!
//! The algorithm is 1, XAES-256-GCM, or 2, the same over a padded value.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::xaes::{NONCE_BYTES, TAG_BYTES};
use crate::{Digest, SealError};

const VERSION: u8 = 1;
const ALGORITHM_XAES_256_GCM: u8 = 1;
/// The same over a padded value: behind the value one byte 0x80 and zeros, as ISO/IEC 7816-4 pads.
const ALGORITHM_XAES_256_GCM_PADDED: u8 = 2;

/// What ends a value that is padded.
const PADDING_MARK: u8 = 0x80;

const DIGEST_AT: usize = 6;
const NONCE_AT: usize = DIGEST_AT + 32;
const CIPHERTEXT_AT: usize = NONCE_AT + NONCE_BYTES;

/// How many bytes longer a sealed value is than the value: header 38, nonce 24, tag 16.
pub const OVERHEAD_BYTES: usize = CIPHERTEXT_AT + TAG_BYTES;

/// What stands in front of the nonce, and is bound as associated data whole.
pub(crate) struct Header {
    /// Whether the value is padded.
    pub(crate) padded: bool,
    pub(crate) key_id: u32,
    pub(crate) digest: Digest,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> [u8; NONCE_AT] {
        let mut bytes = [0; NONCE_AT];
        bytes[0] = VERSION;
        bytes[1] = if self.padded { ALGORITHM_XAES_256_GCM_PADDED } else { ALGORITHM_XAES_256_GCM };
        bytes[2..DIGEST_AT].copy_from_slice(&self.key_id.to_be_bytes());
        bytes[DIGEST_AT..].copy_from_slice(&self.digest);
        bytes
    }
}

/// What an envelope says of its ciphertext.
pub(crate) struct Envelope<'a> {
    pub(crate) header: Header,
    pub(crate) nonce: &'a [u8; NONCE_BYTES],
    pub(crate) tag: [u8; TAG_BYTES],
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, SealError> {
        let short = || SealError::BadEnvelope { reason: "it is too short" };
        let (&[version, algorithm], rest) = bytes.split_first_chunk().ok_or_else(short)?;
        if version != VERSION {
            return Err(SealError::BadEnvelope { reason: "its version is not known" });
        }
        let padded = match algorithm {
            ALGORITHM_XAES_256_GCM => false,
            ALGORITHM_XAES_256_GCM_PADDED => true,
            _ => return Err(SealError::BadEnvelope { reason: "its algorithm is not known" }),
        };
        let (key_id, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (digest, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (_, tag) = rest.split_last_chunk().ok_or_else(short)?;
        let header = Header { padded, key_id: u32::from_be_bytes(*key_id), digest: *digest };
        Ok(Self { header, nonce, tag: *tag })
    }
}

/// The ciphertext of an envelope, in its own memory if nobody else holds it.
pub(crate) fn into_ciphertext(envelope: Bytes) -> BytesMut {
    let mut bytes = BytesMut::from(envelope);
    bytes.truncate(bytes.len() - TAG_BYTES);
    bytes.advance(CIPHERTEXT_AT);
    bytes
}

/// The smallest bucket that holds a value and what ends it; `None` where it is not padded.
pub(crate) fn padded_bytes(value: &[u8], buckets: &[u32]) -> Option<usize> {
    buckets.iter().map(|bucket| *bucket as usize).find(|bucket| *bucket > value.len())
}

/// The length of a value without its padding; `None` if nobody padded it.
pub(crate) fn unpadded_bytes(padded: &[u8]) -> Option<usize> {
    let end = padded.iter().rposition(|byte| *byte != 0)?;
    (padded[end] == PADDING_MARK).then_some(end)
}

/// Builds an envelope in one allocation: `encrypt` turns the plaintext, padded to so many bytes, into ciphertext in place and
/// answers the tag.
pub(crate) fn build(
    header: &[u8; NONCE_AT],
    nonce: &[u8; NONCE_BYTES],
    plaintext: &[u8],
    padded: Option<usize>,
    encrypt: impl FnOnce(&mut [u8]) -> [u8; TAG_BYTES],
) -> Bytes {
    let mut bytes = Vec::with_capacity(OVERHEAD_BYTES + padded.unwrap_or(plaintext.len()));
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(plaintext);
    if let Some(padded) = padded {
        bytes.push(PADDING_MARK);
        bytes.resize(CIPHERTEXT_AT + padded, 0);
    }
    let tag = encrypt(&mut bytes[CIPHERTEXT_AT..]);
    bytes.extend_from_slice(&tag);
    bytes.into()
}
