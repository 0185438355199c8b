//! Whose certificates a listener lets in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::pem;
use super::stamp::Stamp;
use crate::config::{AllowedNames, ConfigError, TlsFiles};

/// Asks for a certificate that the authority issued, that is not revoked, and that carries an allowed name.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    authority: PathBuf,
    revoked: Option<PathBuf>,
    allowed: AllowedNames,
    provider: Arc<CryptoProvider>,
    current: Mutex<(Stamp, Arc<dyn ClientCertVerifier>)>,
}

impl CallerVerifier {
    pub(super) fn load(
        authority: &Path,
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let (authority, revoked) = (authority.to_owned(), files.revoked.clone());
        let stamp = stamp(&authority, revoked.as_deref());
        let current = Mutex::new((stamp, read(&authority, revoked.as_deref(), provider)?));
        Ok(Self { authority, revoked, allowed: files.allowed.clone(), provider: Arc::clone(provider), current })
    }

    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.authority, self.revoked.as_deref());
        if current.0 != stamp {
            // Also when it fails: one line in the log for each change is enough.
            current.0 = stamp;
            match read(&self.authority, self.revoked.as_deref(), &self.provider) {
                Ok(read) => {
                    tracing::info!(path = %self.authority.display(), "the authority or what it revoked was replaced");
                    current.1 = read;
                }
                Err(error) => {
                    tracing::error!(%error, "the authority or what it revoked was replaced and cannot be used; those before stay");
                }
            }
        }
        Arc::clone(&current.1)
    }

    fn check_name(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let carries = match &self.allowed {
            AllowedNames::Any => true,
            AllowedNames::Common(names) => common_name(certificate).is_some_and(|name| names.contains(&name)),
            AllowedNames::Hosts(names) => {
                let parsed = ParsedCertificate::try_from(certificate)?;
                let carries = |name: &String| {
                    let name = ServerName::try_from(name.as_str()).ok();
                    name.is_some_and(|name| verify_server_name(&parsed, &name).is_ok())
                };
                names.iter().any(carries)
            }
        };
        if carries { Ok(()) } else { Err(CertificateError::ApplicationVerificationFailure.into()) }
    }
}

impl ClientCertVerifier for CallerVerifier {
    /// No hints: the authorities may be others at the next handshake, and a client with one certificate needs none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.current().verify_client_cert(end_entity, intermediates, now)?;
        self.check_name(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls13_signature(message, certificate, signed)
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
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let unusable = |path: &Path, reason: String| ConfigError::BadAuthority { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(authority)? {
        roots.add(certificate).map_err(|error| unusable(authority, error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = match revoked {
        // As in etcd, what an authority without a list issued is not revoked.
        Some(path) => verifier.with_crls(pem::revocations(path)?).allow_unknown_revocation_status(),
        None => verifier,
    };
    verifier.build().map_err(|error| unusable(revoked.unwrap_or(authority), error.to_string()))
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = certificate.subject().iter_common_name().last()?;
    name.as_str().ok().map(str::to_owned)
}
