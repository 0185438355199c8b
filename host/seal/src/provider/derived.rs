//! A root key that was derived from another secret, which its owner holds.

use std::fmt;

use zeroize::Zeroizing;

use crate::{RootKey, RootKeyProvider, SealError};

/// A root key in memory, from a key of a Kubernetes `EncryptionConfiguration`.
pub(crate) struct Derived(RootKey);

impl Derived {
    pub(crate) fn new(key: RootKey) -> Self {
        Self(key)
    }
}

impl RootKeyProvider for Derived {
    fn name(&self) -> String {
        format!("kubernetes:{}", self.0.fingerprint())
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.wrap(plaintext, aad)
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.unwrap(blob, aad).map_err(|_| SealError::NotUnwrapped { provider: self.name() })
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
