//! Random bytes from the operating system.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::SealError;

/// Fills the buffer with random bytes.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), SealError> {
    SystemRandom::new().fill(buffer).map_err(|_| SealError::NoRandom)
}
