//! Where the root key comes from.

mod credential;
mod derived;
mod key_file;
mod key_line;
mod kms;
mod recovery;

#[cfg(test)]
mod conformance;

use zeroize::Zeroizing;

pub use credential::Credential;
pub(crate) use derived::Derived;
pub use key_file::KeyFile;
pub(crate) use kms::EncryptedSeed;
pub use kms::{Kms, KmsOptions};
pub use recovery::{PASSPHRASE_CHARACTERS_MIN, RecoveryCosts, RecoveryKey, RecoveryRecipient};

use crate::SealError;

/// Wraps and unwraps data keys with a root key that only it knows.
///
/// Calls may block, for as long as a KMS may take to answer: they are only made on threads that may block.
pub trait RootKeyProvider: Send + Sync {
    /// Names provider and root key, as in `file:9f86d081`. It is recorded beside each wrap, and a wrap is offered only
    /// to the provider of that name; so it must change with the root key and with nothing else.
    fn name(&self) -> String;

    /// Id of the root key that new wraps are made with, where a provider of one name has several over time (a KMS that
    /// rotates); else empty.
    ///
    /// # Errors
    /// When it has to be asked for and cannot be had just now.
    fn root_key_id(&self) -> Result<String, SealError> {
        Ok(String::new())
    }

    /// The same of a wrap that it made: while a KMS rotates, another key may have made it than the one it calls its own.
    fn root_key_id_of(&self, _blob: &[u8]) -> String {
        String::new()
    }

    /// Encrypts a data key. What comes out must open only with the same associated data.
    ///
    /// # Errors
    /// When the root key cannot be used just now.
    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Decrypts a data key.
    ///
    /// # Errors
    /// [`SealError::NotUnwrapped`] for a blob that this root key did not make for this associated data; others when the
    /// root key cannot be used just now.
    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError>;

    /// Asks whether it can be used now. Cheap for those that hold their key; a call to the KMS otherwise.
    ///
    /// # Errors
    /// Why it cannot.
    fn check(&self) -> Result<(), SealError> {
        Ok(())
    }
}
