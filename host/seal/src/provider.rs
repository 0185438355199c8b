//! Where the root key comes from.

use zeroize::Zeroizing;

use crate::SealError;

/// Wraps and unwraps data keys with a root key that only it knows.
pub trait RootKeyProvider: Send + Sync {
    /// Names provider and root key, as in `file:9f86d081`. It is recorded beside each wrap, and a wrap is offered only
    /// to the provider of that name; so it must change with the root key and with nothing else.
    fn name(&self) -> String;

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
}
