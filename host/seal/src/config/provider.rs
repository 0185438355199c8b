//! Where a root key comes from, resolved.

use std::path::PathBuf;
use std::time::Duration;

use super::KubernetesKey;

/// A provider and the name by which rules refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedProvider {
    /// Its name in the configuration. In wraps it is named after its root key instead; see
    /// [`crate::RootKeyProvider::name`].
    pub name: String,
    /// Where its root key comes from.
    pub kind: ProviderConfig,
}

/// Where a root key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderConfig {
    /// From a file on this machine.
    KeyFile(KeyFileConfig),
    /// From a credential that systemd hands to the service.
    Credential(CredentialConfig),
    /// It stays with a Kubernetes KMS v2 plugin, which wraps and unwraps.
    Kms(KmsConfig),
    /// It is derived from a key in a Kubernetes `EncryptionConfiguration`.
    Kubernetes(KubernetesKey),
}

/// A root key in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFileConfig {
    /// Where it is, as the process would open it.
    pub path: PathBuf,
}

/// A root key in a systemd credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialConfig {
    /// Its name; a file of that name lies in `$CREDENTIALS_DIRECTORY`. It holds no `/`.
    pub name: String,
}

/// A KMS plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsConfig {
    /// The path of its socket.
    pub endpoint: PathBuf,
    /// How long a call waits for its answer.
    pub timeout: Duration,
}
