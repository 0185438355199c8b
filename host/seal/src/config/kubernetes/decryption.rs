//! What the file says of values that are encrypted already: which keys and plugins open them.

use std::path::Path;

use super::provider::{self, Written};
use super::{KubernetesKey, check_kind, some};
use crate::SealError;
use crate::config::section::{Problems, Section};
use crate::config::{KmsConfig, NamedProvider, ProviderConfig, load_with};

/// How kube-apiserver encrypted what is in its etcd. Which resources it did so for does not matter: each value names its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionConfig {
    pub(crate) keys: Vec<KubernetesKey>,
    pub(crate) plugins: Vec<KubernetesPlugin>,
}

/// A KMS v2 plugin of an `EncryptionConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KubernetesPlugin {
    pub(crate) name: String,
    pub(crate) kms: KmsConfig,
}

impl EncryptionConfig {
    /// Reads and checks an `EncryptionConfiguration`, which only its owner may read.
    ///
    /// # Errors
    /// [`SealError::Io`], or [`SealError::Config`] with every mistake in it, each with its place.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SealError> {
        load_with(path.as_ref(), read, |config| !config.keys.is_empty())
    }

    fn add(&mut self, written: Written) {
        match written {
            Written::Providers(providers) => providers.into_iter().for_each(|provider| self.add_provider(provider)),
            Written::AesCbc(keys) => keys.into_iter().for_each(|key| self.add_key(key)),
            Written::Identity => {}
        }
    }

    fn add_provider(&mut self, NamedProvider { name, kind }: NamedProvider) {
        match kind {
            ProviderConfig::Kubernetes(key) => self.add_key(key),
            ProviderConfig::Kms(kms) => {
                let plugin = KubernetesPlugin { name: provider::plugin_name(&name).to_owned(), kms };
                if !self.plugins.contains(&plugin) {
                    self.plugins.push(plugin);
                }
            }
            ProviderConfig::KeyFile(_) | ProviderConfig::Credential(_) => {}
        }
    }

    fn add_key(&mut self, key: KubernetesKey) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }
}

/// Reads the keys and plugins of a whole file, in order.
fn read(mut file: Section, _: &Path, problems: &mut Problems) -> EncryptionConfig {
    check_kind(&mut file, problems);
    let mut config = EncryptionConfig::default();
    for (place, node) in some(&mut file, "resources", problems) {
        let Some(mut entry) = Section::of(node, place, problems) else { continue };
        for (place, node) in some(&mut entry, "providers", problems) {
            if let Some(written) = provider::read(node, place, problems) {
                config.add(written);
            }
        }
        some(&mut entry, "resources", problems);
        entry.finish(problems);
    }
    file.finish(problems);
    config
}

#[cfg(test)]
#[path = "decryption_tests.rs"]
mod tests;
