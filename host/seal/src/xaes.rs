//! XAES-256-GCM, the extended-nonce AEAD of <https://c2sp.org/XAES-256-GCM>.
//!
//! A 192-bit nonce can be drawn at random for 2^80 messages under one key (collision risk 2^-32), where the 96-bit
//! nonce of plain AES-256-GCM ends at 2^32. The first half of the nonce derives a message key by CMAC
//! (NIST SP 800-108r1, counter mode), the second half is the nonce of AES-256-GCM under that key.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use zeroize::{Zeroize as _, Zeroizing};

/// A key, overwritten when dropped.
pub(crate) type Key32 = Zeroizing<[u8; 32]>;

pub(crate) const NONCE_BYTES: usize = 24;
pub(crate) const TAG_BYTES: usize = 16;
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
}

impl Xaes {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(&Array::from(*key));
        let mut zero = Array::from([0; BLOCK_BYTES]);
        cipher.encrypt_block(&mut zero);
        Self { cipher, subkey: Zeroizing::new(doubled(zero.into())) }
    }

    /// Encrypts in place and answers the tag.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], message: &mut [u8]) -> [u8; TAG_BYTES] {
        self.one_message(nonce).seal(aad, message)
    }

    /// Decrypts in place; on failure the message is overwritten with zeros.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        message: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        self.one_message(nonce).open(aad, message, tag)
    }

    fn one_message(&self, nonce: &[u8; NONCE_BYTES]) -> OneMessage {
        let (derives, rest) = nonce.split_at(NONCE_BYTES / 2);
        let mut key = Key32::default();
        for (counter, half) in (1..).zip(key.chunks_exact_mut(BLOCK_BYTES)) {
            half.copy_from_slice(self.cmac_block(counter, derives).as_ref());
        }
        OneMessage::new(&key, rest.try_into().expect("half the nonce has 12 bytes"))
    }

    /// CMAC of the one block `counter (16 bits) || label || 0 || context`.
    fn cmac_block(&self, counter: u8, context: &[u8]) -> Zeroizing<[u8; BLOCK_BYTES]> {
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

/// AES-256-GCM (NIST SP 800-38D) for the one message of a key and nonce.
struct OneMessage {
    key: LessSafeKey,
    nonce: Nonce,
}

impl OneMessage {
    fn new(key: &[u8; 32], nonce: [u8; NONCE_BYTES / 2]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes");
        Self { key: LessSafeKey::new(key), nonce: Nonce::assume_unique_for_key(nonce) }
    }

    fn seal(self, aad: &[u8], message: &mut [u8]) -> [u8; TAG_BYTES] {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce, Aad::from(aad), message)
            .expect("only a message over 64 GiB fails, and requests are bounded far below");
        tag.as_ref().try_into().expect("an AES-GCM tag has 16 bytes")
    }

    fn open(self, aad: &[u8], message: &mut [u8], tag: [u8; TAG_BYTES]) -> Result<(), NotAuthentic> {
        match self.key.open_in_place_separate_tag(self.nonce, Aad::from(aad), Tag::from(tag), message, 0..) {
            Ok(_) => Ok(()),
            Err(_) => {
                message.zeroize();
                Err(NotAuthentic)
            }
        }
    }
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
