//! The certificate that a listener shows.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pem;
use super::stamp::Stamp;
use crate::config::{ConfigError, TlsFiles};

/// Shows what the files hold, and reads them again when they were replaced.
#[derive(Debug)]
pub(super) struct ServerCertificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: Mutex<(Stamp, Arc<CertifiedKey>)>,
}

impl ServerCertificate {
    pub(super) fn load(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Self, ConfigError> {
        let current = Mutex::new((stamp(files), read(files, provider)?));
        Ok(Self { files: files.clone(), provider: Arc::clone(provider), current })
    }

    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.files);
        if current.0 != stamp {
            // Also when it fails: one line in the log for each change is enough.
            current.0 = stamp;
            match read(&self.files, &self.provider) {
                Ok(read) => {
                    tracing::info!(path = %self.files.certificate.display(), "the certificate was replaced");
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

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    Stamp::of([files.certificate.as_path(), files.key.as_path()])
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ConfigError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::private_key(&files.key)?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|source| {
        let (certificate, key) = (files.certificate.clone(), files.key.clone());
        ConfigError::BadPair { certificate, key, source }
    })
}
