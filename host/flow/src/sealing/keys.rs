//! How the data keys stand, and what lies under them.

use std::{cell::RefCell, collections::BTreeMap};

use auth::Auditor;
use bytes::Bytes;
use seal::{DataKeyRecord, KeyState, Keyring, SealRule, Sealed};
use store::{Step, StoreError, Walk};

use crate::{FlowError, Member};

/// A data key, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyInfo {
    /// The prefix whose values it seals.
    pub prefix: Bytes,
    /// Its id.
    pub id: u32,
    /// What it is for.
    pub state: KeyState,
    /// When it was made, in seconds since 1970.
    pub created_unix_seconds: i64,
    /// Providers that can unwrap it, with the root key's id where they have several.
    pub wraps: Vec<String>,
    /// Whether this member has unwrapped it.
    pub usable: bool,
    /// How many values may have been sealed with it.
    pub uses: u64,
    /// Records it seals, now and in history.
    pub records: u64,
    /// Bytes of those.
    pub bytes: u64,
}

/// What lies under a prefix otherwise than its rule wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residue {
    /// The prefix.
    pub prefix: Bytes,
    /// Records in plain text under a sealed prefix, now and in history.
    pub plain_records: u64,
    /// Bytes of those.
    pub plain_bytes: u64,
    /// Records under another data key than the active one, or sealed although the prefix is not.
    pub outdated_records: u64,
    /// Bytes of those.
    pub outdated_bytes: u64,
}

/// What was sealed anew by this member since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrapProgress {
    /// Records.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Records that could not be opened, and so stay as they are.
    pub unopened: u64,
}

/// How the keys stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Every data key.
    pub keys: Vec<DataKeyInfo>,
    /// For each rule, what is still to be done.
    pub residue: Vec<Residue>,
    /// What was done, if this member leads.
    pub progress: RewrapProgress,
    /// Whether every record is known to be as the rules want it.
    pub settled: bool,
    /// Whether what was in plain text before, or sealed with shredded keys, lies in no file of this member any more.
    pub forgotten: bool,
    /// The policy epoch.
    pub policy_epoch: u64,
    /// Whether this member has its root key.
    pub root_key_present: bool,
    /// Root-key providers that do not answer, and why.
    pub complaints: BTreeMap<String, String>,
}

/// Longer walks are cut, so that none of them holds back the database's clean-up for long.
const STEP: Step = Step { values: usize::MAX, bytes: usize::MAX, entries: 10_000 };

#[derive(Clone, Copy, Default)]
struct Tally {
    records: u64,
    bytes: u64,
}

impl Tally {
    fn add(&mut self, value: &Sealed) {
        self.records += 1;
        self.bytes += value.bytes().len() as u64;
    }
}

#[derive(Default)]
struct Tallies {
    by_key: BTreeMap<u32, Tally>,
    plain: BTreeMap<Bytes, Tally>,
    outdated: BTreeMap<Bytes, Tally>,
}

impl Tallies {
    fn count(&mut self, keyring: &Keyring, key: &[u8], value: &Sealed) {
        let rule = keyring.rules().find(|rule| key.starts_with(&rule.prefix));
        match value.key_id() {
            Some(id) => self.by_key.entry(id).or_default().add(value),
            None if value.bytes().is_empty() || !keyring.covers(key) => return,
            None => {}
        }
        let prefix = rule.map(|rule| rule.prefix.clone()).unwrap_or_default();
        match value.key_id() {
            None => self.plain.entry(prefix).or_default().add(value),
            Some(_) if !keyring.is_current(key, value) => self.outdated.entry(prefix).or_default().add(value),
            Some(_) => {}
        }
    }
}

impl Member {
    /// How the keys stand. Counts records, so its cost follows the size of the sealed prefixes.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn key_status(&self, _auditor: &Auditor) -> Result<KeyStatus, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let (store, keyring) = (self.shared.store.clone(), policy.keyring().clone());
        let tallied = move || tallied(&store, &keyring);
        let tallies = tokio::task::spawn_blocking(tallied).await??;
        let (keyring, metrics) = (policy.keyring(), &self.shared.seal_metrics);
        let records = self.shared.policy.records()?.into_iter();
        Ok(KeyStatus {
            keys: records.map(|record| key_info(keyring, record, &tallies)).collect(),
            residue: residue(keyring, &tallies),
            progress: RewrapProgress {
                records: metrics.rewrapped_records.get(),
                bytes: metrics.rewrapped_bytes.get(),
                unopened: u64::try_from(metrics.unopened_records.get()).unwrap_or(0),
            },
            settled: self.shared.store.view(|view| view.is_settled())?,
            forgotten: self.has_forgotten()?,
            policy_epoch: policy.epoch(),
            root_key_present: keyring.root_key_present(),
            complaints: self.shared.provider_health.complaints(),
        })
    }

    /// What is sealed, longest prefix first.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn seal_rules(&self, _auditor: &Auditor) -> Result<(Vec<SealRule>, u64), FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        Ok((policy.keyring().rules().cloned().collect(), policy.epoch()))
    }
}

fn tallied(store: &store::Store, keyring: &Keyring) -> Result<Tallies, StoreError> {
    let tallies = RefCell::new(Tallies::default());
    let count = |key: &[u8], value: &Sealed| {
        tallies.borrow_mut().count(keyring, key, value);
        false
    };
    for prefix in keyring.concerned() {
        let mut next = Some(Walk::over(&prefix));
        while let Some(walk) = next {
            next = store.view_once(|view| view.walk(walk, STEP, &count))?.next;
        }
    }
    Ok(tallies.into_inner())
}

fn key_info(keyring: &Keyring, record: DataKeyRecord, tallies: &Tallies) -> DataKeyInfo {
    let Tally { records, bytes } = tallies.by_key.get(&record.id).copied().unwrap_or_default();
    let wraps = record.wraps.iter().map(|wrap| match wrap.root_key_id.as_str() {
        "" => wrap.provider.clone(),
        id => format!("{}/{id}", wrap.provider),
    });
    DataKeyInfo {
        usable: keyring.usable(&record.prefix, record.id),
        wraps: wraps.collect(),
        state: record.state(),
        uses: record.uses,
        id: record.id,
        created_unix_seconds: record.created_unix_seconds,
        prefix: record.prefix,
        records,
        bytes,
    }
}

fn residue(keyring: &Keyring, tallies: &Tallies) -> Vec<Residue> {
    let without_rule = [Bytes::new()];
    let all = keyring.rules().map(|rule| &rule.prefix).chain(&without_rule);
    let residue = all.map(|prefix| {
        let of = |tallies: &BTreeMap<Bytes, Tally>| tallies.get(prefix).copied().unwrap_or_default();
        let (plain, outdated) = (of(&tallies.plain), of(&tallies.outdated));
        Residue {
            prefix: prefix.clone(),
            plain_records: plain.records,
            plain_bytes: plain.bytes,
            outdated_records: outdated.records,
            outdated_bytes: outdated.bytes,
        }
    });
    residue.filter(|residue| !residue.prefix.is_empty() || residue.outdated_records > 0).collect()
}
