//! TLS of the listeners, from PEM files. *ring* is the only crypto provider.
//!
//! A file that is replaced is read again at the next handshake, as in etcd: certificates, authorities and lists of revoked
//! certificates can be renewed without a restart. One that cannot be used is named in the log, and the one before stays. Connections
//! whose certificate would not be let in any more are closed, and so are those to members that would not be believed any more.

mod authority;
mod caller;
mod certificate;
mod member;
mod pem;
mod stamp;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};

use crate::config::{ConfigError, TlsFiles, TlsRules};
use caller::CallerVerifier;
use certificate::OwnCertificate;
use member::MemberVerifier;

/// gRPC first; HTTP/1.1 for `/health` and its kind.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS of the client, peer and metrics listeners.
///
/// # Errors
///
/// [`ConfigError`] names the file at fault.
pub(crate) fn for_clients(files: &TlsFiles, rules: &TlsRules) -> Result<api::Tls, ConfigError> {
    let provider = CryptoProvider { cipher_suites: rules.suites.clone(), ..ring::default_provider() };
    build(files, provider, &rules.versions)
}

/// TLS of the admin listener: TLS 1.3 only.
///
/// # Errors
///
/// [`ConfigError`] names the file at fault.
pub(crate) fn for_administrators(files: &TlsFiles) -> Result<api::Tls, ConfigError> {
    assert!(files.client_authority.is_some(), "the admin listener always verifies certificates");
    build(files, ring::default_provider(), &[&rustls::version::TLS13])
}

/// TLS of the connections to other members.
///
/// # Errors
///
/// [`ConfigError`] names the file at fault.
pub(crate) fn for_dialling(files: &TlsFiles, rules: &TlsRules) -> Result<flow::PeerTls, ConfigError> {
    let provider = Arc::new(CryptoProvider { cipher_suites: rules.suites.clone(), ..ring::default_provider() });
    let trust = Arc::new(MemberVerifier::load(files, &provider)?);
    let verifier = Arc::<MemberVerifier>::clone(&trust);
    let (certificate, key) = match &files.dialling {
        Some((certificate, key)) => (certificate, key),
        None => (&files.certificate, &files.key),
    };
    let certificate = OwnCertificate::load(certificate, key, &provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&rules.versions)
        .map_err(ConfigError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(certificate));
    config.resumption = Resumption::disabled();
    Ok(flow::PeerTls { config: Arc::new(config), trust })
}

fn build(
    files: &TlsFiles,
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<api::Tls, ConfigError> {
    let provider = Arc::new(provider);
    let load = |authority| CallerVerifier::load(authority, files, &provider).map(Arc::new);
    let trusted = files.client_authority.as_deref().map(load).transpose()?;
    let verifier: Arc<dyn ClientCertVerifier> = match &trusted {
        Some(trusted) => Arc::<CallerVerifier>::clone(trusted),
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let certificate = OwnCertificate::load(&files.certificate, &files.key, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(ConfigError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificate));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    if files.client_authority.is_some() {
        forbid_resumption(&mut config);
    }
    let trust = trusted.map(|trusted| trusted as Arc<dyn api::Trust>);
    Ok(api::Tls { config: Arc::new(config), trust })
}

/// A resumed session takes the client's certificate from the one before; here each connection verifies its own.
fn forbid_resumption(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

#[cfg(test)]
mod tests;
