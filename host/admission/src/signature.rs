//! Whose components a member runs: those signed with an Ed25519 key that its operator trusts, if any are named.

use std::path::{Path, PathBuf};

use ring::signature::{ED25519, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

use crate::AdmissionError;

/// What an Ed25519 public key begins with as `SubjectPublicKeyInfo` (RFC 8410, section 4); the 32 bytes of the key follow.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KEY_BYTES: usize = 32;

/// Public keys in a file. It is read for every signature, so that keys come and go without a restart.
#[derive(Clone, Debug)]
pub struct TrustedKeys {
    path: PathBuf,
}

impl TrustedKeys {
    /// The keys in this file: one or more Ed25519 public keys as PEM.
    ///
    /// # Errors
    /// [`AdmissionError::TrustedKeys`] when it cannot be read or holds something else.
    pub fn open(path: &Path) -> Result<Self, AdmissionError> {
        let trusted = Self { path: path.to_owned() };
        trusted.keys().map(|_| trusted)
    }

    /// Whether `signature`, as `openssl pkeyutl -sign -rawin` makes it, is one of these keys' for exactly these bytes.
    ///
    /// # Errors
    /// [`AdmissionError::Unsigned`], [`AdmissionError::WronglySigned`]; [`AdmissionError::TrustedKeys`] when there are no keys to
    /// go by any more.
    pub(crate) fn verify(&self, component: &[u8], signature: &[u8]) -> Result<(), AdmissionError> {
        if signature.is_empty() {
            return Err(AdmissionError::Unsigned);
        }
        let signed_with =
            |key: &[u8; KEY_BYTES]| UnparsedPublicKey::new(&ED25519, key).verify(component, signature).is_ok();
        match self.keys()?.iter().any(signed_with) {
            true => Ok(()),
            false => Err(AdmissionError::WronglySigned),
        }
    }

    fn keys(&self) -> Result<Vec<[u8; KEY_BYTES]>, AdmissionError> {
        let unusable = |reason: String| AdmissionError::TrustedKeys { path: self.path.display().to_string(), reason };
        let read = SubjectPublicKeyInfoDer::pem_file_iter(&self.path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let read = read.map_err(|error| unusable(error.to_string()))?;
        let key = |der: &SubjectPublicKeyInfoDer<'_>| der.strip_prefix(&SPKI_PREFIX[..])?.try_into().ok();
        let keys: Option<Vec<_>> = read.iter().map(key).collect();
        keys.filter(|keys| !keys.is_empty())
            .ok_or_else(|| unusable("it has to hold Ed25519 public keys as PEM, and nothing else".to_owned()))
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
