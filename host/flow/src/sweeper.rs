//! Removing what compactions allow to remove, in the background.

use std::time::{Duration, Instant, UNIX_EPOCH};

use auth::Caller;
use consensus::Proposal;
use store::Outcome;
use tokio::sync::Notify;

use crate::{FlowError, Header, Member};

/// Shortest pause between two batches. Usually it is as long as the batch took: half of the time is left to requests.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// How long until the sweep looks whether there is something to do that nobody told it of.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Wakes the sweep.
#[derive(Default)]
pub(crate) struct Sweeper {
    compacted: Notify,
}

impl Member {
    /// Forgets history before `revision`. With `physical`, returns only once it is removed from the store.
    ///
    /// # Errors
    /// A revision that is compacted already or not there yet; otherwise as for a write.
    pub async fn compact(&self, caller: &Caller, revision: i64, physical: bool) -> Result<Header, FlowError> {
        let standing = self.shared.warden.root(caller)?;
        let applied = self.shared.consensus.propose(Proposal::compact(&standing, revision)).await?;
        match applied.result? {
            Outcome::Compacted => {}
            other => return Err(FlowError::Corrupt(format!("a compaction came out as {other:?}"))),
        }
        self.shared.sweeper.compacted.notify_one();
        if physical {
            self.sweep().await?;
        }
        Ok(self.header_at(applied.revision))
    }

    pub(crate) async fn sweep_forever(self) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::error!(%error, "compacted history could not be removed; tried again with the next compaction");
            }
            // Also without a call: one whose caller went away woke nobody.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.shared.sweeper.compacted.notified()).await;
        }
    }

    async fn sweep(&self) -> Result<(), FlowError> {
        let started = Instant::now();
        for batches in 0_u64.. {
            let (store, begun) = (self.shared.store.clone(), Instant::now());
            if !tokio::task::spawn_blocking(move || store.sweep()).await?? {
                if batches > 0 {
                    self.note_swept(started.elapsed());
                }
                break;
            }
            tokio::time::sleep(PAUSE_MIN.max(begun.elapsed())).await;
        }
        Ok(())
    }

    fn note_swept(&self, took: Duration) {
        let metrics = self.shared.store.metrics();
        metrics.compaction_milliseconds.observe(took.as_secs_f64() * 1000.0);
        let now = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        metrics.compaction_last.set(i64::try_from(now).unwrap_or(i64::MAX));
    }
}
