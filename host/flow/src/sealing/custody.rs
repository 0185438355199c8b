//! What is done about data keys without being asked: replacing those that are old or much used, wrapping them again when the root
//! key changes, and unwrapping them once a provider is back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use seal::{DataKeyRecord, KeyState, Keyring, Providers, SealError, SealRule};
use store::command::ChangeKeyring;

use super::{change::unix_seconds, shown};
use crate::{FlowError, Member};

/// How often it is looked whether something is to be done.
const INTERVAL: Duration = Duration::from_secs(5);

/// Which providers do not answer, and why.
#[derive(Default)]
pub(crate) struct ProviderHealth(Mutex<BTreeMap<String, String>>);

const POISONED: &str = "no code that can panic runs while the health of providers is locked";

impl ProviderHealth {
    /// What is wrong, by provider.
    pub(crate) fn complaints(&self) -> BTreeMap<String, String> {
        self.0.lock().expect(POISONED).clone()
    }

    /// Notes how they are; says so in the log when that has changed.
    fn note(&self, found: BTreeMap<String, String>) {
        let mut known = self.0.lock().expect(POISONED);
        for (provider, reason) in found.iter().filter(|(provider, _)| !known.contains_key(*provider)) {
            tracing::warn!(
                provider,
                reason,
                "a root-key provider cannot be used; data keys that are unwrapped stay in use"
            );
        }
        for provider in known.keys().filter(|provider| !found.contains_key(*provider)) {
            tracing::info!(provider, "a root-key provider can be used again");
        }
        *known = found;
    }
}

impl Member {
    pub(crate) async fn keep_keys_forever(self) {
        let Some(providers) = self.shared.policy.providers().cloned() else { return };
        let (mut said, mut overdue) = (None, BTreeSet::new());
        loop {
            tokio::time::sleep(INTERVAL).await;
            let failed = self.keep_keys(&providers, &mut overdue).await.err().map(|error| error.to_string());
            if let Some(error) = failed.as_ref().filter(|_| failed != said) {
                tracing::warn!(%error, "data keys could not be looked after; tried again");
            }
            said = failed;
        }
    }

    /// `overdue` are the data keys of which it was said that they are.
    async fn keep_keys(&self, providers: &Arc<Providers>, overdue: &mut BTreeSet<u32>) -> Result<(), FlowError> {
        let asked = providers.clone();
        let complaints = tokio::task::spawn_blocking(move || complaints(&asked)).await?;
        for provider in providers.iter() {
            let up = self.shared.seal_metrics.providers.with_label_values(&[&provider.name()]);
            up.set(i64::from(!complaints.contains_key(&provider.name())));
        }
        self.shared.provider_health.note(complaints);
        self.shared.policy.caught_up().await?;
        if self.shared.policy.unwrap_again().await? {
            self.shared.rewrapper.wake();
        }
        let unopened = self.shared.policy.current().keyring().unopened().count();
        self.shared.seal_metrics.unopened_keys.set(i64::try_from(unopened).unwrap_or(i64::MAX));
        if !self.leads() {
            return Ok(());
        }
        // One provider that does not answer keeps none of this from what others wrap.
        let given = self.custody().give_missing_keys().await;
        if matches!(given, Ok(true)) {
            self.shared.rewrapper.wake();
        }
        let rotated = self.rotate_what_is_due(overdue).await;
        self.renew_wraps(providers).await?;
        rotated.and(given.map(drop))
    }

    /// A rotation follows another only when that is complete: each begins its walk over all values anew, so one that came sooner would keep the
    /// last values from being sealed anew for ever.
    async fn rotate_what_is_due(&self, overdue: &mut BTreeSet<u32>) -> Result<(), FlowError> {
        let (policy, records, mut outcome) = (self.shared.policy.current(), self.shared.policy.records()?, Ok(()));
        // What cannot be opened keeps its data key for good.
        let is_settled = self.shared.store.view(|view| view.is_settled())?;
        overdue.retain(|id| records.iter().any(|record| record.id == *id && record.state() == KeyState::Active));
        for record in &records {
            let rule = policy.keyring().rule(&record.prefix).filter(|rule| rule.sealed);
            let Some(rule) = rule.filter(|rule| is_due(record, rule)) else { continue };
            let (prefix, data_key) = (shown(&record.prefix), record.id);
            if !is_settled && is_under_way(&records, record) {
                if overdue.insert(data_key) {
                    tracing::warn!(
                        prefix,
                        data_key,
                        "a data key is due to be replaced, but the rotation that brought it is not complete: its rule may ask for more of them than can be done"
                    );
                }
                continue;
            }
            tracing::info!(prefix, data_key, "a data key is due to be replaced");
            match self.custody().renew(rule).await {
                Ok(_) => self.shared.rewrapper.wake(),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Wraps data keys as they would be wrapped now, where that differs.
    async fn renew_wraps(&self, providers: &Arc<Providers>) -> Result<(), FlowError> {
        let policy = self.shared.policy.current();
        let (keyring, records, asked) = (policy.keyring().clone(), self.shared.policy.records()?, providers.clone());
        let renewed = tokio::task::spawn_blocking(move || renewed(&keyring, &records, &asked)).await?;
        if renewed.is_empty() {
            return Ok(());
        }
        // Wraps change nothing about values: what was settled stays so.
        let settles = self.shared.store.view(|view| view.is_settled())?;
        let records = renewed.iter().map(DataKeyRecord::encode).collect();
        let change = ChangeKeyring { expected_epoch: policy.epoch(), records, settles, ..ChangeKeyring::default() };
        if let Some(policy_epoch) = self.custody().propose(change).await? {
            let ids: Vec<_> = renewed.iter().map(|record| record.id).collect();
            tracing::info!(data_keys = ?ids, policy_epoch, "data keys are wrapped anew");
        }
        Ok(())
    }
}

fn complaints(providers: &Providers) -> BTreeMap<String, String> {
    let complaint = |provider: &dyn seal::RootKeyProvider| Some((provider.name(), provider.check().err()?.to_string()));
    providers.iter().filter_map(complaint).collect()
}

fn is_due(record: &DataKeyRecord, rule: &SealRule) -> bool {
    let age = unix_seconds().saturating_sub(record.created_unix_seconds);
    let old = rule.rotate_after_seconds > 0 && u64::try_from(age).is_ok_and(|age| age >= rule.rotate_after_seconds);
    record.state() == KeyState::Active && (old || record.uses >= rule.uses_max())
}

/// Whether the rotation that brought a data key may not be complete: another one of its prefix is not destroyed yet.
fn is_under_way(records: &[DataKeyRecord], newest: &DataKeyRecord) -> bool {
    records.iter().any(|record| record.prefix == newest.prefix && record.state() == KeyState::Retired)
}

/// Data keys with other wraps than those that they have. One that cannot be unwrapped or wrapped now is looked at again.
fn renewed(keyring: &Keyring, records: &[DataKeyRecord], providers: &Providers) -> Vec<DataKeyRecord> {
    let kept = records.iter().filter(|record| record.is_kept());
    let renew = |record: &DataKeyRecord| keyring.renew_wraps(record, providers);
    kept.filter_map(|record| match renew(record) {
        Ok(renewed) => renewed,
        Err(SealError::ProviderUnavailable { .. }) => None,
        Err(error) => {
            tracing::warn!(data_key = record.id, %error, "a data key cannot be wrapped anew");
            None
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_under_way_until_the_key_before_is_destroyed() {
        let record = |prefix: &'static str, state| {
            DataKeyRecord { prefix: prefix.into(), ..DataKeyRecord::default() }.in_state(state)
        };
        let newest = record("/s/", KeyState::Active);
        let with = |other: DataKeyRecord| is_under_way(&[newest.clone(), other], &newest);
        assert!(with(record("/s/", KeyState::Retired)));
        assert!(!with(record("/s/", KeyState::Destroyed)) && !with(record("/other/", KeyState::Retired)));
    }

    #[test]
    fn a_key_is_due_by_age_or_by_use() {
        let rule = SealRule { rotate_after_seconds: 3600, rotate_after_uses: 100, ..SealRule::seal("/s/".into()) };
        let record = |age: i64, uses| {
            let created_unix_seconds = unix_seconds() - age;
            DataKeyRecord { created_unix_seconds, uses, ..DataKeyRecord::default() }.in_state(KeyState::Active)
        };
        assert!(!is_due(&record(3590, 99), &rule));
        assert!(is_due(&record(3600, 0), &rule) && is_due(&record(0, 100), &rule));
        assert!(!is_due(&record(3600, 100).in_state(KeyState::Retired), &rule));
        assert!(!is_due(&record(-100, 0), &rule), "a clock that went back");
        assert!(!is_due(&record(i64::MAX / 2, 100), &SealRule::seal("/s/".into())), "not by default");
    }
}
