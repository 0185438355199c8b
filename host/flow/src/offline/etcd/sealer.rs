//! Sealing what comes from elsewhere, before it is written anywhere.

use bytes::Bytes;
use seal::{DataKeyRecord, KeyState, Keyring, Providers, SealConfig, SealError, SealRule, Sealed};
use types::Plain;

use crate::sealing::unix_seconds;

/// Uses of one data key: as many as it takes, and counted.
const USES: u64 = 1 << 48;

/// Data keys of a cluster that does not run yet, and what they seal.
pub(super) struct Sealer {
    keyring: Keyring,
    rules: Vec<SealRule>,
    keys: Vec<DataKeyRecord>,
}

impl Sealer {
    /// Makes a data key for each sealed prefix of the configuration; without one nothing is sealed.
    pub(super) fn new(cluster_id: u64, config: Option<&SealConfig>) -> Result<Self, SealError> {
        let providers = config.map(SealConfig::open_providers).transpose()?.flatten();
        let (Some(config), Some(providers)) = (config, providers) else {
            return Ok(Self { keyring: Keyring::empty(cluster_id), rules: Vec::new(), keys: Vec::new() });
        };
        let mut rules = config.rules.clone();
        // Shorter first: a prefix within another takes over its digest key.
        rules.sort_by_key(|rule| rule.prefix.len());
        let mut keys = Vec::new();
        for rule in rules.iter().filter(|rule| rule.sealed) {
            keys.push(
                open(cluster_id, &rules, &keys, &providers)?
                    .generate(rule, unix_seconds(), &providers)?
                    .in_state(KeyState::Active),
            );
        }
        let keyring = open(cluster_id, &rules, &keys, &providers)?;
        keys.iter().for_each(|key| keyring.add_uses(key.id, USES));
        Ok(Self { keyring, rules, keys })
    }

    /// The value as it is stored under the key.
    pub(super) fn seal(&self, key: &[u8], value: &Plain) -> Result<Sealed, SealError> {
        self.keyring.seal(key, value)
    }

    /// A value that was stored under the key.
    pub(super) fn open(&self, key: &[u8], value: Sealed) -> Result<Bytes, SealError> {
        Ok(self.keyring.open_value(key, value)?.release())
    }

    /// What the state has to hold so that it can be opened: rules, and data keys with how often each was used.
    pub(super) fn finish(self) -> (Vec<SealRule>, Vec<DataKeyRecord>) {
        let used = |key: DataKeyRecord| DataKeyRecord { uses: USES - self.keyring.uses_left(key.id), ..key };
        (self.rules, self.keys.into_iter().map(used).collect())
    }
}

fn open(
    cluster_id: u64,
    rules: &[SealRule],
    keys: &[DataKeyRecord],
    providers: &Providers,
) -> Result<Keyring, SealError> {
    Keyring::open(cluster_id, rules, keys, Some(providers), None)
}
