//! The root key: wraps data keys and nothing else.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use crate::SealError;
use crate::mac_key::MacKey;
use crate::random;
use crate::xaes::{Key32, NONCE_BYTES, NotAuthentic, TAG_BYTES, Xaes};

/// First byte of a wrap: this layout, sealed with XAES-256-GCM.
const WRAP_VERSION: u8 = 1;
const WRAP_HEADER_BYTES: usize = 1 + NONCE_BYTES;

/// Hex digits of a fingerprint: enough to tell an operator's keys apart; it is a name, not a check.
const FINGERPRINT_DIGITS: usize = 8;

/// 32 secret bytes, overwritten when dropped. They are only ever the input of HMAC-SHA256, once for each use.
pub struct RootKey(Key32);

impl RootKey {
    /// A new random root key.
    ///
    /// # Errors
    /// [`SealError::NoRandom`].
    pub fn generate() -> Result<Self, SealError> {
        let mut key = Key32::default();
        random::fill(key.as_mut())?;
        Ok(Self(key))
    }

    /// Names the key without giving anything of it away: 8 hex digits of a keyed hash of a constant.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut digits = hex::encode(self.derived(b"strongroom root key fingerprint v1"));
        digits.truncate(FINGERPRINT_DIGITS);
        digits
    }

    pub(crate) fn from_bytes(bytes: Key32) -> Self {
        Self(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Version, nonce, ciphertext, tag.
    pub(crate) fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        random::fill(&mut nonce)?;
        let mut blob = Vec::with_capacity(WRAP_HEADER_BYTES + plaintext.len() + TAG_BYTES);
        blob.push(WRAP_VERSION);
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(plaintext);
        let tag = self.wrapping_key().seal(&nonce, aad, &mut blob[WRAP_HEADER_BYTES..]);
        blob.extend_from_slice(&tag);
        Ok(blob)
    }

    pub(crate) fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let (header, rest) = blob.split_at_checked(WRAP_HEADER_BYTES).ok_or(NotAuthentic)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
        let (&[version], nonce) = header.split_first_chunk::<1>().ok_or(NotAuthentic)?;
        if version != WRAP_VERSION {
            return Err(NotAuthentic);
        }
        let nonce = nonce.try_into().map_err(|_| NotAuthentic)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        self.wrapping_key().open(nonce, aad, &mut plaintext, *tag)?;
        Ok(plaintext)
    }

    fn wrapping_key(&self) -> Xaes {
        Xaes::new(&self.derived(b"strongroom data key wrap v1"))
    }

    fn derived(&self, label: &[u8]) -> Key32 {
        let tag = hmac::sign(&MacKey::new(hmac::HMAC_SHA256, self.0.as_ref()), label);
        Zeroizing::new(tag.as_ref().try_into().expect("an HMAC-SHA256 tag has 32 bytes"))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "root key {}", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_opens_only_with_its_key_and_its_associated_data() {
        let (key, other) = (RootKey::generate().unwrap(), RootKey::generate().unwrap());
        let blob = key.wrap(b"data key", b"for this").unwrap();
        assert_eq!(key.unwrap(&blob, b"for this").unwrap().as_slice(), b"data key");
        assert!(key.unwrap(&blob, b"for that").is_err());
        assert!(other.unwrap(&blob, b"for this").is_err());
    }

    #[test]
    fn a_wrap_with_any_bit_flipped_or_any_length_cut_is_refused() {
        let key = RootKey::generate().unwrap();
        let blob = key.wrap(b"data key", b"").unwrap();
        for bit in 0..blob.len() * 8 {
            let mut altered = blob.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(key.unwrap(&altered, b"").is_err(), "bit {bit}");
        }
        for length in 0..blob.len() {
            assert!(key.unwrap(&blob[..length], b"").is_err(), "length {length}");
        }
    }

    #[test]
    fn the_fingerprint_follows_the_key() {
        let key = RootKey::from_bytes(Zeroizing::new([7; 32]));
        assert_eq!(key.fingerprint().len(), FINGERPRINT_DIGITS);
        assert_eq!(key.fingerprint(), RootKey::from_bytes(Zeroizing::new([7; 32])).fingerprint());
        assert_ne!(key.fingerprint(), RootKey::generate().unwrap().fingerprint());
    }
}
