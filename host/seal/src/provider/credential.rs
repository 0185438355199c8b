//! A root key in a credential of systemd: a key file that the service manager decrypts and hands to this service alone.
//!
//! See <https://systemd.io/CREDENTIALS/>.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_line;
use crate::{RootKey, RootKeyProvider, SealError};

/// Where systemd says that the credentials of a service are.
const VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The owner, and the group besides: systemd gives a service that is not root access by 0440, in a directory that only
/// the service can enter.
const MODES: [u32; 4] = [0o400, 0o440, 0o600, 0o640];

/// Longest name in bytes, of a credential and of a file.
const NAME_BYTES_MAX: usize = 255;

/// A root key that systemd passed to this service.
///
/// It has the format and the provider name of a [`crate::KeyFile`], so that a key can move from one to the other.
pub struct Credential {
    path: PathBuf,
    key: RootKey,
}

impl Credential {
    /// Reads the credential of that name in that directory.
    ///
    /// # Errors
    /// [`SealError::CredentialName`], [`SealError::KeyFileMissing`], [`SealError::CredentialMode`],
    /// [`SealError::KeyFileMalformed`], [`SealError::Io`].
    pub fn open(directory: &Path, name: &str) -> Result<Self, SealError> {
        if !is_plain(name) {
            return Err(SealError::CredentialName { name: name.to_owned() });
        }
        let path = directory.join(name);
        let key = key_line::read(&path, &MODES, |path, mode| SealError::CredentialMode { path, mode })?;
        Ok(Self { path, key })
    }

    /// Where systemd put the credentials of this service.
    ///
    /// # Errors
    /// [`SealError::NoCredentials`].
    pub fn directory() -> Result<PathBuf, SealError> {
        directory(env::var_os(VARIABLE))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names the key without giving anything of it away; see [`RootKey::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }
}

impl RootKeyProvider for Credential {
    fn name(&self) -> String {
        format!("file:{}", self.fingerprint())
    }

    fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.wrap(plaintext, aad)
    }

    fn unwrap(&self, blob: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.key.unwrap(blob, aad).map_err(|_| SealError::NotUnwrapped { provider: self.name() })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in credential {}", self.key, self.path.display())
    }
}

fn directory(variable: Option<OsString>) -> Result<PathBuf, SealError> {
    variable.filter(|path| !path.is_empty()).map(PathBuf::from).ok_or(SealError::NoCredentials)
}

/// Whether it names a file right in the directory, whatever is there.
fn is_plain(name: &str) -> bool {
    let odd = |c: char| c == '/' || c.is_control();
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !["", ".", ".."].contains(&name) && !name.contains(odd)
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
