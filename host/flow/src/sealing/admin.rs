//! What an administrator does about sealing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admission::Policy;
use auth::{Administrator, Auditor};
use bytes::Bytes;
use seal::{DataKeyRecord, PREFIXES_MAX, SealError, SealRule, Sealed};
use store::{Step, Store, StoreError, Walk, command::ChangeKeyring};
use types::Plain;

use super::shown;
use crate::{FlowError, Member};

/// How often a waiting administrator's call looks whether everything is sealed as it should be.
const POLL: Duration = Duration::from_millis(100);

/// Values that are enough to say something of all: a recovered data key is tried on them.
const FIRST: Step = Step { values: 8, bytes: usize::MAX, entries: 10_000 };

impl Member {
    /// Seals a prefix, changes how it is sealed, or makes it an exception. What is there already is sealed in the background.
    ///
    /// # Errors
    /// [`FlowError::Rule`] for what cannot be; unsealing, unless `stores_plaintext` says that it is meant; else as for a write.
    pub async fn set_seal_rule(
        &self,
        admin: &Administrator,
        rule: SealRule,
        stores_plaintext: bool,
    ) -> Result<u64, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let keyring = policy.keyring();
        check(&rule, keyring.rules().count(), keyring.rule(&rule.prefix).is_some())?;
        if !rule.sealed && keyring.covers_any_of(&rule.prefix) && !stores_plaintext {
            return Err(unsealing(&rule.prefix));
        }
        let policy_epoch = self.custody().set_rule(&rule).await?;
        tracing::info!(administrator = admin.name(), prefix = shown(&rule.prefix), policy_epoch, "seal rule set");
        self.shared.rewrapper.wake();
        Ok(policy_epoch)
    }

    /// Takes a rule away. What it sealed is treated as the rule around it says, or written back in plain text.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRule`]; unsealing, unless `stores_plaintext` says that it is meant; else as for a write.
    pub async fn drop_seal_rule(
        &self,
        admin: &Administrator,
        prefix: &Bytes,
        stores_plaintext: bool,
    ) -> Result<u64, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let keyring = policy.keyring();
        let rule = keyring.rule(prefix).ok_or_else(|| FlowError::NoSuchRule { prefix: shown(prefix) })?;
        if rule.sealed && !keyring.is_sealed_around(prefix) && !stores_plaintext {
            return Err(unsealing(prefix));
        }
        let policy_epoch = self.custody().drop_rule(prefix).await?;
        tracing::info!(administrator = admin.name(), prefix = shown(prefix), policy_epoch, "seal rule dropped");
        self.shared.rewrapper.wake();
        Ok(policy_epoch)
    }

    /// Gives a sealed prefix a new data key; without one all of them. What the old one sealed is sealed anew in the background. With
    /// `digests` the prefix gets a new digest key as well, which else stays.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRule`], what is wrong with the root key, or as for a write.
    pub async fn rotate_keys(
        &self,
        admin: &Administrator,
        prefix: Option<&Bytes>,
        digests: bool,
    ) -> Result<u64, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let rules = policy.keyring().rules().filter(|rule| rule.sealed);
        let meant: Vec<_> = rules.filter(|rule| prefix.is_none_or(|prefix| rule.prefix == prefix)).cloned().collect();
        if let Some(prefix) = prefix.filter(|_| meant.is_empty()) {
            return Err(FlowError::NoSuchRule { prefix: shown(prefix) });
        }
        let mut policy_epoch = policy.epoch();
        for rule in meant {
            policy_epoch = self.custody().renew_all_of(&rule, digests).await?;
            tracing::info!(
                administrator = admin.name(),
                prefix = shown(&rule.prefix),
                policy_epoch,
                digests,
                "data key replaced"
            );
        }
        self.shared.rewrapper.wake();
        Ok(policy_epoch)
    }

    /// Whether every record is sealed as the rules want it; waits for that for a while.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn wait_settled(&self, _auditor: &Auditor, wait: Duration) -> Result<(bool, u64), FlowError> {
        let begun = Instant::now();
        self.shared.rewrapper.wake();
        loop {
            let settled = self.shared.store.view(|view| view.is_settled())?;
            if settled || begun.elapsed() >= wait {
                return Ok((settled, self.shared.policy.caught_up().await?.epoch()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Destroys the data keys of a prefix: what is sealed under it cannot be read any more, by anybody. New values are sealed
    /// with a new one.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRule`]; [`FlowError::NotSettled`] while some of its values are still in plain text or under the
    /// data key of a prefix around it; otherwise as for a write.
    pub async fn shred(&self, admin: &Administrator, prefix: &Bytes) -> Result<u64, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let rule = policy.keyring().rule(prefix).filter(|rule| rule.sealed).cloned();
        let rule = rule.ok_or_else(|| FlowError::NoSuchRule { prefix: shown(prefix) })?;
        let settled = self.shared.store.view(|view| view.is_settled())?;
        if !settled && self.lies_otherwise(&policy, prefix).await? {
            return Err(FlowError::NotSettled);
        }
        let within = policy.keyring().rules().filter(|rule| rule.sealed && rule.prefix.starts_with(prefix));
        let within: Vec<_> = within.filter(|inner| inner.prefix != rule.prefix).cloned().collect();
        // Or there would be nothing to seal with afterwards.
        for rule in within.iter().chain([&rule]) {
            self.custody().try_renewing(rule).await?;
        }
        let policy_epoch = self.custody().destroy_all(prefix).await?;
        tracing::warn!(administrator = admin.name(), prefix = shown(prefix), policy_epoch, "data keys destroyed");
        let mut policy_epoch = self.custody().renew(&rule).await?;
        for rule in within.iter().rev() {
            policy_epoch = self.custody().renew(rule).await?;
        }
        Ok(policy_epoch)
    }

    /// Whether a value under a sealed prefix is in plain text, or sealed with a data key that is neither its nor of a prefix in it.
    async fn lies_otherwise(&self, policy: &Arc<Policy>, prefix: &Bytes) -> Result<bool, FlowError> {
        let records = self.shared.policy.records()?.into_iter();
        // What a destroyed one has sealed is gone already.
        let own = records.filter(|record| !record.is_kept() || record.prefix.starts_with(prefix));
        let own: BTreeSet<u32> = own.map(|record| record.id).collect();
        let (keyring, store, prefix) = (policy.keyring().clone(), self.shared.store.clone(), prefix.clone());
        let look = move || {
            let wants = |key: &[u8], value: &Sealed| {
                let is_own = value.key_id().is_some_and(|id| own.contains(&id));
                !is_own && !value.bytes().is_empty() && keyring.covers(key)
            };
            first_values(&store, &prefix, &wants)
        };
        Ok(!tokio::task::spawn_blocking(look).await??.is_empty())
    }

    /// The data keys, wrapped, and the cluster that their wraps are bound to.
    ///
    /// # Errors
    /// When the disk does.
    pub fn wrapped_keys(&self, _admin: &Administrator) -> Result<(u64, Vec<Bytes>), FlowError> {
        let records = self.shared.policy.records()?.into_iter().filter(DataKeyRecord::is_kept);
        Ok((self.shared.identity.cluster_id, records.map(|record| record.encode()).collect()))
    }

    /// Wraps data keys that were unwrapped elsewhere with this member's providers, and takes them into use. How many.
    ///
    /// # Errors
    /// [`SealError::Keyless`] here; [`SealError::WrongMaterial`] for what does not open what is sealed; what is wrong with a key or a provider; otherwise as for a write.
    pub async fn recover_keys(&self, admin: &Administrator, keys: Vec<(u32, Plain)>) -> Result<(u32, u64), FlowError> {
        let keyless = || SealError::Keyless { prefix: String::new() };
        let providers = self.shared.policy.providers().ok_or_else(keyless)?.clone();
        let policy = self.shared.policy.caught_up().await?;
        let (keyring, records, store) =
            (policy.keyring().clone(), self.shared.policy.records()?, self.shared.store.clone());
        let wrap = move || {
            let meant = |id| records.iter().find(|record| record.id == id && record.is_kept());
            let known = keys.iter().filter_map(|(id, material)| Some((meant(*id)?, material)));
            let wrapped = known.map(|(record, material)| {
                let sealed = first_values(&store, &record.prefix, &|_, value| value.key_id() == Some(record.id))?;
                Ok(keyring.wrap_recovered(record, material.expose(), &sealed, &providers)?)
            });
            wrapped.collect::<Result<Vec<_>, FlowError>>()
        };
        let wrapped = tokio::task::spawn_blocking(wrap).await??;
        let recovered = u32::try_from(wrapped.len()).unwrap_or(u32::MAX);
        // Of what else has become of a data key meanwhile nothing is changed.
        let wraps_of = |record: &DataKeyRecord| wrapped.iter().find(|wrapped| wrapped.id == record.id);
        let rewrapped = |record: DataKeyRecord| {
            let wraps = wraps_of(&record).filter(|_| record.is_kept())?.wraps.clone();
            Some(DataKeyRecord { wraps, ..record }.encode())
        };
        let change = |_: &Arc<Policy>| {
            let records = self.shared.policy.records()?.into_iter().filter_map(rewrapped).collect();
            let settles = self.shared.store.view(|view| view.is_settled())?;
            Ok(Some(ChangeKeyring { records, settles, ..ChangeKeyring::default() }))
        };
        let policy_epoch = self.custody().change(change).await?;
        self.shared.policy.unwrap_again().await?;
        tracing::warn!(administrator = admin.name(), recovered, policy_epoch, "data keys recovered");
        Ok((recovered, policy_epoch))
    }

    /// What is wrong with root keys here, for those who look after the member.
    #[must_use]
    pub fn key_complaints(&self) -> Vec<String> {
        let policy = self.shared.policy.current();
        let unopened = policy.keyring().unopened();
        let keys = unopened.map(|(id, error)| format!("strongroom: data key {id} cannot be used here: {error}"));
        let complaints = self.shared.provider_health.complaints().into_iter();
        keys.chain(complaints.map(|(_, reason)| format!("strongroom: {reason}"))).collect()
    }
}

/// The first values under a prefix that are wanted, with their keys, wherever they lie; none if there is none.
fn first_values(
    store: &Store,
    prefix: &[u8],
    wants: &dyn Fn(&[u8], &Sealed) -> bool,
) -> Result<Vec<(Bytes, Sealed)>, StoreError> {
    let (mut next, mut found) = (Some(Walk::over(prefix)), Vec::new());
    while let Some(walk) = next.filter(|_| found.is_empty()) {
        let walked = store.view_once(|view| view.walk(walk, FIRST, wants))?;
        found.extend(walked.found.into_iter().map(|(place, value)| (place.key, value)));
        next = walked.next;
    }
    Ok(found)
}

fn check(rule: &SealRule, rules: usize, replaces: bool) -> Result<(), FlowError> {
    if !replaces && rules >= PREFIXES_MAX {
        let reason = format!("there are {PREFIXES_MAX} seal rules already; remove one first");
        return Err(FlowError::Rule { reason });
    }
    match rule.problems().first() {
        Some((field, problem)) => Err(FlowError::Rule { reason: format!("{field}: {problem}") }),
        None => Ok(()),
    }
}

fn unsealing(prefix: &[u8]) -> FlowError {
    let prefix = shown(prefix);
    let reason = format!(
        "values under {prefix:?} are sealed and would be stored in plain text; say --yes-store-plaintext if that is meant"
    );
    FlowError::Rule { reason }
}
