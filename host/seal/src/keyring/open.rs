//! From what the state holds of keys to a keyring.

use std::cmp::Reverse;
use std::sync::Arc;

use types::KeyRange;

use super::{HeldKey, HeldRule, Keyring};
use crate::data_key::{DataKey, Material};
use crate::error::shown;
use crate::providers::Unopened;
use crate::{DataKeyRecord, KeyState, Providers, SealError, SealRule};

impl Keyring {
    /// Unwraps the data keys of the replicated keyring; without providers the keyring is keyless.
    ///
    /// What `previous`, the keyring before a change of the policy, has unwrapped is taken over: a provider is asked once for
    /// each data key. One that cannot be asked now harms only the data keys that nobody has unwrapped yet.
    ///
    /// # Errors
    /// [`SealError::BadKeyRecord`] for records that contradict each other. Without a `previous`, at a start, also
    /// [`SealError::WrongRootKey`] when no provider made a wrap of some data key, and [`SealError::DamagedWrap`] when its wrap
    /// does not open.
    pub fn open(
        cluster_id: u64,
        rules: &[SealRule],
        records: &[DataKeyRecord],
        providers: Option<&Providers>,
        previous: Option<&Self>,
    ) -> Result<Self, SealError> {
        let mut keyring = Self { root_key_present: providers.is_some(), ..Self::empty(cluster_id) };
        for rule in rules {
            keyring.add_rule(rule.clone());
        }
        for record in records {
            keyring.check_id(record)?;
            let known = previous.and_then(|previous| previous.keys.get(&record.id));
            let opened = open_key(cluster_id, record, providers, known);
            let wrong = opened.as_ref().err().filter(|error| previous.is_none() && error.is_of_wrong_root_key());
            if let Some(error) = wrong {
                return Err(error.clone());
            }
            let uses = known.map(|known| known.uses.clone()).unwrap_or_default();
            let (prefix, state, digest_id) = (record.prefix.clone(), record.state(), record.digest_key_id());
            let cluster_id = record.cluster_id(cluster_id);
            keyring.add_key(record.id, HeldKey { prefix, cluster_id, state, digest_id, opened, uses });
        }
        keyring.rules.sort_by_key(|held| Reverse(held.rule.prefix.len()));
        Ok(keyring)
    }

    fn add_rule(&mut self, rule: SealRule) -> usize {
        let range = KeyRange::prefix(&rule.prefix);
        self.rules.push(HeldRule { rule, range, active: None });
        self.rules.len() - 1
    }

    fn check_id(&self, DataKeyRecord { id, prefix, .. }: &DataKeyRecord) -> Result<(), SealError> {
        if *id == 0 || self.keys.contains_key(id) {
            let reason = format!("data key {id} of {:?} has an id that is taken or zero", shown(prefix));
            return Err(SealError::BadKeyRecord { reason });
        }
        Ok(())
    }

    fn add_key(&mut self, id: u32, held: HeldKey) {
        if held.state == KeyState::Active {
            let known = self.rules.iter().position(|rule| rule.rule.prefix == held.prefix);
            // The first version had no rules: what has an active key is sealed.
            let at = known.unwrap_or_else(|| self.add_rule(SealRule::seal(held.prefix.clone())));
            let active = &mut self.rules[at].active;
            *active = (*active).max(Some(id));
        }
        self.keys.insert(id, held);
    }
}

fn open_key(
    cluster_id: u64,
    record: &DataKeyRecord,
    providers: Option<&Providers>,
    known: Option<&HeldKey>,
) -> Result<Arc<DataKey>, SealError> {
    if !record.is_kept() {
        return Err(SealError::Destroyed { id: record.id });
    }
    let keyless = || SealError::Keyless { prefix: shown(&record.prefix) };
    let providers = providers.ok_or_else(keyless)?;
    if let Some(Ok(opened)) = known.map(|known| &known.opened) {
        return Ok(opened.clone());
    }
    Ok(Arc::new(DataKey::new(&material(cluster_id, record, providers)?)))
}

/// The secret part of a data key, from one of its wraps.
pub(super) fn material(cluster_id: u64, record: &DataKeyRecord, providers: &Providers) -> Result<Material, SealError> {
    let (prefix, id) = (shown(&record.prefix), record.id);
    let binding = super::make::wrap_binding(record.cluster_id(cluster_id), &record.prefix, id);
    match providers.unwrap(record, binding.as_ref()) {
        Ok(bytes) => {
            let provider = providers.names();
            Material::from_slice(&bytes).ok_or(SealError::DamagedWrap { prefix, id, provider })
        }
        Err(Unopened::NoWrap) => {
            let wraps: Vec<_> = record.wraps.iter().map(|wrap| wrap.provider.as_str()).collect();
            Err(SealError::WrongRootKey { prefix, id, wraps: wraps.join(", "), provider: providers.names() })
        }
        Err(Unopened::Damaged(provider)) => Err(SealError::DamagedWrap { prefix, id, provider }),
        Err(Unopened::Failed(error)) => Err(error),
    }
}
