//! When to look whether the other side of a connection is still trusted: of those that were accepted, and of those that were dialled.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};

/// How often it is looked whether others are trusted than before.
const LOOK: Duration = Duration::from_millis(500);

/// After so many looks each connection is judged again although nothing was replaced: certificates and lists of revoked ones expire.
const LOOKS_MAX: u32 = 600;

/// Tells connections when to look whether the certificate that they were let in by is still trusted.
#[derive(Clone, Debug)]
pub struct Doubts {
    raised: watch::Receiver<()>,
}

impl Doubts {
    /// Raises them when `version` says another number, and now and then besides, for as long as anybody listens.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn about(version: impl Fn() -> u64 + Send + 'static) -> Self {
        let (raise, raised) = watch::channel(());
        tokio::spawn(async move {
            let (mut known, mut looks) = (version(), 0);
            loop {
                tokio::select! {
                    () = raise.closed() => return,
                    () = sleep(LOOK) => {}
                }
                let version = version();
                looks += 1;
                if version != known || looks == LOOKS_MAX {
                    (known, looks) = (version, 0);
                    raise.send_replace(());
                }
            }
        });
        Self { raised }
    }

    /// The same for one connection, whose certificate is verified only after this.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let mut doubts = self.clone();
        doubts.raised.mark_unchanged();
        doubts
    }

    /// Returns when a look finds that the other side is not trusted any more.
    pub async fn come_true(mut self, is_trusted: impl Fn() -> bool) {
        while self.raised.changed().await.is_ok() {
            if !is_trusted() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
