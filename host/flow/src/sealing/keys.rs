//! How the data keys stand, and what lies under them.

use std::collections::BTreeMap;

use auth::Auditor;
use bytes::Bytes;
use seal::{DataKeyRecord, KeyState, Keyring, SealRule};

use super::residue::{Residue, Tallies, Tally};
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

impl Member {
    /// How the keys stand. Counts records, so its cost follows the size of the sealed prefixes; and while something is in plain text that
    /// is to be sealed, or was just now, that of the log and the snapshot.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn key_status(&self, _auditor: &Auditor) -> Result<KeyStatus, FlowError> {
        let policy = self.shared.policy.caught_up().await?;
        let (shared, keyring) = (self.shared.clone(), policy.keyring().clone());
        let (forgotten, may_hold_plain) = (self.has_forgotten()?, self.may_hold_plain()?);
        let mut tallies = tokio::task::spawn_blocking(move || Tallies::of_state(&shared.store, &keyring)).await??;
        if may_hold_plain {
            tallies.add_files(&self.shared.consensus, policy.keyring()).await?;
        }
        let (keyring, metrics) = (policy.keyring(), &self.shared.seal_metrics);
        let records = self.shared.policy.records()?.into_iter();
        Ok(KeyStatus {
            keys: records.map(|record| key_info(keyring, record, &tallies)).collect(),
            residue: tallies.residue(keyring),
            progress: RewrapProgress {
                records: metrics.rewrapped_records.get(),
                bytes: metrics.rewrapped_bytes.get(),
                unopened: u64::try_from(metrics.unopened_records.get()).unwrap_or(0),
            },
            settled: self.shared.store.view(|view| view.is_settled())?,
            forgotten,
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

fn key_info(keyring: &Keyring, record: DataKeyRecord, tallies: &Tallies) -> DataKeyInfo {
    let Tally { records, bytes } = tallies.under(record.id);
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
