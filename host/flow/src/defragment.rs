//! Giving disk space back at once instead of when RocksDB comes to it.

use std::sync::Arc;

use auth::Administrator;
use tokio::sync::Mutex;

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
