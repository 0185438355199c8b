//! TLS of the listeners, from PEM files. *ring* is the only crypto provider.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::config::{ConfigError, TlsFiles};

/// gRPC first; HTTP/1.1 for `/health` and its kind.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS of the client, peer and metrics listeners.
///
/// # Errors
///
/// [`ConfigError`] names the file at fault.
pub(crate) fn for_clients(files: &TlsFiles) -> Result<Arc<ServerConfig>, ConfigError> {
    build(files, &[&rustls::version::TLS13, &rustls::version::TLS12]).map(Arc::new)
}

/// TLS of the admin listener: TLS 1.3 only.
///
/// # Errors
///
/// [`ConfigError`] names the file at fault.
pub(crate) fn for_administrators(files: &TlsFiles) -> Result<Arc<ServerConfig>, ConfigError> {
    assert!(files.client_authority.is_some(), "the admin listener always verifies certificates");
    build(files, &[&rustls::version::TLS13]).map(Arc::new)
}

fn build(files: &TlsFiles, versions: &[&'static SupportedProtocolVersion]) -> Result<ServerConfig, ConfigError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = client_verifier(files, &provider)?;
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(not_pem(&files.key, "private key"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|source| {
            let (certificate, key) = (files.certificate.clone(), files.key.clone());
            ConfigError::BadPair { certificate, key, source }
        })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    if files.client_authority.is_some() {
        forbid_resumption(&mut config);
    }
    Ok(config)
}

/// A resumed session takes the client's certificate from the one before; here each connection verifies its own.
fn forbid_resumption(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

fn client_verifier(
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let Some(path) = &files.client_authority else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let unusable = |reason: String| ConfigError::BadAuthority { path: path.clone(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let parsed = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = parsed.map_err(not_pem(path, "certificate"))?;
    if chain.is_empty() {
        return Err(ConfigError::NotPem { path: path.to_owned(), expected: "certificate" });
    }
    Ok(chain)
}

fn not_pem(path: &Path, expected: &'static str) -> impl FnOnce(pem::Error) -> ConfigError {
    move |error| match error {
        pem::Error::Io(source) => ConfigError::Unreadable { path: path.to_owned(), source },
        _ => ConfigError::NotPem { path: path.to_owned(), expected },
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
