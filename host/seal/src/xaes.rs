//! XAES-256-GCM, the extended-nonce AEAD of <https://c2sp.org/XAES-256-GCM>.
//!
//! A 192-bit nonce can be drawn at random for 2^80 messages under one key (collision risk 2^-32), where the 96-bit
//! nonce of plain AES-256-GCM ends at 2^32. The first half of the nonce derives a message key by CMAC
//! (NIST SP 800-108r1, counter mode), the second half is the nonce of AES-256-GCM under that key.

//!
//! Nonces that share their first half share the message key. So that it need not be derived for each message, the first half
//! is drawn anew only for every [`RUN_MESSAGES`]th one; the second half always is. Among n messages a nonce then comes twice
//! with probability n * 2^12 / 2^97: below 2^-32 up to 2^53 messages.

use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use zeroize::{Zeroize as _, Zeroizing};

use crate::message_key::{MessageKey, MessageKeys};
use crate::{SealError, random};

/// A key, overwritten when dropped.
pub(crate) type Key32 = Zeroizing<[u8; 32]>;

pub(crate) const NONCE_BYTES: usize = 24;
pub(crate) const TAG_BYTES: usize = 16;

/// One half of a nonce.
pub(crate) type Half = [u8; NONCE_BYTES / 2];

/// How many messages share the first half of their nonces.
pub(crate) const RUN_MESSAGES: u32 = 1 << 12;

const BLOCK_BYTES: usize = 16;

/// The reduction constant of CMAC's subkey generation (NIST SP 800-38B, section 5.3, for 128-bit blocks).
const R128: u8 = 0x87;

/// The label of the derivation, one letter.
const LABEL: u8 = b'X';

/// The message does not open: wrong key, nonce, associated data, or an altered byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// A key ready to seal and open messages.
pub(crate) struct Xaes {
    cipher: Aes256,
    subkey: Zeroizing<[u8; BLOCK_BYTES]>,
    run: Mutex<Run>,
    message_keys: MessageKeys,
}

/// Messages whose nonces begin alike.
#[derive(Default)]
struct Run {
    first: Half,
    left: u32,
}

impl Xaes {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(&Array::from(*key));
        let mut zero = Array::from([0; BLOCK_BYTES]);
        cipher.encrypt_block(&mut zero);
        let subkey = Zeroizing::new(doubled(zero.into()));
        Self { cipher, subkey, run: Mutex::default(), message_keys: MessageKeys::default() }
    }

    /// The nonce of one message.
    pub(crate) fn nonce(&self) -> Result<[u8; NONCE_BYTES], SealError> {
        let mut nonce = [0; NONCE_BYTES];
        random::fill(&mut nonce)?;
        let (first, _) = nonce.split_first_chunk_mut().expect("a nonce has two halves");
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.left == 0 {
            *run = Run { first: *first, left: RUN_MESSAGES };
        }
        run.left -= 1;
        *first = run.first;
        Ok(nonce)
    }

    /// Encrypts in place and answers the tag.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], message: &mut [u8]) -> [u8; TAG_BYTES] {
        let (first, second) = halves(nonce);
        self.message_keys.with(first, || self.derived(first), |key| key.seal(second, aad, message))
    }

    /// Decrypts in place; on failure the message is overwritten with zeros.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        message: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        let (first, second) = halves(nonce);
        let opened = self.message_keys.with(first, || self.derived(first), |key| key.open(second, aad, message, tag));
        if opened.is_err() {
            message.zeroize();
        }
        opened
    }

    fn derived(&self, first: &Half) -> MessageKey {
        let mut key = Key32::default();
        for (counter, half) in (1..).zip(key.chunks_exact_mut(BLOCK_BYTES)) {
            half.copy_from_slice(self.cmac_block(counter, first).as_ref());
        }
        MessageKey::new(&key)
    }

    /// CMAC of the one block `counter (16 bits) || label || 0 || context`.
    fn cmac_block(&self, counter: u8, context: &Half) -> Zeroizing<[u8; BLOCK_BYTES]> {
        let mut block = [0; BLOCK_BYTES];
        block[1] = counter;
        block[2] = LABEL;
        block[4..].copy_from_slice(context);
        for (byte, mask) in block.iter_mut().zip(self.subkey.iter()) {
            *byte ^= mask;
        }
        let mut block = Array::from(block);
        self.cipher.encrypt_block(&mut block);
        Zeroizing::new(block.into())
    }
}

fn halves(nonce: &[u8; NONCE_BYTES]) -> (&Half, Half) {
    let (first, second) = nonce.split_first_chunk().expect("a nonce has two halves");
    (first, second.try_into().expect("and both are equally long"))
}

/// Multiplies by x in GF(2^128), without a branch on the secret.
fn doubled(block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
    let value = u128::from_be_bytes(block);
    let carry = (value >> 127) as u8;
    ((value << 1) ^ u128::from(carry * R128)).to_be_bytes()
}

#[cfg(test)]
#[path = "xaes_tests.rs"]
mod tests;
