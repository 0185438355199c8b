//! Who a certificate says its holder is.

use ring::digest::{SHA256, digest};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::AuthError;

/// The names in a client certificate.
///
/// It proves nothing by itself: build one only from a certificate whose chain the TLS layer has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    common_name: Option<String>,
    uris: Vec<String>,
    dns_names: Vec<String>,
    fingerprint: String,
}

impl Identity {
    /// Reads the names from a DER certificate.
    ///
    /// # Errors
    /// [`AuthError::BadCertificate`] when it does not parse, has bytes after its end, or repeats an extension.
    pub fn from_der(der: &[u8]) -> Result<Self, AuthError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| bad("it is not a DER certificate"))?;
        if !rest.is_empty() {
            return Err(bad("there are bytes after its end"));
        }
        let mut identity = Self {
            common_name: only_common_name(&certificate),
            uris: Vec::new(),
            dns_names: Vec::new(),
            fingerprint: hex::encode(digest(&SHA256, der)),
        };
        identity.read_alternative_names(&certificate)?;
        Ok(identity)
    }

    /// The subject's common name; `None` also when there are several, because then it is unclear which one counts.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The URIs among the subject alternative names.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// The DNS names among the subject alternative names.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// SHA-256 of the whole certificate, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The name for logs and audit: first URI, else common name, else first DNS name, else the fingerprint.
    ///
    /// Control characters are escaped, so it fits one line.
    #[must_use]
    pub fn display_name(&self) -> String {
        let named = |kind: &str, name: &str| format!("{kind}:{}", name.escape_debug());
        let uri = self.uris.first().map(|name| named("URI", name));
        uri.or_else(|| self.common_name().map(|name| named("CN", name)))
            .or_else(|| self.dns_names.first().map(|name| named("DNS", name)))
            .unwrap_or_else(|| named("SHA256", &self.fingerprint))
    }

    fn read_alternative_names(&mut self, certificate: &X509Certificate<'_>) -> Result<(), AuthError> {
        let extension =
            certificate.subject_alternative_name().map_err(|_| bad("its subject alternative names are unreadable"))?;
        for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => self.dns_names.push((*dns).to_owned()),
                // Other kinds of name identify nobody here.
                _ => {}
            }
        }
        Ok(())
    }
}

fn only_common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let first = names.next()?;
    if names.next().is_some() {
        return None;
    }
    first.as_str().ok().map(str::to_owned)
}

fn bad(reason: &str) -> AuthError {
    AuthError::BadCertificate { reason: reason.to_owned() }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
