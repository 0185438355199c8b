//! The data keys of one policy epoch, and which of them a key belongs to.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use types::{CompareResult, KeyRange, Plain};

use crate::binding::Binding;
use crate::data_key::{DataKey, Material};
use crate::error::shown;
use crate::{DataKeyRecord, Operand, RootKeyProvider, SealError, Sealed, Wrap};

/// Label of a wrap's associated data; it changes with the layout of what is wrapped.
const WRAP_LABEL: &str = "strongroom data key v1";

/// What is sealed and with which keys. Where sealed prefixes nest, the longest one that covers a key counts.
///
/// Immutable: a change of the policy makes a new one.
pub struct Keyring {
    cluster_id: u64,
    root_key_present: bool,
    /// Longest first.
    prefixes: Vec<SealedPrefix>,
    keys: BTreeMap<u32, HeldKey>,
}

struct SealedPrefix {
    prefix: Bytes,
    range: KeyRange,
    /// The newest active data key.
    active: Option<u32>,
}

struct HeldKey {
    prefix: Bytes,
    /// `None` on a member without the root key.
    opened: Option<DataKey>,
}

impl Keyring {
    /// A keyring that seals nothing.
    #[must_use]
    pub fn empty(cluster_id: u64) -> Self {
        Self { cluster_id, root_key_present: false, prefixes: Vec::new(), keys: BTreeMap::new() }
    }

    /// Unwraps the data keys of the replicated keyring; without a provider the keyring is keyless.
    ///
    /// # Errors
    /// [`SealError::WrongRootKey`] when the provider made no wrap of some data key, [`SealError::DamagedWrap`] when its wrap
    /// does not open, [`SealError::BadKeyRecord`] for records that contradict each other, or what the provider answers.
    pub fn open(
        cluster_id: u64,
        records: &[DataKeyRecord],
        provider: Option<&dyn RootKeyProvider>,
    ) -> Result<Self, SealError> {
        let mut keyring = Self { root_key_present: provider.is_some(), ..Self::empty(cluster_id) };
        for record in records {
            let opened = provider.map(|provider| unwrap(cluster_id, record, provider)).transpose()?;
            keyring.insert(record, opened)?;
        }
        keyring.prefixes.sort_by_key(|sealed| std::cmp::Reverse(sealed.prefix.len()));
        Ok(keyring)
    }

    /// Makes a new active data key for a prefix, wrapped by the provider.
    ///
    /// The digest key is the one that values of the prefix already have in `digest_key_of` (of the prefix itself, or of the
    /// sealed prefix around it), so that digests survive a rotation; without one it is new.
    ///
    /// # Errors
    /// [`SealError::Keyless`] when that digest key cannot be had, [`SealError::NoRandom`], or what the provider answers.
    pub fn generate(
        cluster_id: u64,
        prefix: &Bytes,
        id: u32,
        created_unix_seconds: i64,
        digest_key_of: Option<&Self>,
        provider: &dyn RootKeyProvider,
    ) -> Result<DataKeyRecord, SealError> {
        let inherit = digest_key_of.map(|keyring| keyring.any_key_around(prefix)).transpose()?.flatten();
        let material = Material::generate(inherit)?;
        let blob = provider.wrap(material.expose(), wrap_binding(cluster_id, prefix, id).as_ref())?;
        let wraps = vec![Wrap { provider: provider.name(), blob: blob.into() }];
        Ok(DataKeyRecord { prefix: prefix.clone(), id, created_unix_seconds, active: true, wraps })
    }

    /// Whether a sealed prefix covers the key.
    #[must_use]
    pub fn covers(&self, key: &[u8]) -> bool {
        self.prefix_of(key).is_some()
    }

    /// Whether a sealed key could lie in the range.
    #[must_use]
    pub fn covers_range(&self, range: &KeyRange) -> bool {
        self.prefixes.iter().any(|sealed| sealed.range.overlaps(range))
    }

    /// Whether something is sealed and the root key is missing.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        !self.root_key_present && !self.prefixes.is_empty()
    }

    /// Whether it was opened with a root key.
    #[must_use]
    pub fn root_key_present(&self) -> bool {
        self.root_key_present
    }

    /// Whether this data key of this prefix could be unwrapped here.
    #[must_use]
    pub fn usable(&self, prefix: &[u8], id: u32) -> bool {
        self.keys.get(&id).is_some_and(|held| held.prefix == prefix && held.opened.is_some())
    }

    /// The sealed prefixes, longest first.
    pub fn prefixes(&self) -> impl Iterator<Item = &Bytes> {
        self.prefixes.iter().map(|sealed| &sealed.prefix)
    }

    /// An id that no data key of the cluster has yet: one more than the largest.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        self.keys.last_key_value().map_or(1, |(largest, _)| largest.saturating_add(1))
    }

    /// Seals a value for the log. Where no sealed prefix covers the key it stays clear, without a copy.
    ///
    /// # Errors
    /// [`SealError::Keyless`], [`SealError::NoActiveKey`], [`SealError::NoRandom`].
    pub fn seal(&self, key: &[u8], value: &Plain) -> Result<Sealed, SealError> {
        let Some(sealed) = self.prefix_of(key) else { return Ok(Sealed::clear(value.clone().release())) };
        let (id, data_key) = self.active_key(sealed)?;
        data_key.seal(self.cluster_id, id, key, value.expose())
    }

    /// Opens a value for its reader, with the data key that it names.
    ///
    /// A clear value under a sealed prefix is from before the prefix was sealed and is answered as it is, except by
    /// a keyless member, which serves nothing of a sealed prefix. An empty clear value (a deleted key's) always opens.
    ///
    /// # Errors
    /// [`SealError::Keyless`], [`SealError::UnknownDataKey`], [`SealError::DamagedValue`].
    pub fn open_value(&self, key: &[u8], value: &Sealed) -> Result<Plain, SealError> {
        let Some(id) = value.key_id() else { return self.open_clear(key, value) };
        let held = self.keys.get(&id).ok_or(SealError::UnknownDataKey { id })?;
        held.opened()?.open(self.cluster_id, key, value)
    }

    /// Turns the operand of a compare on a value into what apply can compare without a key.
    ///
    /// # Errors
    /// [`SealError::RangeCompare`] and [`SealError::OrderedCompare`] for what cannot be decided by a digest, and the errors
    /// of [`Keyring::seal`].
    pub fn operand(&self, range: &KeyRange, result: CompareResult, value: &Plain) -> Result<Operand, SealError> {
        if !self.covers_range(range) {
            return Ok(Operand::Clear(value.clone().release()));
        }
        let Some(sealed) = self.prefix_of(&range.start).filter(|_| range.is_single()) else {
            return Err(SealError::RangeCompare);
        };
        if matches!(result, CompareResult::Greater | CompareResult::Less) {
            return Err(SealError::OrderedCompare);
        }
        let (_, data_key) = self.active_key(sealed)?;
        Ok(Operand::Digest(data_key.digest(&range.start, value.expose())))
    }

    fn insert(&mut self, record: &DataKeyRecord, opened: Option<DataKey>) -> Result<(), SealError> {
        let DataKeyRecord { prefix, id, .. } = record;
        if *id == 0 || self.keys.contains_key(id) {
            let reason = format!("data key {id} of {:?} has an id that is taken or zero", shown(prefix));
            return Err(SealError::BadKeyRecord { reason });
        }
        self.keys.insert(*id, HeldKey { prefix: prefix.clone(), opened });
        let at = self.prefixes.iter().position(|sealed| sealed.prefix == prefix).unwrap_or_else(|| {
            let range = KeyRange::prefix(prefix);
            self.prefixes.push(SealedPrefix { prefix: prefix.clone(), range, active: None });
            self.prefixes.len() - 1
        });
        if record.active {
            let active = &mut self.prefixes[at].active;
            *active = (*active).max(Some(*id));
        }
        Ok(())
    }

    fn prefix_of(&self, key: &[u8]) -> Option<&SealedPrefix> {
        self.prefixes.iter().find(|sealed| key.starts_with(&sealed.prefix))
    }

    fn active_key(&self, sealed: &SealedPrefix) -> Result<(u32, &DataKey), SealError> {
        let id = sealed.active.ok_or_else(|| SealError::NoActiveKey { prefix: shown(&sealed.prefix) })?;
        Ok((id, self.keys[&id].opened()?))
    }

    /// Some data key of the longest sealed prefix around `prefix`; all of one prefix share their digest key.
    fn any_key_around(&self, prefix: &[u8]) -> Result<Option<&DataKey>, SealError> {
        let Some(sealed) = self.prefix_of(prefix) else { return Ok(None) };
        let held = self.keys.values().find(|held| held.prefix == sealed.prefix);
        held.map(HeldKey::opened).transpose()
    }

    fn open_clear(&self, key: &[u8], value: &Sealed) -> Result<Plain, SealError> {
        match self.prefix_of(key) {
            Some(sealed) if !self.root_key_present && !value.bytes().is_empty() => {
                Err(SealError::Keyless { prefix: shown(&sealed.prefix) })
            }
            _ => Ok(value.bytes().clone().into()),
        }
    }
}

impl HeldKey {
    fn opened(&self) -> Result<&DataKey, SealError> {
        self.opened.as_ref().ok_or_else(|| SealError::Keyless { prefix: shown(&self.prefix) })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, prefixes) = (self.keys.len(), self.prefixes.len());
        write!(f, "keyring({keys} data keys, {prefixes} prefixes, root key present: {})", self.root_key_present)
    }
}

fn unwrap(cluster_id: u64, record: &DataKeyRecord, provider: &dyn RootKeyProvider) -> Result<DataKey, SealError> {
    let (prefix, id, name) = (shown(&record.prefix), record.id, provider.name());
    let Some(wrap) = record.wraps.iter().find(|wrap| wrap.provider == name) else {
        let wraps: Vec<_> = record.wraps.iter().map(|wrap| wrap.provider.as_str()).collect();
        return Err(SealError::WrongRootKey { prefix, id, wraps: wraps.join(", "), provider: name });
    };
    let binding = wrap_binding(cluster_id, &record.prefix, id);
    let material = match provider.unwrap(&wrap.blob, binding.as_ref()) {
        Ok(material) => Material::from_slice(&material),
        Err(SealError::NotUnwrapped { .. }) => None,
        Err(other) => return Err(other),
    };
    material.as_ref().map(DataKey::new).ok_or(SealError::DamagedWrap { prefix, id, provider: name })
}

fn wrap_binding(cluster_id: u64, prefix: &[u8], id: u32) -> Binding {
    Binding::new(WRAP_LABEL).field(&cluster_id.to_be_bytes()).field(prefix).field(&id.to_be_bytes())
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
