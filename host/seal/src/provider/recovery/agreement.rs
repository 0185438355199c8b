//! Wraps for a public key: X25519 with an ephemeral key, HKDF-SHA256, and a root key that serves one wrap.

use ring::hkdf;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use crate::xaes::Key32;
use crate::{RootKey, SealError, random};

/// First byte of a blob: this layout and this derivation.
const VERSION: u8 = 1;

/// Label of the derivation; it changes with what goes into it.
const LABEL: &[u8] = b"strongroom recovery wrap v1";

pub(super) const PUBLIC_BYTES: usize = 32;

/// # Errors
/// [`SealError::BadRecipient`] for a public key of small order: anybody could unwrap what is wrapped for it.
pub(super) fn wrap(recipient: &[u8; PUBLIC_BYTES], plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let secret = random_secret()?;
    let ephemeral = PublicKey::from(&secret).to_bytes();
    let shared = secret.diffie_hellman(&PublicKey::from(*recipient));
    let weak = SealError::BadRecipient { reason: "its public key is of small order" };
    let wrap = agreed(&shared, &ephemeral, recipient).ok_or(weak)?.wrap(plaintext, aad)?;
    Ok([&[VERSION][..], &ephemeral, &wrap].concat())
}

/// `None` for what was not wrapped for this key and this associated data.
pub(super) fn unwrap(
    secret: &StaticSecret,
    recipient: &[u8; PUBLIC_BYTES],
    blob: &[u8],
    aad: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (&version, rest) = blob.split_first()?;
    let (ephemeral, wrap) = rest.split_first_chunk::<PUBLIC_BYTES>()?;
    if version != VERSION {
        return None;
    }
    let shared = secret.diffie_hellman(&PublicKey::from(*ephemeral));
    agreed(&shared, ephemeral, recipient)?.unwrap(wrap, aad).ok()
}

/// Whether an agreement with this public key gives what everybody knows (RFC 7748, section 6.1).
pub(super) fn is_weak(public: &[u8; PUBLIC_BYTES]) -> bool {
    // Every private key is a multiple of the cofactor, so any of them shows it.
    !StaticSecret::from([1; 32]).diffie_hellman(&PublicKey::from(*public)).was_contributory()
}

/// The root key that both sides agree on; `None` where one side did not contribute to it.
fn agreed(shared: &SharedSecret, ephemeral: &[u8; PUBLIC_BYTES], recipient: &[u8; PUBLIC_BYTES]) -> Option<RootKey> {
    shared.was_contributory().then(|| derived(shared.as_bytes(), ephemeral, recipient))
}

/// Both public keys are bound: they have more than one encoding, and only the one that was used will do.
pub(super) fn derived(shared: &[u8; 32], ephemeral: &[u8; PUBLIC_BYTES], recipient: &[u8; PUBLIC_BYTES]) -> RootKey {
    let salt = [ephemeral.as_slice(), recipient].concat();
    let mut key = Key32::default();
    hkdf::Salt::new(hkdf::HKDF_SHA256, &salt)
        .extract(shared)
        .expand(&[LABEL], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(key.as_mut()))
        .expect("HKDF-SHA256 gives 32 bytes");
    RootKey::from_bytes(key)
}

fn random_secret() -> Result<StaticSecret, SealError> {
    let mut bytes = Key32::default();
    random::fill(bytes.as_mut())?;
    Ok(StaticSecret::from(*bytes))
}
