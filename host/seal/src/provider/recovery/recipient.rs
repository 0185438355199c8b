//! The public half: wraps, and cannot unwrap.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::agreement::{self, PUBLIC_BYTES};
use super::costs::{COSTS_BYTES, RecoveryCosts, SALT_BYTES, check_passphrase};
use crate::{RootKeyProvider, SealError, random};

const MARKER: &str = "strongroom-recovery-v1:";

/// Salt, costs, public key.
const BYTES: usize = SALT_BYTES + COSTS_BYTES + PUBLIC_BYTES;

/// The first bytes of the SHA-256 of the marker and all those: what was copied wrong is noticed before it is needed.
const CHECK_BYTES: usize = 6;

/// Base64 of all of it; the number of bytes is a multiple of three, so there is no padding.
const ENCODED_BYTES: usize = (BYTES + CHECK_BYTES) / 3 * 4;

/// Hex digits of a fingerprint: it is a name, not a check.
const FINGERPRINT_DIGITS: usize = 8;

/// Whom recovery wraps are for. Nothing in it is secret, but without it the passphrase recovers nothing: keep its text
/// with the passphrase.
///
/// Its text is `strongroom-recovery-v1:` and, in base64, a salt (16 bytes), the costs (memory in KiB, passes and lanes,
/// 4 bytes each, big-endian), an X25519 public key (32 bytes) and a check (6 bytes of a SHA-256 over the text before it,
/// decoded).
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryRecipient {
    salt: [u8; SALT_BYTES],
    costs: RecoveryCosts,
    public: [u8; PUBLIC_BYTES],
}

impl RecoveryRecipient {
    /// Makes a recipient of this passphrase; each one of the same passphrase is another. Takes as long as the costs say.
    ///
    /// # Errors
    /// [`SealError::ShortPassphrase`], [`SealError::NoRandom`], [`SealError::NoMemory`].
    pub fn create(passphrase: &str, costs: RecoveryCosts) -> Result<Self, SealError> {
        check_passphrase(passphrase)?;
        let mut salt = [0; SALT_BYTES];
        random::fill(&mut salt)?;
        let public = PublicKey::from(&costs.private_key(passphrase, &salt)?).to_bytes();
        Ok(Self { salt, costs, public })
    }

    /// Names the public key: 8 hex digits of its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut digits = hex::encode(digest(&SHA256, &self.public));
        digits.truncate(FINGERPRINT_DIGITS);
        digits
    }

    /// The private key that it would belong to if this were its passphrase.
    pub(super) fn private_key(&self, passphrase: &str) -> Result<StaticSecret, SealError> {
        self.costs.private_key(passphrase, &self.salt)
    }

    pub(super) fn public(&self) -> &[u8; PUBLIC_BYTES] {
        &self.public
    }

    fn from_bytes(bytes: &[u8; BYTES]) -> Result<Self, SealError> {
        let cut = SealError::BadRecipient { reason: "it is cut" };
        let Some((salt, rest)) = bytes.split_first_chunk() else { return Err(cut) };
        let Some((costs, rest)) = rest.split_first_chunk() else { return Err(cut) };
        let Some((public, _)) = rest.split_first_chunk() else { return Err(cut) };
        if agreement::is_weak(public) {
            return Err(SealError::BadRecipient { reason: "its public key is of small order" });
        }
        Ok(Self { salt: *salt, costs: RecoveryCosts::from_bytes(costs)?, public: *public })
    }
}

impl RootKeyProvider for RecoveryRecipient {
    fn name(&self) -> String {
        format!("recovery:{}", self.fingerprint())
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        agreement::wrap(&self.public, plaintext, aad)
    }

    /// Always refused: the private key is not here. See [`crate::RecoveryKey`].
    fn unwrap(&self, _blob: &[u8], _aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        Err(SealError::NotUnwrapped { provider: self.name() })
    }
}

impl FromStr for RecoveryRecipient {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let wrong = |reason| SealError::BadRecipient { reason };
        let encoded = text.strip_prefix(MARKER).ok_or(wrong("it does not begin with strongroom-recovery-v1:"))?;
        if encoded.len() != ENCODED_BYTES {
            return Err(wrong("what follows the colon is not 88 characters"));
        }
        let decoded = BASE64_STANDARD.decode(encoded).map_err(|_| wrong("what follows the colon is not base64"))?;
        match decoded.split_first_chunk() {
            Some((bytes, check)) if check == self::check(bytes) => Self::from_bytes(bytes),
            _ => Err(wrong("a character of it was copied wrong")),
        }
    }
}

impl fmt::Display for RecoveryRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [self.salt.as_slice(), &self.costs.to_bytes(), &self.public].concat();
        bytes.extend(check(&bytes));
        write!(f, "{MARKER}{}", BASE64_STANDARD.encode(bytes))
    }
}

impl fmt::Debug for RecoveryRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recovery recipient {}", self.fingerprint())
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = digest(&SHA256, &[MARKER.as_bytes(), bytes].concat());
    *hash.as_ref().first_chunk().expect("a SHA-256 has 32 bytes")
}
