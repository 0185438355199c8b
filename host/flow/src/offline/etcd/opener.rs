//! Opening what kube-apiserver encrypted, on its way in.

use bytes::Bytes;
use seal::{Decrypter, SealError};
use types::{KeyValue, Plain};

use super::Import;
use crate::offline::OfflineError;

/// The keys that kube-apiserver encrypted with, if they were given.
pub(super) struct Opener {
    decrypter: Option<Decrypter>,
    writes_plaintext: bool,
}

impl Opener {
    pub(super) fn new(import: &Import) -> Result<Self, SealError> {
        let decrypter = import.decryption.as_ref().map(Decrypter::new).transpose()?;
        Ok(Self { decrypter, writes_plaintext: import.writes_plaintext })
    }

    /// Whether a value that is opened may not be written in plain text.
    pub(super) fn refuses_plaintext(&self) -> bool {
        self.decrypter.is_some() && !self.writes_plaintext
    }

    /// The value that kube-apiserver encrypted; nothing for one that is to stay as it is.
    pub(super) fn plain(&self, kv: &KeyValue<Bytes>) -> Result<Option<Plain>, OfflineError> {
        let Some(decrypter) = self.decrypter.as_ref().filter(|_| Decrypter::is_encrypted(&kv.value)) else {
            return Ok(None);
        };
        let opened = decrypter.open(&kv.key, &kv.value).map_err(|source| OfflineError::Encrypted {
            key: String::from_utf8_lossy(&kv.key).into_owned(),
            revision: kv.mod_revision,
            source,
        });
        opened.map(Some)
    }
}

/// The prefix of a key's resource, as kube-apiserver keeps them: `/registry/RESOURCE/`, or `/registry/GROUP/RESOURCE/` for a group, which
/// has a dot. Of any other key, all before its last slash.
pub(super) fn resource_prefix(key: &[u8]) -> String {
    let key = String::from_utf8_lossy(key);
    let slashes: Vec<_> = key.match_indices('/').map(|(at, _)| at).collect();
    let has_group = |from: usize, to: usize| key[from..to].contains('.');
    let end = match slashes[..] {
        [0, first, second, third, ..] if has_group(first, second) => third,
        [0, _, second, ..] => second,
        [.., last] => last,
        [] => return key.into_owned(),
    };
    key[..=end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_that_of_the_resource() {
        for (key, prefix) in [
            ("/registry/secrets/default/a", "/registry/secrets/"),
            ("/registry/secrets/a/b/c/d", "/registry/secrets/"),
            ("/registry/stable.example.com/crontabs/default/a", "/registry/stable.example.com/crontabs/"),
            ("/registry/a.b/c", "/registry/a.b/"),
            ("/registry/a", "/registry/"),
            ("/a", "/"),
            ("a/b/c/d", "a/b/c/"),
            ("a", "a"),
        ] {
            assert_eq!(resource_prefix(key.as_bytes()), prefix, "{key}");
        }
    }
}
