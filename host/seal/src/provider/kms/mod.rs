//! A root key in a KMS, asked through a Kubernetes KMS v2 plugin on this machine.
//!
//! The plugin knows no associated data and takes little at once. So a wrap is made here, with a random key of its own (the
//! seed), and the plugin encrypts the seed:
//!
//! ```text
//!  blob = encrypted seed | key id | annotations | wrap by the seed of (data key; associated data, what is left of here)
//! ```
//!
//! The seed is overwritten here when done with; the buffers of the gRPC library and of the plugin are their own.

mod blob;
mod link;
mod protocol;
mod reason;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use proto::kms::{DecryptRequest, DecryptResponse, EncryptRequest, StatusRequest};
use zeroize::{Zeroize as _, Zeroizing};

use crate::xaes::Key32;
use crate::{RootKey, RootKeyProvider, SealError, random};
use blob::Blob;
pub(crate) use blob::EncryptedSeed;
use link::{Failure, Link};

/// Longest name in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Where a KMS plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsOptions {
    /// What its wraps are recorded under, as `kms:NAME`: it names the KMS and the key in it that rotates, so it must never
    /// be given to another.
    pub name: String,
    /// The plugin's unix-domain socket.
    pub endpoint: PathBuf,
    /// Longest time for one call.
    pub timeout: Duration,
}

/// A KMS plugin. It is connected to when it is first asked, and again after the connection broke.
///
/// Calls block, from any thread, for the timeout of the options at most.
pub struct Kms {
    name: String,
    endpoint: PathBuf,
    link: Link,
}

impl Kms {
    /// Makes ready to ask the plugin, without asking: a plugin may start later than this.
    ///
    /// # Errors
    /// [`SealError::KmsName`]; [`SealError::Io`] when no thread can be started.
    pub fn open(options: KmsOptions) -> Result<Self, SealError> {
        let KmsOptions { name, endpoint, timeout } = options;
        if !is_name(&name) {
            return Err(SealError::KmsName { name });
        }
        let link = Link::new(&endpoint, timeout);
        let link = link.map_err(|source| SealError::io("preparing to ask the KMS plugin at", &endpoint, source))?;
        Ok(Self { name, endpoint, link })
    }

    /// Where the plugin's socket is.
    #[must_use]
    pub fn endpoint(&self) -> &Path {
        &self.endpoint
    }

    /// The key of the KMS that encrypts what this wrap stands on; `None` when it is no wrap of a KMS.
    #[must_use]
    pub fn key_id_of(blob: &[u8]) -> Option<String> {
        Blob::parse(blob).map(|blob| blob.seed.key_id)
    }

    /// The id of the key in use, from a plugin that is well.
    fn status(&self) -> Result<String, SealError> {
        let answer = self.link.call(|mut client| async move { client.status(StatusRequest {}).await });
        let answer = answer.map_err(|failure| self.failed(&failure, b""))?;
        protocol::check_version(&answer.version).map_err(|reason| self.broken(reason))?;
        if answer.healthz != protocol::HEALTHY {
            return Err(self.unavailable(format!("it says that it is not well: {}", reason::clean(&answer.healthz))));
        }
        protocol::check_key_id(&answer.key_id).map_err(|reason| self.broken(reason))?;
        Ok(answer.key_id)
    }

    fn encrypt(&self, seed: &RootKey) -> Result<EncryptedSeed, SealError> {
        // The library shares this buffer while it sends, and drops it, overwritten, when it has.
        let plaintext = Bytes::from_owner(Zeroizing::new(*seed.expose()));
        let request = EncryptRequest { plaintext, uid: uid()? };
        let answer = self.link.call(|mut client| async move { client.encrypt(request).await });
        let answer = answer.map_err(|failure| self.failed(&failure, seed.expose()))?;
        let encrypted = EncryptedSeed::from(answer);
        encrypted.check().map_err(|reason| self.broken(reason))?;
        Ok(encrypted)
    }

    /// What the plugin makes of this.
    ///
    /// # Errors
    /// [`SealError::NotUnwrapped`] when it says that it did not encrypt it, or cannot decrypt it any more.
    pub(crate) fn decrypt(&self, encrypted: &EncryptedSeed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let EncryptedSeed { ciphertext, key_id, annotations } = encrypted.clone();
        let request = DecryptRequest { ciphertext, uid: uid()?, key_id, annotations };
        let answer = self.link.call(|mut client| async move { client.decrypt(request).await });
        let answer = answer.map_err(|failure| match failure {
            Failure::Status(status) if protocol::refuses(status.code()) => self.not_unwrapped(),
            failure => self.failed(&failure, &encrypted.ciphertext),
        })?;
        Ok(taken(answer))
    }

    fn seed(&self, encrypted: &EncryptedSeed) -> Result<RootKey, SealError> {
        let decrypted = self.decrypt(encrypted)?;
        let key = <[u8; 32]>::try_from(&decrypted[..]).map(Key32::new).map(RootKey::from_bytes);
        key.map_err(|_| self.broken("what it decrypted has not the length that was encrypted"))
    }

    /// `sent` is what the plugin was told, and may not be told to others.
    fn failed(&self, failure: &Failure, sent: &[u8]) -> SealError {
        match failure {
            Failure::Unanswered(reason) => self.unavailable(reason.clone()),
            Failure::Status(status) if protocol::breaks(status.code()) => self.broken(reason::of(status, sent)),
            Failure::Status(status) => self.unavailable(reason::of(status, sent)),
        }
    }

    fn unavailable(&self, reason: String) -> SealError {
        SealError::ProviderUnavailable { provider: self.name(), reason }
    }

    fn broken(&self, reason: impl Into<String>) -> SealError {
        SealError::ProviderBroken { provider: self.name(), reason: reason.into() }
    }

    fn not_unwrapped(&self) -> SealError {
        SealError::NotUnwrapped { provider: self.name() }
    }
}

impl RootKeyProvider for Kms {
    fn name(&self) -> String {
        format!("kms:{}", self.name)
    }

    fn root_key_id(&self) -> Result<String, SealError> {
        self.status()
    }

    fn root_key_id_of(&self, blob: &[u8]) -> String {
        Self::key_id_of(blob).unwrap_or_default()
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = RootKey::generate()?;
        let seed = self.encrypt(&key)?;
        let wrap = key.wrap(plaintext, seed.bind(aad).as_ref())?;
        Ok(Blob { seed, wrap: wrap.into() }.encode())
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let blob = Blob::parse(blob).ok_or_else(|| self.not_unwrapped())?;
        let key = self.seed(&blob.seed)?;
        key.unwrap(&blob.wrap, blob.seed.bind(aad).as_ref()).map_err(|_| self.not_unwrapped())
    }

    fn check(&self) -> Result<(), SealError> {
        self.status().map(drop)
    }
}

impl fmt::Debug for Kms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KMS {} at {}", self.name, self.endpoint.display())
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// Names a request in the logs of the plugin.
fn uid() -> Result<String, SealError> {
    let mut bytes = [0; 16];
    random::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// What was decrypted, and nothing left of it in the answer.
fn taken(answer: DecryptResponse) -> Zeroizing<Vec<u8>> {
    let decrypted = Zeroizing::new(answer.plaintext.to_vec());
    if let Ok(mut received) = answer.plaintext.try_into_mut() {
        received.as_mut().zeroize();
    }
    decrypted
}

#[cfg(test)]
mod fake_plugin;
#[cfg(test)]
#[path = "kms_tests.rs"]
mod tests;
