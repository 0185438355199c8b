//! The data keys of one policy epoch, and which of them a key belongs to.

mod authenticate;
mod make;
mod open;

pub use make::{prove, unwrap_elsewhere};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use types::{CompareResult, KeyRange, Plain};

#[cfg(test)]
use crate::DataKeyRecord;
use crate::data_key::DataKey;
use crate::error::shown;
use crate::uses::Uses;
use crate::{KeyState, Operand, SealError, SealRule, Sealed};

/// What is sealed and with which keys. Where prefixes nest, the longest one that covers a key counts, also when it says that
/// values stay as they are.
///
/// Immutable but for the uses that are left: a change of the policy makes a new one.
pub struct Keyring {
    cluster_id: u64,
    root_key_present: bool,
    /// Longest prefix first.
    rules: Vec<HeldRule>,
    keys: BTreeMap<u32, HeldKey>,
}

struct HeldRule {
    rule: SealRule,
    range: KeyRange,
    /// The newest active data key.
    active: Option<u32>,
}

struct HeldKey {
    prefix: Bytes,
    cluster_id: u64,
    state: KeyState,
    digest_id: u32,
    /// Or why it is not.
    opened: Result<Arc<DataKey>, SealError>,
    uses: Uses,
}

impl Keyring {
    /// A keyring that seals nothing.
    #[must_use]
    pub fn empty(cluster_id: u64) -> Self {
        Self { cluster_id, root_key_present: false, rules: Vec::new(), keys: BTreeMap::new() }
    }

    /// One that has had so many data keys, all of them destroyed.
    #[cfg(test)]
    pub(crate) fn numbered(cluster_id: u64, ids: u32) -> Self {
        let destroyed = |id| DataKeyRecord { id, ..DataKeyRecord::default() }.in_state(KeyState::Destroyed);
        let records: Vec<_> = (1..=ids).map(destroyed).collect();
        Self::open(cluster_id, &[], &records, None, None).expect("records that do not contradict each other")
    }

    /// Whether values of the key are sealed.
    #[must_use]
    pub fn covers(&self, key: &[u8]) -> bool {
        self.sealing(key).is_some()
    }

    /// Whether a sealed key could lie in the range.
    #[must_use]
    pub fn covers_range(&self, range: &KeyRange) -> bool {
        if range.is_single() {
            return self.covers(&range.start);
        }
        // A range that an exception covers whole lies in no sealed prefix, whatever is around that.
        let excepted = |exception: &HeldRule| !exception.rule.sealed && exception.range.contains_range(range);
        let sealed = |held: &HeldRule| held.rule.sealed && held.range.overlaps(range);
        // Longest first: what is sealed within the exception comes before it.
        self.rules.iter().take_while(|held| !excepted(held)).any(sealed)
    }

    /// Whether something is sealed and the root key is missing.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        !self.root_key_present && self.rules.iter().any(|held| held.rule.sealed)
    }

    /// Whether some key that begins with `prefix` is sealed.
    #[must_use]
    pub fn covers_any_of(&self, prefix: &[u8]) -> bool {
        self.covers_range(&KeyRange::prefix(prefix))
    }

    /// Whether keys under `prefix` would be sealed if it had no rule of its own.
    #[must_use]
    pub fn is_sealed_around(&self, prefix: &[u8]) -> bool {
        let mut around = self.rules().filter(|rule| rule.prefix != prefix && prefix.starts_with(&rule.prefix));
        around.next().is_some_and(|rule| rule.sealed)
    }

    /// Whether it was opened with a root key.
    #[must_use]
    pub fn root_key_present(&self) -> bool {
        self.root_key_present
    }

    /// Whether this data key of this prefix could be unwrapped here.
    #[must_use]
    pub fn usable(&self, prefix: &[u8], id: u32) -> bool {
        self.keys.get(&id).is_some_and(|held| held.prefix == prefix && held.opened.is_ok())
    }

    /// Why data keys that are needed could not be unwrapped here, by id. Of a keyless member there are none: it needs none.
    pub fn unopened(&self) -> impl Iterator<Item = (u32, &SealError)> {
        let needed = self.keys.iter().filter(|(_, held)| self.root_key_present && held.state != KeyState::Destroyed);
        needed.filter_map(|(id, held)| Some((*id, held.opened.as_ref().err()?)))
    }

    /// The sealed prefixes, longest first.
    pub fn prefixes(&self) -> impl Iterator<Item = &Bytes> {
        self.rules().filter(|rule| rule.sealed).map(|rule| &rule.prefix)
    }

    /// All rules, longest prefix first.
    pub fn rules(&self) -> impl Iterator<Item = &SealRule> {
        self.rules.iter().map(|held| &held.rule)
    }

    /// The rule of exactly this prefix.
    #[must_use]
    pub fn rule(&self, prefix: &[u8]) -> Option<&SealRule> {
        self.rules().find(|rule| rule.prefix == prefix)
    }

    /// Prefixes under which sealed values may lie, or ones that are to be sealed: those with a rule or with a data key that
    /// is kept, without those that lie in another one.
    #[must_use]
    pub fn concerned(&self) -> Vec<Bytes> {
        let kept = self.keys.values().filter(|held| held.state != KeyState::Destroyed).map(|held| &held.prefix);
        let mut all: Vec<_> = self.rules().map(|rule| &rule.prefix).chain(kept).cloned().collect();
        all.sort();
        // In order, a prefix comes right before what lies in it.
        all.dedup_by(|next, before| next.starts_with(before));
        all
    }

    /// An id that no data key of the cluster has yet: one more than the largest.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        self.keys.last_key_value().map_or(1, |(largest, _)| largest.saturating_add(1))
    }

    /// Seals a value for the log. Where no sealed prefix covers the key it stays clear, without a copy.
    ///
    /// # Errors
    /// [`SealError::Keyless`], [`SealError::NoActiveKey`], [`SealError::UsesSpent`], [`SealError::NoRandom`].
    pub fn seal(&self, key: &[u8], value: &Plain) -> Result<Sealed, SealError> {
        let Some(sealing) = self.sealing(key) else { return Ok(Sealed::clear(value.clone().release())) };
        let (id, held, data_key) = self.active_key(sealing)?;
        if !held.uses.spend() {
            return Err(SealError::UsesSpent { id });
        }
        data_key.seal(held.cluster_id, id, key, value.expose(), &sealing.rule.padding_bytes)
    }

    /// Opens a value for its reader, with the data key that it names.
    ///
    /// A clear value under a sealed prefix is from before the prefix was sealed and is answered as it is, except by
    /// a keyless member, which serves nothing of a sealed prefix. An empty clear value (a deleted key's) always opens.
    ///
    /// # Errors
    /// [`SealError::Keyless`], [`SealError::UnknownDataKey`], [`SealError::Destroyed`], [`SealError::DamagedValue`].
    pub fn open_value(&self, key: &[u8], value: Sealed) -> Result<Plain, SealError> {
        let Some(id) = value.key_id() else { return self.open_clear(key, value) };
        let held = self.keys.get(&id).ok_or(SealError::UnknownDataKey { id })?;
        held.opened()?.open(held.cluster_id, key, value)
    }

    /// Whether the value is as it would be stored if it were written now: clear, or sealed with the active data key.
    #[must_use]
    pub fn is_current(&self, key: &[u8], value: &Sealed) -> bool {
        let wanted = self.sealing(key).and_then(|sealing| sealing.active);
        value.key_id() == wanted
    }

    /// The value as it would be stored if it were written now, or `None` if it is.
    ///
    /// # Errors
    /// Those of [`Keyring::open_value`] and [`Keyring::seal`].
    pub fn rewrap(&self, key: &[u8], value: &Sealed) -> Result<Option<Sealed>, SealError> {
        if self.is_current(key, value) {
            return Ok(None);
        }
        self.seal(key, &self.open_value(key, value.clone())?).map(Some)
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
        let Some(sealing) = self.sealing(&range.start).filter(|_| range.is_single()) else {
            return Err(SealError::RangeCompare);
        };
        if matches!(result, CompareResult::Greater | CompareResult::Less) {
            return Err(SealError::OrderedCompare);
        }
        let (_, held, data_key) = self.active_key(sealing)?;
        Ok(Operand::Digest { by: held.digest_id, digest: data_key.digest(&range.start, value.expose()) })
    }

    /// Uses that were reserved for this member and are not spent.
    #[must_use]
    pub fn uses_left(&self, id: u32) -> u64 {
        self.keys.get(&id).map_or(0, |held| held.uses.left())
    }

    /// Adds uses that this member has reserved.
    pub fn add_uses(&self, id: u32, count: u64) {
        if let Some(held) = self.keys.get(&id) {
            held.uses.add(count);
        }
    }

    /// The data keys that seal what is new, with their prefixes.
    pub fn active(&self) -> impl Iterator<Item = (u32, &Bytes)> {
        let sealing = self.rules.iter().filter(|held| held.rule.sealed);
        sealing.filter_map(|held| Some((held.active?, &held.rule.prefix)))
    }

    /// The rule for the key, if it says that values are sealed.
    fn sealing(&self, key: &[u8]) -> Option<&HeldRule> {
        self.rules.iter().find(|held| key.starts_with(&held.rule.prefix)).filter(|held| held.rule.sealed)
    }

    fn active_key(&self, sealing: &HeldRule) -> Result<(u32, &HeldKey, &DataKey), SealError> {
        let id = sealing.active.ok_or_else(|| SealError::NoActiveKey { prefix: shown(&sealing.rule.prefix) })?;
        let held = &self.keys[&id];
        Ok((id, held, held.opened()?))
    }

    fn open_clear(&self, key: &[u8], value: Sealed) -> Result<Plain, SealError> {
        match self.sealing(key) {
            Some(sealing) if !self.root_key_present && !value.bytes().is_empty() => {
                Err(SealError::Keyless { prefix: shown(&sealing.rule.prefix) })
            }
            _ => Ok(value.into_bytes().into()),
        }
    }
}

impl HeldKey {
    fn opened(&self) -> Result<&DataKey, SealError> {
        self.opened.as_deref().map_err(Clone::clone)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, prefixes) = (self.keys.len(), self.prefixes().count());
        write!(f, "keyring({keys} data keys, {prefixes} prefixes, root key present: {})", self.root_key_present)
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
