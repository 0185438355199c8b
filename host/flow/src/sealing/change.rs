//! Changing what is sealed, and with which data keys.

use std::{sync::Arc, time::UNIX_EPOCH};

use admission::Policy;
use bytes::Bytes;
use consensus::{Consensus, Proposal, Unprepared};
use seal::{DataKeyRecord, KeyState, SealError, SealRule};
use store::{Outcome, Refusal, command::ChangeKeyring};

use super::shown;
use crate::{FlowError, policy::PolicyKeeper, write::ATTEMPTS_MAX};

/// Changes rules and data keys on behalf of whoever is allowed to.
#[derive(Clone, Copy)]
pub(crate) struct Custody<'m> {
    pub(crate) consensus: &'m Consensus,
    pub(crate) policy: &'m PolicyKeeper,
}

impl Custody<'_> {
    /// Puts a rule in force. A prefix that is to be sealed and has no data key gets one.
    ///
    /// # Errors
    /// [`SealError`] for the data key; otherwise as for a write.
    pub(crate) async fn set_rule(&self, rule: &SealRule) -> Result<u64, FlowError> {
        let known = self.policy.caught_up().await?;
        if rule.sealed && !has_active_key(&known, &rule.prefix) {
            return self.renew(rule).await;
        }
        let change = || ChangeKeyring { rules: vec![rule.encode()], ..ChangeKeyring::default() };
        let epoch = self.change(|policy| Ok((policy.keyring().rule(&rule.prefix) != Some(rule)).then(change))).await?;
        tracing::info!(prefix = shown(&rule.prefix), sealed = rule.sealed, policy_epoch = epoch, "seal rule in force");
        Ok(epoch)
    }

    /// Gives each sealed prefix that has no data key one; whether there was any.
    ///
    /// # Errors
    /// As for [`Custody::renew`].
    pub(crate) async fn give_missing_keys(&self) -> Result<bool, FlowError> {
        let current = self.policy.caught_up().await?;
        let missing = current.keyring().rules().filter(|rule| rule.sealed && !has_active_key(&current, &rule.prefix));
        let mut missing: Vec<_> = missing.collect();
        // Shorter first: a prefix within another takes over its digest key.
        missing.sort_by_key(|rule| rule.prefix.len());
        let mut outcome = Ok(!missing.is_empty());
        for rule in &missing {
            if let Err(error) = self.renew(rule).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Takes a rule away: its prefix is treated as the one around it, or not sealed at all. Its data keys retire.
    ///
    /// # Errors
    /// As for a write.
    pub(crate) async fn drop_rule(&self, prefix: &Bytes) -> Result<u64, FlowError> {
        self.change(|_| {
            let records = self.in_state(prefix, KeyState::Active, KeyState::Retired)?;
            let dropped = vec![prefix.clone()];
            Ok(Some(ChangeKeyring { records, dropped, ..ChangeKeyring::default() }))
        })
        .await
    }

    /// Gives a prefix a new data key, and retires the one before. The digest key stays.
    ///
    /// # Errors
    /// As for [`Custody::renew_all_of`].
    pub(crate) async fn renew(&self, rule: &SealRule) -> Result<u64, FlowError> {
        self.renew_all_of(rule, false).await
    }

    /// The same; with a new digest key, too, if that is meant.
    ///
    /// # Errors
    /// [`SealError`] when a data key cannot be made, or not be unwrapped again; [`FlowError::KeyRefused`] when another member cannot
    /// unwrap it; [`FlowError::PolicyChanging`] when somebody else has changed the rule meanwhile, whose rule stands; otherwise as for a
    /// write.
    pub(crate) async fn renew_all_of(&self, rule: &SealRule, digests: bool) -> Result<u64, FlowError> {
        let before = self.policy.caught_up().await?.keyring().rule(&rule.prefix).cloned();
        let pending = self.propose_pending(rule, digests).await?;
        let policy = self.policy.current();
        if !policy.keyring().usable(&rule.prefix, pending.id) {
            let reason = policy.keyring().unopened().find(|(id, _)| *id == pending.id).map(|(_, error)| error.clone());
            return Err(reason.unwrap_or(SealError::UnknownDataKey { id: pending.id }).into());
        }
        let activated = self
            .change(|policy| {
                if policy.keyring().rule(&rule.prefix) != before.as_ref() {
                    return Err(FlowError::PolicyChanging);
                }
                let mut records = self.in_state(&rule.prefix, KeyState::Active, KeyState::Retired)?;
                records.push(pending.clone().in_state(KeyState::Active).encode());
                let rules = vec![SealRule { sealed: true, ..rule.clone() }.encode()];
                Ok(Some(ChangeKeyring { records, rules, ..ChangeKeyring::default() }))
            })
            .await;
        if activated.is_err() {
            self.discard(&pending).await;
        }
        let epoch = activated?;
        tracing::info!(prefix = shown(&rule.prefix), data_key = pending.id, policy_epoch = epoch, "data key in force");
        Ok(epoch)
    }

    /// Destroys a data key that seals nothing. What does not succeed is done when everything is settled.
    async fn discard(&self, pending: &DataKeyRecord) {
        let discarded = self
            .change(|_| {
                let is_pending =
                    |record: &DataKeyRecord| record.id == pending.id && record.state() == KeyState::Pending;
                let still = self.policy.records()?.into_iter().find(is_pending);
                let records: Vec<_> =
                    still.map(|record| record.in_state(KeyState::Destroyed).encode()).into_iter().collect();
                let settles = self.policy.is_settled()?;
                Ok((!records.is_empty()).then(|| ChangeKeyring { records, settles, ..ChangeKeyring::default() }))
            })
            .await;
        if let Err(error) = discarded {
            tracing::debug!(%error, data_key = pending.id, "a data key that was not taken into use stays for a while");
        }
    }

    /// Whether a rule's prefix could get a new data key, which every member could unwrap. Nothing is put into the log.
    ///
    /// # Errors
    /// As for [`Custody::renew_all_of`].
    pub(crate) async fn try_renewing(&self, rule: &SealRule) -> Result<(), FlowError> {
        let policy = self.policy.caught_up().await?;
        let made = self.made(&policy, rule, true).await?;
        self.have_proved(&made).await
    }

    /// Every member with a vote and a root key can unwrap it: none is to find out that it cannot once values are sealed with it.
    /// One that is down is not waited for.
    async fn have_proved(&self, made: &DataKeyRecord) -> Result<(), FlowError> {
        for Unprepared { member, reason, refuses } in self.consensus.prove_key(&made.encode()).await {
            if refuses {
                return Err(FlowError::KeyRefused { member, reason });
            }
            tracing::warn!(
                member = format!("{member:x}"),
                reason,
                "a data key is put in force that a member has not unwrapped"
            );
        }
        Ok(())
    }

    /// A new data key, wrapped.
    async fn made(&self, policy: &Policy, rule: &SealRule, digests: bool) -> Result<DataKeyRecord, FlowError> {
        let providers = self.policy.providers().ok_or_else(|| SealError::Keyless { prefix: shown(&rule.prefix) })?;
        let (keyring, rule, providers) = (policy.keyring().clone(), rule.clone(), providers.clone());
        // A provider may have to be asked over a socket.
        let make = move || match digests {
            true => keyring.generate_with_digests(&rule, unix_seconds(), &providers),
            false => keyring.generate(&rule, unix_seconds(), &providers),
        };
        Ok(tokio::task::spawn_blocking(make).await??)
    }

    /// A new data key in the log, so that whoever is to use it can unwrap it first.
    async fn propose_pending(&self, rule: &SealRule, digests: bool) -> Result<DataKeyRecord, FlowError> {
        for _ in 0..ATTEMPTS_MAX {
            let policy = self.policy.caught_up().await?;
            let pending = self.made(&policy, rule, digests).await?;
            self.have_proved(&pending).await?;
            let change = ChangeKeyring {
                expected_epoch: policy.epoch(),
                records: vec![pending.encode()],
                ..ChangeKeyring::default()
            };
            if self.propose(change).await?.is_some() {
                return Ok(pending);
            }
        }
        Err(FlowError::PolicyChanging)
    }

    /// Destroys every data key of a prefix and of prefixes in it: what they seal cannot be read any more, by anybody.
    ///
    /// # Errors
    /// As for a write.
    pub(crate) async fn destroy_all(&self, prefix: &Bytes) -> Result<u64, FlowError> {
        self.change(|_| {
            let records = self.policy.records()?.into_iter();
            let doomed = records.filter(|record| record.prefix.starts_with(prefix) && record.is_kept());
            let records: Vec<_> = doomed.map(|record| record.in_state(KeyState::Destroyed).encode()).collect();
            Ok((!records.is_empty()).then(|| ChangeKeyring { records, forgets: true, ..ChangeKeyring::default() }))
        })
        .await
    }

    /// Proposes what `make` makes of the policy in force; anew, if another change came first. `None` is nothing to do.
    pub(crate) async fn change(
        &self,
        make: impl Fn(&Arc<Policy>) -> Result<Option<ChangeKeyring>, FlowError>,
    ) -> Result<u64, FlowError> {
        for _ in 0..ATTEMPTS_MAX {
            let policy = self.policy.caught_up().await?;
            let Some(change) = make(&policy)? else { return Ok(policy.epoch()) };
            let change = ChangeKeyring { expected_epoch: policy.epoch(), ..change };
            if let Some(epoch) = self.propose(change).await? {
                return Ok(epoch);
            }
        }
        Err(FlowError::PolicyChanging)
    }

    /// The epoch of the change, in force here; `None` when another change came first.
    pub(crate) async fn propose(&self, change: ChangeKeyring) -> Result<Option<u64>, FlowError> {
        match self.consensus.propose(Proposal::change_keyring(change)).await?.result {
            Ok(Outcome::PolicyChanged { epoch }) => {
                self.policy.reach(epoch).await?;
                Ok(Some(epoch))
            }
            Err(Refusal::StalePolicy { current }) => {
                self.policy.reach(current).await?;
                Ok(None)
            }
            Err(refusal) => Err(refusal.into()),
            Ok(other) => Err(FlowError::Corrupt(format!("a change of the keyring came out as {other:?}"))),
        }
    }

    /// The data keys of exactly this prefix that are in one state, encoded in another one.
    fn in_state(&self, prefix: &Bytes, from: KeyState, to: KeyState) -> Result<Vec<Bytes>, FlowError> {
        let records = self.policy.records()?.into_iter();
        let meant = records.filter(|record| record.prefix == *prefix && record.state() == from);
        Ok(meant.map(|record| record.in_state(to).encode()).collect())
    }
}

pub(super) fn has_active_key(policy: &Policy, prefix: &Bytes) -> bool {
    policy.keyring().active().any(|(_, of)| of == prefix)
}

/// By this member's clock.
pub(crate) fn unix_seconds() -> i64 {
    let now = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX)
}
