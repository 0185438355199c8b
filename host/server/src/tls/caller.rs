//! Whose certificates a listener lets in.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::authority::Authority;
use crate::config::{AllowedNames, ConfigError, TlsFiles};

/// Asks for a certificate that the authority issued, that is not revoked, and that carries an allowed name.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    authority: Authority<dyn ClientCertVerifier>,
    allowed: AllowedNames,
    provider: Arc<CryptoProvider>,
}

impl CallerVerifier {
    pub(super) fn load(
        authority: &Path,
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let authority = Authority::load(authority, files.revoked.as_deref(), provider, |roots, revoked, provider| {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            verifier.with_crls(revoked).allow_unknown_revocation_status().enforce_revocation_expiration().build()
        })?;
        Ok(Self { authority, allowed: files.allowed.clone(), provider: Arc::clone(provider) })
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
        let verified = self.authority.current().verify_client_cert(end_entity, intermediates, now)?;
        self.check_name(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authority.current().verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authority.current().verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl api::Trust for CallerVerifier {
    fn version(&self) -> u64 {
        self.authority.version()
    }

    fn trusts(&self, chain: &[CertificateDer<'_>]) -> bool {
        let Some((end_entity, intermediates)) = chain.split_first() else { return false };
        self.verify_client_cert(end_entity, intermediates, UnixTime::now()).is_ok()
    }
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = certificate.subject().iter_common_name().last()?;
    name.as_str().ok().map(str::to_owned)
}
