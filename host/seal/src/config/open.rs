//! Opens the configured providers.

use super::kubernetes::plugin_name;
use super::{NamedProvider, ProviderConfig, SealConfig, WhenUnavailable};
use crate::provider::Derived;
use crate::{Credential, KeyFile, Kms, KmsOptions, Providers, RecoveryRecipient, RootKeyProvider, SealError};

impl SealConfig {
    /// Opens every provider; nothing for a member that is to be keyless. Asks each whether it can be used, if the start is to fail
    /// otherwise; so this may block.
    ///
    /// # Errors
    /// Those of the providers, and [`SealError::BadRecipient`].
    pub fn open_providers(&self) -> Result<Option<Providers>, SealError> {
        let default = self.provider("").map(|provider| &provider.name);
        // The default one comes first.
        let others = self.providers.iter().filter(|provider| Some(&provider.name) != default);
        let in_order = self.provider("").into_iter().chain(others);
        let named = in_order.map(|provider| Ok((provider.name.clone(), provider.open()?)));
        let named: Vec<_> = named.collect::<Result<_, SealError>>()?;
        if named.is_empty() {
            return Ok(None);
        }
        if self.when_unavailable == WhenUnavailable::RefuseToStart {
            named.iter().try_for_each(|(_, provider)| provider.check())?;
        }
        let recipient = |text: &String| Ok(Box::new(text.parse::<RecoveryRecipient>()?) as Box<dyn RootKeyProvider>);
        let recovery = self.recovery.iter().map(recipient).collect::<Result<_, SealError>>()?;
        Ok(Some(Providers::new(named, recovery)))
    }
}

impl NamedProvider {
    /// Opens the provider.
    ///
    /// # Errors
    /// Those of [`KeyFile::open`] and [`Credential::open`]. A KMS is not asked for anything yet.
    pub fn open(&self) -> Result<Box<dyn RootKeyProvider>, SealError> {
        Ok(match &self.kind {
            ProviderConfig::KeyFile(config) => Box::new(KeyFile::open(&config.path)?),
            ProviderConfig::Credential(config) => Box::new(Credential::open(&Credential::directory()?, &config.name)?),
            ProviderConfig::Kms(config) => Box::new(Kms::open(KmsOptions {
                name: plugin_name(&self.name).to_owned(),
                endpoint: config.endpoint.clone(),
                timeout: config.timeout,
            })?),
            ProviderConfig::Kubernetes(key) => Box::new(Derived::new(key.root_key())),
        })
    }
}
