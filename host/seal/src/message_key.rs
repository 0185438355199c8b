//! The keys of AES-256-GCM that [`crate::xaes`] derives from a data key, and those of them that are kept.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use crate::xaes::{Half, NotAuthentic, TAG_BYTES};

/// A key of AES-256-GCM (NIST SP 800-38D).
pub(crate) struct MessageKey(LessSafeKey);

impl MessageKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes")))
    }

    /// Encrypts in place and answers the tag. A nonce may be given once.
    pub(crate) fn seal(&self, nonce: Half, aad: &[u8], message: &mut [u8]) -> [u8; TAG_BYTES] {
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), message)
            .expect("only a message over 64 GiB fails, and requests are bounded far below");
        tag.as_ref().try_into().expect("an AES-GCM tag has 16 bytes")
    }

    /// Decrypts in place; on failure the message is of no use any more.
    pub(crate) fn open(
        &self,
        nonce: Half,
        aad: &[u8],
        message: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place_separate_tag(nonce, Aad::from(aad), Tag::from(tag), message, 0..);
        opened.map(drop).map_err(|_| NotAuthentic)
    }
}

impl Drop for MessageKey {
    /// `ring` does not overwrite its keys.
    fn drop(&mut self) {
        self.0 = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[0; 32]).expect("the key has 32 bytes"));
        // Or the compiler would see that nobody reads it.
        black_box(&self.0);
    }
}

/// How many are kept of one data key; they take 600 KiB.
const KEPT_MAX: usize = 1024;

/// Message keys by the half of the nonce that they are derived from.
#[derive(Default)]
pub(crate) struct MessageKeys(RwLock<Kept>);

/// Boxed: a map that grows moves what it holds, and leaves a copy behind. Sorted: values of one list mostly share a few keys, which
/// are found sooner by comparing than by hashing.
type Kept = BTreeMap<Half, Box<MessageKey>>;

impl MessageKeys {
    /// Does something with the key of this half, derived unless it is kept.
    pub(crate) fn with<T>(
        &self,
        half: &Half,
        derive: impl FnOnce() -> MessageKey,
        act: impl FnOnce(&MessageKey) -> T,
    ) -> T {
        if let Some(key) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(half) {
            return act(key);
        }
        let key = Box::new(derive());
        let done = act(&key);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(*half, key);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(number: usize) -> Half {
        let mut half = Half::default();
        half[..8].copy_from_slice(&number.to_be_bytes());
        half
    }

    #[test]
    fn a_key_is_derived_once_while_it_is_kept_and_no_more_are_kept_than_told() {
        let keys = MessageKeys::default();
        let mut derived = 0;
        let mut tag = |number: usize| {
            let derive = || {
                derived += 1;
                MessageKey::new(&[u8::try_from(number % 256).unwrap(); 32])
            };
            (keys.with(&half(number), derive, |key| key.seal(Half::default(), b"", &mut [])), derived)
        };
        let (first, other) = (tag(0).0, tag(1).0);
        assert_ne!(first, other);
        assert_eq!((tag(0), tag(1)), ((first, 2), (other, 2)));
        for number in 2..=KEPT_MAX {
            tag(number);
        }
        assert_eq!(tag(1), (other, KEPT_MAX + 2), "it was forgotten with the others when there was no room");
        assert!(keys.0.read().unwrap().len() <= KEPT_MAX);
    }

    #[test]
    fn a_key_is_the_same_whatever_was_done_with_it() {
        let key = MessageKey::new(&[3; 32]);
        let mut message = b"canary".to_vec();
        let tag = key.seal(half(1), b"aad", &mut message);
        assert_eq!(key.open(half(2), b"aad", &mut message.clone(), tag), Err(NotAuthentic));
        assert_eq!(key.open(half(1), b"", &mut message.clone(), tag), Err(NotAuthentic));
        assert_eq!(key.open(half(1), b"aad", &mut message, tag), Ok(()));
        assert_eq!(message, b"canary");
    }
}
