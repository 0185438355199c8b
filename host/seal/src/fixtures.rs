//! What several tests of this crate start from.

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{DataKeyRecord, KeyState, Keyring, Providers, RootKey, RootKeyProvider, SealError, SealRule};

pub(crate) const CLUSTER: u64 = 0x1122_3344_5566_7788;

/// A provider whose root key is one repeated byte.
pub(crate) struct FixedRoot(RootKey);

impl FixedRoot {
    pub(crate) fn new(byte: u8) -> Self {
        Self(RootKey::from_bytes(Zeroizing::new([byte; 32])))
    }
}

impl RootKeyProvider for FixedRoot {
    fn name(&self) -> String {
        format!("fixed:{}", self.0.fingerprint())
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.wrap(plaintext, aad)
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.unwrap(blob, aad).map_err(|_| SealError::NotUnwrapped { provider: self.name() })
    }
}

/// An active data key for the prefix, wrapped by `FixedRoot::new(1)`; of the given id, unless there is a keyring before it.
pub(crate) fn record(prefix: &'static str, id: u32, before: Option<&Keyring>) -> DataKeyRecord {
    let rule = SealRule::seal(Bytes::from_static(prefix.as_bytes()));
    let numbered = Keyring::numbered(CLUSTER, id.saturating_sub(1));
    before.unwrap_or(&numbered).generate(&rule, 1_700_000_000, &root(1)).unwrap().in_state(KeyState::Active)
}

pub(crate) fn root(byte: u8) -> Providers {
    Providers::single(FixedRoot::new(byte))
}

/// With a thousand uses of each data key.
pub(crate) fn open(records: &[DataKeyRecord]) -> Keyring {
    with_rules(&[], records)
}

pub(crate) fn with_rules(rules: &[SealRule], records: &[DataKeyRecord]) -> Keyring {
    let keyring = Keyring::open(CLUSTER, rules, records, Some(&root(1)), None).unwrap();
    records.iter().for_each(|record| keyring.add_uses(record.id, 1000));
    keyring
}

pub(crate) fn keyless(records: &[DataKeyRecord]) -> Keyring {
    Keyring::open(CLUSTER, &[], records, None, None).unwrap()
}
