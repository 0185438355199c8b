//! Whether those who were let in may stay.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether others are trusted than before.
const LOOK: Duration = Duration::from_millis(500);

/// After so many looks each connection is judged again although nothing was replaced: certificates and lists of revoked ones expire.
const LOOKS_MAX: u32 = 600;

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

/// Tells the connections of a listener when to look whether they are still trusted.
#[derive(Clone)]
pub(crate) struct Doubts {
    trust: Arc<dyn Trust>,
    raised: watch::Receiver<()>,
}

impl Doubts {
    /// Raises them until `shutdown`.
    pub(crate) fn about(trust: Arc<dyn Trust>, shutdown: CancellationToken) -> Self {
        let (raise, raised) = watch::channel(());
        let looked_at = Arc::clone(&trust);
        tokio::spawn(shutdown.run_until_cancelled_owned(async move {
            let (mut known, mut looks) = (looked_at.version(), 0);
            loop {
                tokio::time::sleep(LOOK).await;
                let version = looked_at.version();
                looks += 1;
                if version != known || looks == LOOKS_MAX {
                    (known, looks) = (version, 0);
                    raise.send_replace(());
                }
            }
        }));
        Self { trust, raised }
    }

    /// The same for one connection, whose certificate is verified only after this.
    pub(crate) fn fresh(&self) -> Self {
        let mut doubts = self.clone();
        doubts.raised.mark_unchanged();
        doubts
    }

    /// Returns when this certificate is not trusted any more.
    pub(crate) async fn come_true(mut self, chain: Vec<CertificateDer<'static>>) {
        while self.raised.changed().await.is_ok() {
            if !self.trust.trusts(&chain) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
