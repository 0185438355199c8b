//! A key of HMAC that is overwritten when it is dropped, which `ring` does not do.

use std::hint::black_box;
use std::ops::Deref;

use ring::hmac::{Algorithm, Key};

/// What `ring` has made of the bytes of a key: whoever has it can compute HMACs as with those.
pub(crate) struct MacKey(Key);

impl MacKey {
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        Self(Key::new(algorithm, key))
    }
}

impl Deref for MacKey {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.0
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.0 = Key::new(self.0.algorithm(), &[]);
        // Or the compiler would see that nobody reads it.
        black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::hmac::{HMAC_SHA256, sign, verify};

    #[test]
    fn it_is_the_key_that_it_was_made_of() {
        let tag = sign(&MacKey::new(HMAC_SHA256, b"key"), b"text");
        assert!(verify(&Key::new(HMAC_SHA256, b"key"), b"text", tag.as_ref()).is_ok());
        assert!(verify(&MacKey::new(HMAC_SHA256, b"yek"), b"text", tag.as_ref()).is_err());
    }
}
