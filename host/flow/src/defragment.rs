//! Giving disk space back at once instead of when RocksDB comes to it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use auth::Administrator;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{FlowError, Member};

/// One defragmentation at a time: it reads and writes the whole state.
#[derive(Default)]
pub(crate) struct Defragmenter {
    turn: Arc<Mutex<()>>,
    done: AtomicU64,
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
    pub(crate) fn begin_defragment(&self) -> bool {
        let Ok(turn) = self.shared.defragmenter.turn.clone().try_lock_owned() else { return false };
        tracing::info!("starting defragment, to make room after a compaction");
        let member = self.clone();
        self.spawn(async move {
            // What failed is in the log.
            let _ = member.rewrite(turn).await;
        });
        true
    }

    /// How often the state was rewritten since the start.
    pub(crate) fn rewrites(&self) -> u64 {
        self.shared.defragmenter.done.load(Ordering::Relaxed)
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
        self.shared.defragmenter.done.fetch_add(1, Ordering::Relaxed);
        tracing::info!("finished defragment");
        Ok(())
    }
}
