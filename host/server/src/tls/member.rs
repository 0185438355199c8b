//! Which members are believed when they are dialled.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::pem;
use super::stamp::Stamp;
use crate::config::{ConfigError, TlsFiles};

/// Asks for a certificate for the host that was dialled, that the authority issued and that is not revoked.
#[derive(Debug)]
pub(super) struct MemberVerifier {
    /// Without it nobody is believed, unless `--peer-auto-tls` says that everybody is: such certificates are of the
    /// members' own making, and encrypt without proving anything.
    authority: Option<Authority>,
    self_signed: bool,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Authority {
    path: PathBuf,
    revoked: Option<PathBuf>,
    current: Mutex<(Stamp, Arc<WebPkiServerVerifier>)>,
}

impl MemberVerifier {
    pub(super) fn load(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Self, ConfigError> {
        let load = |path: &PathBuf| Authority::load(path, files.revoked.as_deref(), provider);
        let authority = files.client_authority.as_ref().map(load).transpose()?;
        Ok(Self { authority, self_signed: files.self_signed_years.is_some(), provider: Arc::clone(provider) })
    }
}

impl Authority {
    fn load(path: &Path, revoked: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Self, ConfigError> {
        let current = Mutex::new((stamp(path, revoked), read(path, revoked, provider)?));
        Ok(Self { path: path.to_owned(), revoked: revoked.map(Path::to_owned), current })
    }

    fn current(&self, provider: &Arc<CryptoProvider>) -> Arc<WebPkiServerVerifier> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.path, self.revoked.as_deref());
        if current.0 != stamp {
            // Also when it fails: one line in the log for each change is enough.
            current.0 = stamp;
            match read(&self.path, self.revoked.as_deref(), provider) {
                Ok(read) => current.1 = read,
                Err(error) => {
                    tracing::error!(%error, "the authority of members was replaced and cannot be used; the one before stays");
                }
            }
        }
        Arc::clone(&current.1)
    }
}

impl ServerCertVerifier for MemberVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.authority {
            Some(authority) => authority.current(&self.provider).verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            None if self.self_signed => Ok(ServerCertVerified::assertion()),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn stamp(authority: &Path, revoked: Option<&Path>) -> Stamp {
    Stamp::of([authority].into_iter().chain(revoked))
}

fn read(
    authority: &Path,
    revoked: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ConfigError> {
    let unusable = |path: &Path, reason: String| ConfigError::BadAuthority { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(authority)? {
        roots.add(certificate).map_err(|error| unusable(authority, error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = match revoked {
        // As for callers, what an authority without a list issued is not revoked.
        Some(path) => verifier.with_crls(pem::revocations(path)?).allow_unknown_revocation_status(),
        None => verifier,
    };
    verifier.build().map_err(|error| unusable(revoked.unwrap_or(authority), error.to_string()))
}
