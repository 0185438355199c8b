//! The right-hand side of a compare on a value.

use std::fmt;

use bytes::Bytes;

use crate::Digest;

/// What a compare on a value is given: apply holds no key, so against a sealed value it gets the digest.
#[derive(Clone, PartialEq, Eq)]
pub enum Operand {
    /// The value itself, for keys that are not sealed.
    Clear(Bytes),
    /// The keyed digest of (key, value); equal digests by the same digest key mean equal values.
    Digest {
        /// [`crate::DataKeyRecord::digest_key_id`] of the data key it was made with.
        by: u32,
        /// The digest.
        digest: Digest,
    },
}

impl fmt::Debug for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear(value) => write!(f, "clear({} bytes)", value.len()),
            Self::Digest { .. } => f.write_str("digest"),
        }
    }
}
