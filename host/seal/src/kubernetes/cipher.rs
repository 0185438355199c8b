//! The ciphers of kube-apiserver (`k8s.io/apiserver/pkg/storage/value/encrypt`), as far as opening goes.
//!
//! What was opened is overwritten when dropped, and so is what failed to open.

use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt as _, BlockSizeUser, KeyInit, KeyIvInit as _,
    StreamCipher as _,
    consts::{U12, U16},
};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut as _;
use poly1305::Poly1305;
use salsa20::XSalsa20;
use zeroize::Zeroizing;

use crate::xaes::{Key32, NotAuthentic, TAG_BYTES};

/// A block of AES, and the initialisation vector of CBC, in bytes.
const BLOCK_BYTES: usize = 16;

const GCM_NONCE_BYTES: usize = 12;
const SECRETBOX_NONCE_BYTES: usize = 24;

/// What was opened.
pub(super) type Opened = Zeroizing<Vec<u8>>;

/// AES-GCM (NIST SP 800-38D): nonce, ciphertext, tag.
pub(super) fn open_gcm(key: &[u8], aad: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic> {
    match key.len() {
        16 => gcm::<Aes128>(key, aad, stored),
        24 => gcm::<Aes192>(key, aad, stored),
        32 => gcm::<Aes256>(key, aad, stored),
        _ => Err(NotAuthentic),
    }
}

fn gcm<A>(key: &[u8], aad: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic>
where
    A: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let (nonce, rest) = stored.split_first_chunk::<GCM_NONCE_BYTES>().ok_or(NotAuthentic)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
    let cipher = AesGcm::<A, U12>::new_from_slice(key).map_err(|_| NotAuthentic)?;
    let mut message = Zeroizing::new(ciphertext.to_vec());
    let opened =
        cipher.decrypt_inout_detached(&Array::from(*nonce), aad, message.as_mut_slice().into(), &Array::from(*tag));
    opened.map(|()| message).map_err(|_| NotAuthentic)
}

/// AES-CBC (NIST SP 800-38A) with the padding of PKCS#7: initialisation vector, ciphertext. Nothing but the padding tells whether
/// it is what was written.
pub(super) fn open_cbc(key: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic> {
    match key.len() {
        16 => cbc::<Aes128>(key, stored),
        24 => cbc::<Aes192>(key, stored),
        32 => cbc::<Aes256>(key, stored),
        _ => Err(NotAuthentic),
    }
}

fn cbc<A>(key: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic>
where
    A: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let (iv, ciphertext) = stored.split_first_chunk::<BLOCK_BYTES>().ok_or(NotAuthentic)?;
    let mut message = Zeroizing::new(ciphertext.to_vec());
    let (blocks, rest) = Array::slice_as_chunks_mut(&mut message);
    let cipher = cbc::Decryptor::<A>::new_from_slices(key, iv).ok().filter(|_| rest.is_empty());
    cipher.ok_or(NotAuthentic)?.decrypt_blocks(blocks);
    let padding = message.last().copied().ok_or(NotAuthentic)?;
    let length = message.len().checked_sub(padding.into()).ok_or(NotAuthentic)?;
    if !(1..=BLOCK_BYTES).contains(&padding.into()) || message[length..].iter().any(|byte| *byte != padding) {
        return Err(NotAuthentic);
    }
    message.truncate(length);
    Ok(message)
}

/// NaCl's secretbox (<https://nacl.cr.yp.to/secretbox.html>), `XSalsa20` and Poly1305: nonce, tag, ciphertext.
pub(super) fn open_secretbox(key: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic> {
    let (nonce, rest) = stored.split_first_chunk::<SECRETBOX_NONCE_BYTES>().ok_or(NotAuthentic)?;
    let (tag, ciphertext) = rest.split_first_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
    let mut stream = XSalsa20::new_from_slices(key, nonce).map_err(|_| NotAuthentic)?;
    // The first half of the first block is the key of the authenticator.
    let mut once = Key32::default();
    stream.apply_keystream(once.as_mut());
    let expected = Poly1305::new_from_slice(&*once).map_err(|_| NotAuthentic)?.compute_unpadded(ciphertext);
    // Without a branch on how much of it is right.
    if expected.iter().zip(tag).fold(0, |differs, (one, other)| differs | (one ^ other)) != 0 {
        return Err(NotAuthentic);
    }
    let mut message = Zeroizing::new(ciphertext.to_vec());
    stream.apply_keystream(&mut message);
    Ok(message)
}
