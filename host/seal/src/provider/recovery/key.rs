//! The private half: unwraps what was wrapped for its recipient.

use std::fmt;

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{RecoveryRecipient, agreement};
use crate::{RootKeyProvider, SealError};

/// The key of a recipient, for as long as a recovery takes. It is overwritten when dropped.
pub struct RecoveryKey {
    recipient: RecoveryRecipient,
    secret: StaticSecret,
}

impl RecoveryKey {
    /// Derives the key of a recipient from its passphrase. Takes as long as the recipient's costs say.
    ///
    /// # Errors
    /// [`SealError::WrongPassphrase`], [`SealError::NoMemory`].
    pub fn derive(passphrase: &str, recipient: &RecoveryRecipient) -> Result<Self, SealError> {
        let secret = recipient.private_key(passphrase)?;
        if PublicKey::from(&secret).as_bytes() != recipient.public() {
            return Err(SealError::WrongPassphrase { provider: recipient.name() });
        }
        Ok(Self { recipient: recipient.clone(), secret })
    }

    /// The recipient that it belongs to.
    #[must_use]
    pub fn recipient(&self) -> &RecoveryRecipient {
        &self.recipient
    }
}

impl RootKeyProvider for RecoveryKey {
    fn name(&self) -> String {
        self.recipient.name()
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        self.recipient.wrap(plaintext, aad)
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        agreement::unwrap(&self.secret, self.recipient.public(), blob, aad)
            .ok_or_else(|| SealError::NotUnwrapped { provider: self.name() })
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recovery key {}", self.recipient.fingerprint())
    }
}

#[cfg(test)]
impl RecoveryKey {
    pub(super) fn secret(&self) -> &[u8; 32] {
        self.secret.as_bytes()
    }
}
