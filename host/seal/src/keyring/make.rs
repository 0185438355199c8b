//! New data keys, and new wraps of old ones.

use bytes::Bytes;

use super::{Keyring, open};
use zeroize::Zeroizing;

use crate::binding::Binding;
use crate::data_key::{DataKey, Material};
use crate::error::shown;
use crate::{DataKeyRecord, KeyState, Providers, RootKeyProvider, SealError, SealRule};

/// Label of a wrap's associated data; it changes with the layout of what is wrapped.
const WRAP_LABEL: &str = "strongroom data key v1";

impl Keyring {
    /// Makes a new data key for a rule's prefix: pending, and wrapped by the rule's provider and for recovery.
    ///
    /// The digest key is the one that values of the prefix already have (of the prefix itself, or of the sealed prefix around
    /// it), so that digests survive a rotation; without one it is new.
    ///
    /// # Errors
    /// [`SealError::Keyless`] when that digest key cannot be had, [`SealError::UnknownProvider`], [`SealError::NoRandom`], or
    /// what a provider answers.
    pub fn generate(
        &self,
        rule: &SealRule,
        created_unix_seconds: i64,
        providers: &Providers,
    ) -> Result<DataKeyRecord, SealError> {
        let (prefix, id) = (rule.prefix.clone(), self.next_id());
        let inherits = self.any_key_around(&prefix)?;
        let material = Material::generate(inherits.map(|(_, key)| key))?;
        let binding = wrap_binding(self.cluster_id, &prefix, id);
        let wraps = providers.wrap(&rule.provider, material.expose(), binding.as_ref())?;
        let (state, digest_id) = (KeyState::Pending.into(), inherits.map_or(id, |(digest_id, _)| digest_id));
        Ok(DataKeyRecord { prefix, id, created_unix_seconds, state, wraps, uses: 0, digest_id, made_in: 0 })
    }

    /// The same data key as it would be wrapped now: by another provider, another root key, or for other recovery; `None` if
    /// its wraps are as they would be made. Wraps by providers that are not here are left: another member may need them.
    ///
    /// # Errors
    /// When no provider here can unwrap it, or one cannot wrap it.
    pub fn renew_wraps(
        &self,
        record: &DataKeyRecord,
        providers: &Providers,
    ) -> Result<Option<DataKeyRecord>, SealError> {
        let provider = self.rule(&record.prefix).map_or("", |rule| &rule.provider);
        if providers.are_current(provider, &record.wraps)? {
            return Ok(None);
        }
        let material = open::material(self.cluster_id, record, providers)?;
        self.wrap_again(record, material.expose(), providers).map(Some)
    }

    /// A data key that was unwrapped elsewhere, as it is wrapped here.
    ///
    /// # Errors
    /// [`SealError::DamagedWrap`] when this is not the secret part of a data key; what providers answer.
    pub fn wrap_again(
        &self,
        record: &DataKeyRecord,
        material: &[u8],
        providers: &Providers,
    ) -> Result<DataKeyRecord, SealError> {
        let damaged = || SealError::DamagedWrap {
            prefix: shown(&record.prefix),
            id: record.id,
            provider: "whoever unwrapped it".to_owned(),
        };
        let material = Material::from_slice(material).ok_or_else(damaged)?;
        let provider = self.rule(&record.prefix).map_or("", |rule| &rule.provider);
        let binding = wrap_binding(record.cluster_id(self.cluster_id), &record.prefix, record.id);
        let mut wraps = providers.wrap(provider, material.expose(), binding.as_ref())?;
        wraps.extend(record.wraps.iter().filter(|wrap| !providers.is_known(&wrap.provider)).cloned());
        Ok(DataKeyRecord { wraps, ..record.clone() })
    }

    /// Some data key that is kept, of the prefix itself or of the sealed prefix around it, and which digest key it has; all of
    /// one prefix share theirs.
    fn any_key_around(&self, prefix: &Bytes) -> Result<Option<(u32, &DataKey)>, SealError> {
        let around = self.sealing(prefix).map(|sealing| &sealing.rule.prefix);
        let of = |of: &Bytes| self.keys.values().find(|held| held.prefix == of && held.state != KeyState::Destroyed);
        let held = of(prefix).or_else(|| around.and_then(of));
        held.map(|held| Ok((held.digest_id, held.opened()?))).transpose()
    }
}

/// The secret part of a data key, for [`Keyring::wrap_again`] at a member that has lost its root key.
///
/// # Errors
/// [`SealError::WrongRootKey`], [`SealError::DamagedWrap`], or what the provider answers.
pub fn unwrap_elsewhere(
    cluster_id: u64,
    record: &DataKeyRecord,
    provider: impl RootKeyProvider + 'static,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let material = open::material(cluster_id, record, &Providers::single(provider))?;
    Ok(Zeroizing::new(material.expose().to_vec()))
}

pub(super) fn wrap_binding(cluster_id: u64, prefix: &[u8], id: u32) -> Binding {
    Binding::new(WRAP_LABEL).field(&cluster_id.to_be_bytes()).field(prefix).field(&id.to_be_bytes())
}
