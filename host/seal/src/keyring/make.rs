//! New data keys, and new wraps of old ones.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Keyring, open};
use zeroize::Zeroizing;

use crate::binding::Binding;
use crate::data_key::{DataKey, Material};
use crate::error::shown;
use crate::{DataKeyRecord, KeyState, Providers, RootKeyProvider, SealError, SealRule, Sealed};

/// Label of a wrap's associated data; it changes with the layout of what is wrapped.
const WRAP_LABEL: &str = "strongroom data key v1";

/// What a data key in use is compared by: sealed with it, and kept nowhere.
const PROBE: &[u8] = b"probe";

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
        self.make(rule, created_unix_seconds, providers, self.any_key_around(&rule.prefix)?)
    }

    /// The same with a new digest key. Until values are sealed anew there are digests of two keys, which cannot be compared.
    ///
    /// # Errors
    /// As for [`Keyring::generate`], but for the old digest key, which is not needed.
    pub fn generate_with_digests(
        &self,
        rule: &SealRule,
        created_unix_seconds: i64,
        providers: &Providers,
    ) -> Result<DataKeyRecord, SealError> {
        self.make(rule, created_unix_seconds, providers, None)
    }

    fn make(
        &self,
        rule: &SealRule,
        created_unix_seconds: i64,
        providers: &Providers,
        inherits: Option<(u32, &DataKey)>,
    ) -> Result<DataKeyRecord, SealError> {
        let (prefix, id) = (rule.prefix.clone(), self.next_id());
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
        let renewed = self.wrap_again(record, &material, providers)?;
        // A KMS that says that it has another key, and wraps with the old one still.
        let made_by = |record: &DataKeyRecord| -> BTreeSet<(String, String)> {
            record.wraps.iter().map(|wrap| (wrap.provider.clone(), wrap.root_key_id.clone())).collect()
        };
        Ok((made_by(&renewed) != made_by(record)).then_some(renewed))
    }

    /// A data key that was unwrapped elsewhere, as it is wrapped here. That it is the right one is seen by what it has sealed:
    /// values with their keys, of which a damaged one does no harm beside others, or by the data key itself where it is in use here.
    ///
    /// # Errors
    /// [`SealError::WrongMaterial`] when this is not the secret part of the data key; what providers answer.
    pub fn wrap_recovered(
        &self,
        record: &DataKeyRecord,
        material: &[u8],
        sealed: &[(Bytes, Sealed)],
        providers: &Providers,
    ) -> Result<DataKeyRecord, SealError> {
        let wrong = || SealError::WrongMaterial { prefix: shown(&record.prefix), id: record.id };
        let material = Material::from_slice(material).ok_or_else(wrong)?;
        let (key, cluster_id) = (DataKey::new(&material), record.cluster_id(self.cluster_id));
        let fits = match self.keys.get(&record.id).map(|held| &held.opened) {
            Some(Ok(known)) => {
                let value = known.seal(cluster_id, record.id, PROBE, PROBE, &[])?;
                key.has_sealed(cluster_id, PROBE, &value)
            }
            _ => sealed.is_empty() || sealed.iter().any(|(at, value)| key.has_sealed(cluster_id, at, value)),
        };
        if !fits {
            return Err(wrong());
        }
        self.wrap_again(record, &material, providers)
    }

    fn wrap_again(
        &self,
        record: &DataKeyRecord,
        material: &Material,
        providers: &Providers,
    ) -> Result<DataKeyRecord, SealError> {
        let provider = self.rule(&record.prefix).map_or("", |rule| &rule.provider);
        let binding = wrap_binding(record.cluster_id(self.cluster_id), &record.prefix, record.id);
        let mut wraps = providers.wrap(provider, material.expose(), binding.as_ref())?;
        wraps.extend(record.wraps.iter().filter(|wrap| !providers.is_known(&wrap.provider)).cloned());
        Ok(DataKeyRecord { wraps, ..record.clone() })
    }

    /// A data key that is kept, of the prefix itself or of the sealed prefix around it, and which digest key it has: the newest of
    /// those in force, or else of the others.
    fn any_key_around(&self, prefix: &Bytes) -> Result<Option<(u32, &DataKey)>, SealError> {
        let around = self.sealing(prefix).map(|sealing| &sealing.rule.prefix);
        let of = |of: &Bytes| {
            let kept = self.keys.values().filter(|held| held.prefix == of && held.state != KeyState::Destroyed);
            kept.max_by_key(|held| held.state == KeyState::Active)
        };
        let held = of(prefix).or_else(|| around.and_then(of));
        held.map(|held| Ok((held.digest_id, held.opened()?))).transpose()
    }
}

/// The secret part of a data key, for [`Keyring::wrap_recovered`] at a member that has lost its root key.
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

/// Unwraps a data key that is about to be put in force, to see whether this member could seal and open with it.
///
/// # Errors
/// [`SealError::WrongRootKey`] and [`SealError::DamagedWrap`], which trying again does not change. Of a provider that does not answer
/// nothing can be said.
pub fn prove(cluster_id: u64, record: &DataKeyRecord, providers: &Providers) -> Result<(), SealError> {
    open::material(cluster_id, record, providers).map(drop).or_else(|error| match error {
        wrong if wrong.is_of_wrong_root_key() => Err(wrong),
        _ => Ok(()),
    })
}

pub(super) fn wrap_binding(cluster_id: u64, prefix: &[u8], id: u32) -> Binding {
    Binding::new(WRAP_LABEL).field(&cluster_id.to_be_bytes()).field(prefix).field(&id.to_be_bytes())
}
