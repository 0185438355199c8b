//! `strongroom plugin keygen` and `plugin sign`: with `openssl genpkey -algorithm ed25519` and `openssl pkeyutl -sign -rawin` it
//! is the same.

use std::path::{Path, PathBuf};

use rcgen::{KeyPair, PKCS_ED25519};
use ring::signature::Ed25519KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::cli::client::{ClientError, read};
use crate::cli::new_file::{OWNER_ONLY, READABLE, check_vacant, write_new};

/// `plugin keygen`.
#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// Where to put the private key; the public one goes to FILE.pub. Nothing may be there yet
    file: PathBuf,
}

/// `plugin sign`.
#[derive(Debug, clap::Args)]
pub(crate) struct Sign {
    /// The component; its signature goes to FILE.sig
    file: PathBuf,
    /// The Ed25519 private key (PEM)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Keygen {
    /// Writes both keys.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unwritable`], also where something is already.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let unusable =
            |error: rcgen::Error| ClientError::Unusable { path: self.file.clone(), reason: error.to_string() };
        let pair = KeyPair::generate_for(&PKCS_ED25519).map_err(unusable)?;
        let public = with_suffix(&self.file, ".pub");
        check_vacant(&public)?;
        let private = Zeroizing::new(pair.serialize_pem());
        write_new(&self.file, private.as_bytes(), OWNER_ONLY)?;
        write_new(&public, pair.public_key_pem().as_bytes(), READABLE)
    }
}

impl Sign {
    /// Writes the signature.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: files that cannot be read or written, or another kind of key.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let unusable = || ClientError::Unusable {
            path: self.key.clone(),
            reason: "it has to hold an Ed25519 private key as PEM, such as `strongroom plugin keygen` makes".to_owned(),
        };
        let pem = Zeroizing::new(read(&self.key)?);
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| unusable())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| unusable())?;
        let (signature, output) = (pair.sign(&read(&self.file)?), signature_of(&self.file));
        std::fs::write(&output, signature).map_err(|source| ClientError::Unwritable { path: output, source })
    }
}

/// Where the signature of a component lies.
pub(crate) fn signature_of(component: &Path) -> PathBuf {
    with_suffix(component, ".sig")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
