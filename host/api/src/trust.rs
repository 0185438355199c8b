//! Whether those who were let in may stay.

use std::fmt::Debug;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

/// Whose certificates a listener lets in.
pub trait Trust: Debug + Send + Sync {
    /// A number that is another one once others may be trusted than before.
    fn version(&self) -> u64;

    /// Whether a certificate, with those that came with it, would be let in now.
    fn trusts(&self, chain: &[CertificateDer<'_>]) -> bool;
}

/// TLS of a listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Its configuration, which verifies who comes.
    pub config: Arc<ServerConfig>,
    /// What it verifies by, to judge those who have come; `None` where nobody needs a certificate.
    pub trust: Option<Arc<dyn Trust>>,
}

impl From<Arc<ServerConfig>> for Tls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { config, trust: None }
    }
}
