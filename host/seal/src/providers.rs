//! The root-key providers of one member, as its configuration names them.

use std::fmt;

use zeroize::Zeroizing;

use crate::{DataKeyRecord, RootKeyProvider, SealError, Wrap};

/// What this member wraps data keys with, and unwraps them.
pub struct Providers {
    /// With their names in the configuration. The first one is the default.
    named: Vec<(String, Box<dyn RootKeyProvider>)>,
    /// They wrap every new data key as well, so that it can be had back without the others.
    recovery: Vec<Box<dyn RootKeyProvider>>,
}

impl Providers {
    /// The first of `named` is the default.
    ///
    /// # Panics
    /// Without a provider: a member that has none is keyless, and has no `Providers`.
    #[must_use]
    pub fn new(named: Vec<(String, Box<dyn RootKeyProvider>)>, recovery: Vec<Box<dyn RootKeyProvider>>) -> Self {
        assert!(!named.is_empty(), "a member with a root key has a provider of it");
        Self { named, recovery }
    }

    /// One provider, and no recovery.
    #[must_use]
    pub fn single(provider: impl RootKeyProvider + 'static) -> Self {
        Self::new(vec![("default".to_owned(), Box::new(provider))], Vec::new())
    }

    /// All but those for recovery, which can only wrap.
    pub fn iter(&self) -> impl Iterator<Item = &dyn RootKeyProvider> {
        self.named.iter().map(|(_, provider)| provider.as_ref())
    }

    /// The one that a rule names, the default for an empty name.
    ///
    /// # Errors
    /// [`SealError::UnknownProvider`].
    pub fn called(&self, name: &str) -> Result<&dyn RootKeyProvider, SealError> {
        let mut named = self.named.iter();
        let found = if name.is_empty() { named.next() } else { named.find(|(called, _)| called == name) };
        let unknown = || SealError::UnknownProvider { name: name.to_owned() };
        found.map(|(_, provider)| provider.as_ref()).ok_or_else(unknown)
    }

    /// Wraps a data key with the provider of that name, and for recovery.
    pub(crate) fn wrap(&self, name: &str, plaintext: &[u8], aad: &[u8]) -> Result<Vec<Wrap>, SealError> {
        self.wanted(name)?.map(|provider| wrap(provider, plaintext, aad)).collect()
    }

    /// Whether the wraps of a data key are those that would be made now. No wrap is opened for that.
    pub(crate) fn are_current(&self, name: &str, wraps: &[Wrap]) -> Result<bool, SealError> {
        let wanted: Vec<_> = self.wanted(name)?.map(RootKeyProvider::name).collect();
        for provider in self.wanted(name)? {
            let (by, root_key_id) = (provider.name(), provider.root_key_id()?);
            if !wraps.iter().any(|wrap| wrap.provider == by && wrap.root_key_id == root_key_id) {
                return Ok(false);
            }
        }
        Ok(wraps.iter().all(|wrap| wanted.contains(&wrap.provider) || !self.is_known(&wrap.provider)))
    }

    /// Those that wrap a data key of a rule with this provider.
    fn wanted(&self, name: &str) -> Result<impl Iterator<Item = &dyn RootKeyProvider>, SealError> {
        Ok(std::iter::once(self.called(name)?).chain(self.recovery.iter().map(AsRef::as_ref)))
    }

    /// Whether a provider of this name is here. What another one has wrapped may be what another member needs.
    pub(crate) fn is_known(&self, provider: &str) -> bool {
        self.iter().chain(self.recovery.iter().map(AsRef::as_ref)).any(|known| known.name() == provider)
    }

    /// Unwraps a data key by the first of its wraps that a provider here can open.
    pub(crate) fn unwrap(&self, record: &DataKeyRecord, aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let mut why = Unopened::NoWrap;
        for wrap in &record.wraps {
            let Some(provider) = self.iter().find(|provider| provider.name() == wrap.provider) else { continue };
            match provider.unwrap(&wrap.blob, aad) {
                Ok(material) => return Ok(material),
                Err(SealError::NotUnwrapped { .. }) => why = why.or(Unopened::Damaged(wrap.provider.clone())),
                Err(other) => why = Unopened::Failed(other),
            }
        }
        Err(why)
    }

    /// For an error: what this member has.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.iter().map(RootKeyProvider::name).collect();
        names.join(", ")
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names())
    }
}

/// Why no wrap of a data key opened.
pub(crate) enum Unopened {
    /// None was made by a provider that is here.
    NoWrap,
    /// This provider says that it did not make the wrap that bears its name.
    Damaged(String),
    /// A provider failed.
    Failed(SealError),
}

impl Unopened {
    /// What says more: a provider that fails may still be able to, later.
    fn or(self, other: Self) -> Self {
        if matches!(self, Self::Failed(_)) { self } else { other }
    }
}

fn wrap(provider: &dyn RootKeyProvider, plaintext: &[u8], aad: &[u8]) -> Result<Wrap, SealError> {
    let blob = provider.wrap(plaintext, aad)?;
    Ok(Wrap { provider: provider.name(), root_key_id: provider.root_key_id_of(&blob), blob: blob.into() })
}
