//! That a text was written by somebody with a data key of the cluster.

use super::{HeldKey, Keyring};
use crate::KeyState;

impl Keyring {
    /// How many signatures [`Keyring::sign`] makes.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.signing().count()
    }

    /// An HMAC over a text for each data key that seals what is new and is unwrapped here. None of them can be had from what is
    /// sealed or compared with that key.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<(u32, [u8; 32])> {
        self.signing().filter_map(|(id, held)| Some((id, held.opened().ok()?.sign(text)))).collect()
    }

    /// Whether the HMAC of a data key over a text is right; `None` if the key is not unwrapped here.
    #[must_use]
    pub fn verify(&self, text: &[u8], id: u32, mac: &[u8]) -> Option<bool> {
        Some(self.keys.get(&id)?.opened().ok()?.verify(text, mac))
    }

    fn signing(&self) -> impl Iterator<Item = (u32, &HeldKey)> {
        let keys = self.keys.iter().map(|(id, held)| (*id, held));
        keys.filter(|(_, held)| held.state == KeyState::Active && held.opened().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{CLUSTER, open, record};

    #[test]
    fn only_the_text_that_was_signed_verifies() {
        let keyring = open(&[record("/a/", 1, None), record("/b/", 2, None)]);
        let signed = keyring.sign(b"text");
        assert_eq!((signed.len(), keyring.signatures()), (2, 2));
        for (id, mac) in &signed {
            assert_eq!(keyring.verify(b"text", *id, mac), Some(true));
            assert_eq!(keyring.verify(b"texT", *id, mac), Some(false));
            assert_eq!(keyring.verify(b"text", *id, &mac[..31]), Some(false));
        }
        assert_ne!(signed[0].1, signed[1].1);
        assert_eq!(keyring.verify(b"text", 99, &signed[0].1), None);
        assert!(crate::Keyring::empty(CLUSTER).sign(b"text").is_empty());
    }
}
