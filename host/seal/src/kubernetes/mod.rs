//! Values that kube-apiserver encrypted before they came to an etcd, opened with its keys.
//!
//! ```text
//!  k8s:enc:aesgcm:v1:NAME:      nonce, ciphertext, tag; the associated data is the key in etcd
//!  k8s:enc:aescbc:v1:NAME:      initialisation vector, ciphertext; nothing tells that it was altered
//!  k8s:enc:secretbox:v1:NAME:   nonce, tag, ciphertext; nothing tells that it was moved to another key
//!  k8s:enc:kms:v2:NAME:         a protobuf message: the ciphertext as for aesgcm, its key encrypted by a plugin
//! ```
//!
//! The source is `k8s.io/apiserver`: `pkg/server/options/encryptionconfig` for the names, `pkg/storage/value/encrypt` for the rest.

mod cipher;
mod envelope;

use types::Plain;

use crate::config::{EncryptionConfig, KubernetesKey, KubernetesKeyKind, KubernetesPlugin};
use crate::xaes::NotAuthentic;
use crate::{Kms, KmsOptions, SealError};
use cipher::Opened;
use envelope::{Envelopes, Unopened};

/// What each encrypted value begins with.
const ENCRYPTED: &[u8] = b"k8s:enc:";

/// Most bytes of the name of a key that are shown.
const SHOWN_BYTES_MAX: usize = 100;

/// Opens what kube-apiserver encrypted. It has no `Debug` on purpose.
pub struct Decrypter {
    keys: Vec<KubernetesKey>,
    plugins: Vec<(String, Envelopes)>,
}

/// What opens a value, with what is before the value in that case.
enum Opener<'d> {
    Key(&'d KubernetesKey),
    Plugin(&'d Envelopes),
}

impl Decrypter {
    /// Takes the keys of a configuration. A plugin is not asked for anything yet.
    ///
    /// # Errors
    /// Those of [`Kms::open`].
    pub fn new(config: &EncryptionConfig) -> Result<Self, SealError> {
        let plugin = |KubernetesPlugin { name, kms }: &KubernetesPlugin| {
            let (endpoint, timeout) = (kms.endpoint.clone(), kms.timeout);
            let kms = Kms::open(KmsOptions { name: name.clone(), endpoint, timeout })?;
            Ok((name.clone(), Envelopes::new(Box::new(kms))))
        };
        let plugins = config.plugins.iter().map(plugin).collect::<Result<_, SealError>>()?;
        Ok(Self { keys: config.keys.clone(), plugins })
    }

    /// Whether kube-apiserver encrypted the value.
    #[must_use]
    pub fn is_encrypted(value: &[u8]) -> bool {
        value.starts_with(ENCRYPTED)
    }

    /// Opens a value that was stored under the key in etcd, and is encrypted.
    ///
    /// # Errors
    /// [`SealError::UnknownEncryptionKey`], [`SealError::DamagedEncryption`], and those of a KMS plugin.
    pub fn open(&self, key: &[u8], value: &[u8]) -> Result<Plain, SealError> {
        let wanted = || wanted(value);
        let mut failed = None;
        let mut opened: Option<Opened> = None;
        for (opener, stored) in self.openers(value) {
            match opener.open(key, stored) {
                // Of what is not authenticated it cannot be told which one is meant.
                Ok(other) if opened.as_ref().is_some_and(|opened| *opened != other) => {
                    return Err(SealError::DamagedEncryption { wanted: wanted() });
                }
                Ok(value) => opened = Some(value),
                Err(Unopened::Damaged) => failed = failed.or(Some(SealError::DamagedEncryption { wanted: wanted() })),
                Err(Unopened::Failed(error)) => failed = Some(error),
            }
        }
        match opened {
            Some(mut opened) => Ok(Plain::from(std::mem::take(&mut *opened))),
            None => Err(failed.unwrap_or_else(|| SealError::UnknownEncryptionKey { wanted: wanted() })),
        }
    }

    /// Everything whose name is in the value. As in Kubernetes, several keys may have one name, each for other resources.
    fn openers<'v>(&'v self, value: &'v [u8]) -> impl Iterator<Item = (Opener<'v>, &'v [u8])> {
        let keys = self.keys.iter().filter_map(move |key| {
            let stored = behind(value, key.kind().as_str(), "v1", key.name())?;
            Some((Opener::Key(key), stored))
        });
        let plugins = self.plugins.iter().filter_map(move |(name, plugin)| {
            let stored = behind(value, "kms", "v2", name)?;
            Some((Opener::Plugin(plugin), stored))
        });
        keys.chain(plugins)
    }
}

impl Opener<'_> {
    fn open(&self, key: &[u8], stored: &[u8]) -> Result<Opened, Unopened> {
        match self {
            Self::Plugin(plugin) => plugin.open(key, stored),
            Self::Key(secret) => opened_by(secret, key, stored).map_err(Unopened::from),
        }
    }
}

fn opened_by(secret: &KubernetesKey, key: &[u8], stored: &[u8]) -> Result<Opened, NotAuthentic> {
    match secret.kind() {
        KubernetesKeyKind::AesGcm => cipher::open_gcm(secret.secret(), key, stored),
        KubernetesKeyKind::AesCbc => cipher::open_cbc(secret.secret(), stored),
        KubernetesKeyKind::Secretbox => cipher::open_secretbox(secret.secret(), stored),
    }
}

/// What is behind `k8s:enc:SCHEME:VERSION:NAME:`.
fn behind<'v>(value: &'v [u8], scheme: &str, version: &str, name: &str) -> Option<&'v [u8]> {
    let mut rest = value.strip_prefix(ENCRYPTED)?;
    for part in [scheme, version, name] {
        rest = rest.strip_prefix(part.as_bytes())?.strip_prefix(b":")?;
    }
    Some(rest)
}

/// Scheme, version and name that a value begins with. It is what an operator looks for in the configuration, so it is shown; what is
/// behind the name is not.
fn wanted(value: &[u8]) -> String {
    let rest = value.strip_prefix(ENCRYPTED).unwrap_or_default();
    let parts: Vec<_> = rest.splitn(4, |byte| *byte == b':').collect();
    // Without a colon behind it, the name is none: it may be of the value.
    let parts = if parts.len() == 4 { &parts[..3] } else { &[][..] };
    let mut shown = parts.join(&b':');
    shown.truncate(SHOWN_BYTES_MAX);
    String::from_utf8_lossy(&shown).escape_default().to_string()
}

#[cfg(test)]
mod tests;
