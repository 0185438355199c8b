//! The certificate that a listener shows, or who dials another member.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pem;
use super::stamp::Stamp;
use crate::config::ConfigError;

/// Shows what the files hold, and reads them again when they were replaced.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: Mutex<(Stamp, Arc<CertifiedKey>)>,
}

impl OwnCertificate {
    pub(super) fn load(certificate: &Path, key: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, ConfigError> {
        let current = Mutex::new((Stamp::of([certificate, key]), read(certificate, key, provider)?));
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Self { certificate, key, provider: Arc::clone(provider), current })
    }

    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of([self.certificate.as_path(), self.key.as_path()]);
        if current.0 != stamp {
            // Also when it fails: one line in the log for each change is enough.
            current.0 = stamp;
            match read(&self.certificate, &self.key, &self.provider) {
                Ok(read) => {
                    tracing::info!(path = %self.certificate.display(), "the certificate was replaced");
                    current.1 = read;
                }
                Err(error) => {
                    tracing::error!(%error, "the certificate was replaced and cannot be used; the one before stays");
                }
            }
        }
        Arc::clone(&current.1)
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for OwnCertificate {
    /// Shown to everyone who asks, as in etcd, whichever authorities they name.
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ConfigError> {
    let chain = pem::certificates(certificate)?;
    let private = pem::private_key(key)?;
    CertifiedKey::from_der(chain, private, provider).map(Arc::new).map_err(|source| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        ConfigError::BadPair { certificate, key, source }
    })
}
