//! Making this member forget: what was overwritten or deleted in the state lies in the log and in a snapshot for a while, and
//! some of it must not.

use std::{io, path::PathBuf, time::Duration};

use openraft::{async_runtime::watch::WatchReceiver as _, metrics::WaitError};
use tokio::sync::oneshot;

use crate::{
    Consensus,
    log::{Done, LogStore},
    snapshots,
};

/// How long is waited for a snapshot before it is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Consensus {
    /// Returns once nothing that was in the log before the call is in a file of the log, and the snapshot that is kept was made
    /// after it. The log goes on in files that nothing was ever written to.
    ///
    /// Members that lack what is purged get a snapshot.
    ///
    /// # Errors
    /// When the disk fails or this member stops. [`io::ErrorKind::StorageFull`] when there is no room for a snapshot: nothing is
    /// done then.
    pub async fn forget(&self) -> io::Result<()> {
        if !self.store.disk().map_err(io::Error::other)?.has_room_to_flush() {
            let why = "the disk has no room for a snapshot; give it some, and the log is cut";
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        self.in_log(|log, done| log.start_afresh(done)).await?;
        // Whatever lies in an older file has an index up to this one.
        let Some(newest) = self.raft.metrics().borrow_watched().last_log_index else { return Ok(()) };
        let raft = self.raft.wait(None);
        raft.applied_index_at_least(Some(newest), "what is to be forgotten is applied")
            .await
            .map_err(io::Error::other)?;
        let has_snapshot = |at: Option<crate::raft_types::LogId>| at.is_some_and(|at| at.index >= newest);
        let waits = "a snapshot holds what is to be purged";
        loop {
            self.raft.trigger().snapshot().await.map_err(io::Error::other)?;
            let soon = self.raft.wait(Some(ASK_AGAIN));
            match soon.metrics(|metrics| has_snapshot(metrics.snapshot), waits).await {
                Ok(_) => break,
                // Nobody hears of it while another one is being made.
                Err(WaitError::Timeout(..)) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        self.raft.trigger().purge_log(newest).await.map_err(io::Error::other)?;
        let waits = "the log is purged";
        raft.metrics(|metrics| has_snapshot(metrics.purged), waits).await.map_err(io::Error::other)?;
        // Files go after a purge is answered, and before what comes behind it.
        self.in_log(|log, done| log.append(Vec::new(), done)).await
    }

    /// Where copies of the state lie that are being sent to other members, or of which a part has arrived from one.
    #[must_use]
    pub fn copies(&self) -> Vec<PathBuf> {
        let transfers = [snapshots::receiving(&self.snapshots), snapshots::serving(&self.snapshots)];
        transfers.into_iter().filter(|dir| dir.exists()).collect()
    }

    async fn in_log(&self, start: impl FnOnce(&LogStore, Done)) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        start(
            &self.log,
            Box::new(move |done| {
                // Whoever asked may have gone away.
                let _ = sender.send(done);
            }),
        );
        receiver.await.map_err(io::Error::other)?.map_err(io::Error::other)
    }
}
