//! A state that cannot be used: found at the start, or while the member runs, which then starts again with another one.

use std::{
    future::pending,
    path::{Path, PathBuf},
};

use consensus::{ConsensusConfig, RebuildCause};
use store::Store;

use crate::{Member, StartError};

/// Why a member can go on no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was removed from its cluster.
    Removed(String),
    /// Its state cannot be used. The next start gets another one, by itself.
    Rebuild(String),
    /// Its disk failed, above all.
    Failed(String),
}

/// Where the state lies in a data directory.
pub(crate) fn state_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("state")
}

/// Opens the state; gets another one first if this one cannot be used, and says whether it did.
pub(crate) async fn open_state(config: &ConsensusConfig) -> Result<(Store, bool), StartError> {
    let dir = state_dir(&config.dir);
    let failed = |source| StartError::File { path: config.dir.clone(), source };
    let wanted = consensus::wanted_rebuild(&config.dir).map_err(failed)?;
    if let Some(cause) = wanted {
        consensus::rebuild(config, &dir, cause).await?;
    }
    match Store::open(&dir) {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the state cannot be opened");
            consensus::rebuild(config, &dir, RebuildCause::Damaged).await?;
            Ok((Store::open(&dir)?, true))
        }
        opened => Ok((opened?, wanted.is_some())),
    }
}

/// What becomes of a start that failed: if the state was found damaged, the next one gets another.
pub(crate) fn failed_start(error: StartError, store: &Store, config: &ConsensusConfig) -> StartError {
    let found = store.damage().borrow().clone();
    match found {
        Some(reason) if mark_for_rebuild(config, RebuildCause::Damaged) => StartError::Rebuild { reason },
        _ => error,
    }
}

/// Marks the next start to get another state; whether it can.
pub(crate) fn mark_for_rebuild(config: &ConsensusConfig, cause: RebuildCause) -> bool {
    if !consensus::can_rebuild(config, &state_dir(&config.dir)) {
        tracing::error!("there is neither another member nor a sound snapshot to get a state from; restore a backup");
        return false;
    }
    match consensus::want_rebuild(&config.dir, cause) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "the state cannot be marked to be replaced");
            false
        }
    }
}

impl Member {
    /// Returns when this member can go on no longer, with the reason.
    pub async fn ended(&self) -> Ending {
        let consensus = &self.shared.consensus;
        tokio::select! {
            biased;
            reason = self.unusable() => Ending::Rebuild(reason),
            reason = consensus.failed() => match self.damage() {
                Some(reason) => Ending::Rebuild(reason),
                None => Ending::Failed(reason),
            },
            reason = self.removed() => Ending::Removed(reason),
        }
    }

    /// Returns when the state is to be replaced. Without anybody to get another one from, the member goes on with what can be read.
    async fn unusable(&self) -> String {
        let mut damage = self.shared.store.damage();
        let reason = tokio::select! {
            found = damage.wait_for(Option::is_some) => found.ok().and_then(|found| found.clone()).unwrap_or_default(),
            () = self.shared.replaced.notified() => return "it holds other data than the other members".to_owned(),
        };
        if self.damage().is_some() { reason } else { pending().await }
    }

    fn damage(&self) -> Option<String> {
        let found = self.shared.store.damage().borrow().clone()?;
        mark_for_rebuild(&self.shared.consensus_config, RebuildCause::Damaged).then_some(found)
    }
}
