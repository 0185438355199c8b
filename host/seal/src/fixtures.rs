//! What several tests of this crate start from.

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{DataKeyRecord, Keyring, RootKey, RootKeyProvider, SealError};

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

/// A data key for the prefix, wrapped by `FixedRoot::new(1)`.
pub(crate) fn record(prefix: &'static str, id: u32, before: Option<&Keyring>) -> DataKeyRecord {
    let prefix = Bytes::from_static(prefix.as_bytes());
    Keyring::generate(CLUSTER, &prefix, id, 1_700_000_000, before, &FixedRoot::new(1)).unwrap()
}

pub(crate) fn open(records: &[DataKeyRecord]) -> Keyring {
    Keyring::open(CLUSTER, records, Some(&FixedRoot::new(1))).unwrap()
}

pub(crate) fn keyless(records: &[DataKeyRecord]) -> Keyring {
    Keyring::open(CLUSTER, records, None).unwrap()
}
