//! Digests in the place of keys: who knows a key, and the member's digest key, can tell whether a record is about it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The file of the digest key, in the folder of the journal.
pub const DIGEST_KEY_FILE: &str = "digest.key";

/// Bytes of the digest key.
const KEY_BYTES: usize = 32;

/// Bytes of a digest that are shown.
const SHOWN_BYTES: usize = 16;

/// Makes digests.
#[derive(Clone)]
pub struct Digester(hmac::Key);

impl Digester {
    /// With the digest key in a folder, which is made if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, or is none.
    pub fn open_or_create(folder: &Path) -> io::Result<Self> {
        match Self::open(&folder.join(DIGEST_KEY_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(folder),
            opened => opened,
        }
    }

    /// With the digest key in a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let key = fs::read(path)?;
        if key.len() != KEY_BYTES {
            let reason = format!("{} does not hold the {KEY_BYTES} bytes of a digest key", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    fn create(folder: &Path) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("no random numbers are to be had"))?;
        // Under another name until it is whole.
        let (path, unfinished) = (folder.join(DIGEST_KEY_FILE), folder.join("digest.key.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(unfinished, path)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// The digest of a key, in hexadecimal.
    #[must_use]
    pub fn digest(&self, key: &[u8]) -> String {
        hex::encode(&hmac::sign(&self.0, key).as_ref()[..SHOWN_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_same_with_one_key_and_differ_with_another() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Digester::open_or_create(here.path()).unwrap();
        let again = Digester::open_or_create(here.path()).unwrap();
        let other = Digester::open_or_create(there.path()).unwrap();
        assert_eq!(first.digest(b"/a"), again.digest(b"/a"));
        assert_ne!(first.digest(b"/a"), first.digest(b"/b"));
        assert_ne!(first.digest(b"/a"), other.digest(b"/a"));
        fs::write(here.path().join(DIGEST_KEY_FILE), b"short").unwrap();
        assert!(Digester::open_or_create(here.path()).is_err());
    }
}
