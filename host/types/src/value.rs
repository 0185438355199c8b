//! A value in plain text.

use bytes::Bytes;
use zeroize::Zeroize as _;

/// A value as the client wrote it.
///
/// It has no `Debug` on purpose: whatever wants to print it does not compile. The memory is overwritten
/// on drop when this is its last owner; a buffer still shared with the network layer is left to its owner.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Plain(Bytes);

impl Plain {
    /// The bytes, for sealing, reviewing or answering the client.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without a copy, for a value that leaves the plaintext world on purpose:
    /// into the answer of its reader, or into the state under a prefix that is not sealed.
    #[must_use]
    pub fn release(mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if let Ok(mut owned) = std::mem::take(&mut self.0).try_into_mut() {
            owned.zeroize();
        }
    }
}

impl AsRef<[u8]> for Plain {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Plain {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Plain {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_buffer_is_left_alone_until_its_last_owner_drops() {
        let first = Plain::from(b"canary".to_vec());
        let second = first.clone();
        drop(first);
        assert_eq!(second.expose(), b"canary");
    }

    #[test]
    fn release_hands_over_the_same_allocation() {
        let bytes = Bytes::from(b"value".to_vec());
        let address = bytes.as_ptr();
        assert_eq!(Plain::from(bytes).release().as_ptr(), address);
    }
}
