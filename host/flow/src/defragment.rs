//! Giving disk space back at once instead of when RocksDB comes to it.

use std::sync::Arc;

use auth::Administrator;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{FlowError, Member};

/// One defragmentation at a time: it reads and writes the whole state.
#[derive(Default)]
pub(crate) struct Defragmenter {
    turn: Arc<Mutex<()>>,
}

impl Member {
    /// Rewrites the state without what was deleted or overwritten, beside reads and writes. Returns when it is done; goes
    /// on when its caller has gone away.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn defragment(&self, administrator: &Administrator) -> Result<(), FlowError> {
        let turn = self.shared.defragmenter.turn.clone().lock_owned().await;
        tracing::info!(administrator = administrator.name(), "starting defragment");
        self.rewrite(turn).await
    }

    /// Begins the same without being asked and goes on beside its caller; not while one is under way. Returns whether it has begun.
    ///
    /// Where the disk is short, log and snapshot go as well that hold on to files of before.
    pub(crate) fn begin_defragment(&self, is_short_of_disk: bool) -> bool {
        let Ok(turn) = self.shared.defragmenter.turn.clone().try_lock_owned() else { return false };
        tracing::info!(is_short_of_disk, "starting defragment, to make room after a compaction");
        let member = self.clone();
        self.spawn(async move {
            // What failed is in the log.
            if member.rewrite(turn).await.is_ok()
                && is_short_of_disk
                && let Err(error) = member.shared.consensus.forget().await
            {
                tracing::warn!(%error, "files of before are still held by log and snapshot");
            }
        });
        true
    }

    async fn rewrite(&self, turn: OwnedMutexGuard<()>) -> Result<(), FlowError> {
        let store = self.shared.store.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let metrics = store.metrics();
            metrics.defragmenting.set(1);
            let timer = metrics.defragment_seconds.start_timer();
            let done = store.defragment();
            timer.stop_and_record();
            metrics.defragmenting.set(0);
            done
        });
        done.await?.inspect_err(|error| tracing::warn!(%error, "failed to defragment"))?;
        tracing::info!("finished defragment");
        Ok(())
    }
}
