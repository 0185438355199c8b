//! A key of an `EncryptionConfiguration`, and the root key that follows from it.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use crate::RootKey;
use crate::binding::length;
use crate::xaes::Key32;

/// Label of the derivation; with another one every root key would be another.
const ROOT_KEY_LABEL: &str = "strongroom root key from an EncryptionConfiguration";

/// A key of an `EncryptionConfiguration`, overwritten when dropped.
///
/// The key itself encrypts nothing here: a root key of the right size is derived from it, so that neither opens what the
/// other wrote. It opens what kube-apiserver encrypted with it, in a [`crate::Decrypter`].
#[derive(Clone, PartialEq, Eq)]
pub struct KubernetesKey {
    kind: KubernetesKeyKind,
    name: String,
    secret: Zeroizing<Vec<u8>>,
}

/// What Kubernetes encrypts with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KubernetesKeyKind {
    /// AES-GCM with 16, 24 or 32 bytes.
    AesGcm,
    /// XSalsa20 and Poly1305 with 32 bytes.
    Secretbox,
    /// AES-CBC with 16, 24 or 32 bytes. Nothing is written with it here.
    AesCbc,
}

impl KubernetesKey {
    pub(crate) fn new(kind: KubernetesKeyKind, name: String, secret: Zeroizing<Vec<u8>>) -> Self {
        Self { kind, name, secret }
    }

    /// What Kubernetes encrypts with it.
    #[must_use]
    pub fn kind(&self) -> KubernetesKeyKind {
        self.kind
    }

    /// Its name in the file. It is not part of the root key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The root key: HMAC-SHA256 under the label over (kind, secret), each behind its length. That is the extraction step
    /// of HKDF (RFC 5869); every use of a root key expands it with a label of its own.
    #[must_use]
    pub fn root_key(&self) -> RootKey {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, ROOT_KEY_LABEL.as_bytes()));
        for field in [self.kind.as_str().as_bytes(), &self.secret] {
            context.update(&length(field));
            context.update(field);
        }
        let mut root = Key32::default();
        root.copy_from_slice(context.sign().as_ref());
        RootKey::from_bytes(root)
    }
}

impl KubernetesKeyKind {
    /// As the file calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AesGcm => "aesgcm",
            Self::Secretbox => "secretbox",
            Self::AesCbc => "aescbc",
        }
    }
}

impl fmt::Debug for KubernetesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} key {:?} ({} bytes)", self.kind.as_str(), self.name, self.secret.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KubernetesKeyKind, name: &str, secret: &[u8]) -> KubernetesKey {
        KubernetesKey::new(kind, name.to_owned(), Zeroizing::new(secret.to_vec()))
    }

    /// Computed with another implementation of HMAC.
    #[test]
    fn the_root_key_is_the_documented_derivation() {
        let cases = [
            (KubernetesKeyKind::AesGcm, 16, "671365506ad90842d6481557d83162a9ebf45070457c50804fbfd6d054ec2a30"),
            (KubernetesKeyKind::AesGcm, 32, "c425a2aef6938717ad8f5719c5776fc12a798f6014a14aecc8cf3560e9a9d917"),
            (KubernetesKeyKind::Secretbox, 32, "13c751d3aa042b50afda0dd9d461a6a1446d192dba7c5261c9e1829002246abd"),
        ];
        for (kind, size, expected) in cases {
            let secret: Vec<u8> = (0..size).collect();
            assert_eq!(hex::encode(key(kind, "key1", &secret).root_key().expose()), expected, "{kind:?} {size}");
        }
    }

    #[test]
    fn the_root_key_follows_kind_and_secret_but_not_the_name() {
        let root = |kind, name, secret| *key(kind, name, secret).root_key().expose();
        let one = root(KubernetesKeyKind::AesGcm, "key1", &[7; 32]);
        assert_eq!(one, root(KubernetesKeyKind::AesGcm, "renamed", &[7; 32]));
        assert_ne!(one, root(KubernetesKeyKind::Secretbox, "key1", &[7; 32]));
        assert_ne!(one, root(KubernetesKeyKind::AesGcm, "key1", &[8; 32]));
        assert_ne!(one, [7; 32], "the secret itself is never a root key");
        let (short, padded) = ([9; 16], [[9; 16], [0; 16]].concat());
        let kind = KubernetesKeyKind::AesGcm;
        assert_ne!(root(kind, "key1", &short), root(kind, "key1", &padded), "zeros at the end count");
    }

    #[test]
    fn debug_shows_the_name_and_nothing_of_the_secret() {
        let key = key(KubernetesKeyKind::Secretbox, "key1", b"canary-0123456789-0123456789-012");
        assert_eq!(format!("{key:?} {key:#?}"), "secretbox key \"key1\" (32 bytes) secretbox key \"key1\" (32 bytes)");
    }
}
