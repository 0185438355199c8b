//! Reads certificates, keys and lists of revoked certificates.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::config::ConfigError;

/// At least one certificate.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let parsed = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = parsed.map_err(not_pem(path, "certificate"))?;
    if chain.is_empty() {
        return Err(ConfigError::NotPem { path: path.to_owned(), expected: "certificate" });
    }
    Ok(chain)
}

/// One private key.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    PrivateKeyDer::from_pem_file(path).map_err(not_pem(path, "private key"))
}

/// Lists of revoked certificates, as PEM or, as Go takes it too, one as bare DER.
pub(super) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, ConfigError> {
    let bytes = fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let parsed = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let lists = parsed.map_err(not_pem(path, "list of revoked certificates"))?;
    let lists = if lists.is_empty() { vec![CertificateRevocationListDer::from(bytes)] } else { lists };
    if lists.iter().any(is_expired) {
        let path = path.display();
        tracing::error!(%path, "a list of revoked certificates has expired: nobody whom it is about is let in until it is renewed");
    }
    Ok(lists)
}

/// Whether there was to be a newer one by now.
fn is_expired(list: &CertificateRevocationListDer<'_>) -> bool {
    let parsed = x509_parser::parse_x509_crl(list).ok();
    let next = parsed.and_then(|(_, list)| list.next_update());
    next.is_some_and(|next| next < x509_parser::time::ASN1Time::now())
}

fn not_pem(path: &Path, expected: &'static str) -> impl FnOnce(pem::Error) -> ConfigError {
    move |error| match error {
        pem::Error::Io(source) => ConfigError::Unreadable { path: path.to_owned(), source },
        _ => ConfigError::NotPem { path: path.to_owned(), expected },
    }
}
