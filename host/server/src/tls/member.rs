//! Which members are believed when they are dialled.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::authority::Authority;
use crate::config::{ConfigError, TlsFiles};

/// Asks for a certificate for the host that was dialled, that the authority issued and that is not revoked.
#[derive(Debug)]
pub(super) struct MemberVerifier {
    /// Without it nobody is believed, unless `--peer-auto-tls` says that everybody is: such certificates are of the
    /// members' own making, and encrypt without proving anything.
    authority: Option<Authority<WebPkiServerVerifier>>,
    self_signed: bool,
    provider: Arc<CryptoProvider>,
}

impl MemberVerifier {
    pub(super) fn load(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Self, ConfigError> {
        let load = |path: &PathBuf| {
            Authority::load(path, files.revoked.as_deref(), provider, |roots, revoked, provider| {
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider);
                verifier.with_crls(revoked).allow_unknown_revocation_status().enforce_revocation_expiration().build()
            })
        };
        let authority = files.client_authority.as_ref().map(load).transpose()?;
        Ok(Self { authority, self_signed: files.self_signed_years.is_some(), provider: Arc::clone(provider) })
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
            Some(authority) => {
                authority.current().verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
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

impl flow::MemberTrust for MemberVerifier {
    fn version(&self) -> u64 {
        self.authority.as_ref().map_or(0, Authority::version)
    }

    fn trusts(&self, chain: &[CertificateDer<'_>], host: &ServerName<'_>) -> bool {
        let Some((end_entity, intermediates)) = chain.split_first() else { return false };
        self.verify_server_cert(end_entity, intermediates, host, &[], UnixTime::now()).is_ok()
    }
}
