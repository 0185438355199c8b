//! Removing from this member's files what lies there from before a prefix was sealed, or a key shredded: in the log, in a
//! snapshot, and in what the database has overwritten and not merged away yet.
//!
//! Copies of the state that are being sent go by themselves, and one that was set aside when an operator removes it: until then the member says that
//! not all is gone.
//!
//! Every member does so for itself and notes how far it is among the files of its state, so that a restart does not do it again. A state
//! that comes from another member, or from a snapshot, comes without a note: its files may hold what those of the one before did not.

use std::{fs, path::PathBuf, sync::Mutex, time::Duration};

use crate::{FlowError, Member};

/// Where it is noted up to which policy epoch this was done.
const NOTE: &str = "forgotten";

/// The note of what is not done yet.
const UNFINISHED_NOTE: &str = "forgetting";

/// How often it is looked whether there is something to do.
const INTERVAL: Duration = Duration::from_secs(2);

const POISONED: &str = "no code that can panic runs while the copies are locked";

/// Copies of the state that were on their way to somebody when it was done last. None of them outlives this run.
#[derive(Default)]
pub(crate) struct Copies(Mutex<Vec<PathBuf>>);

impl Member {
    pub(crate) async fn forget_forever(self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if let Err(error) = self.forget_if_needed().await {
                tracing::warn!(%error, "what was in plain text before is not removed from files yet; tried again");
            }
        }
    }

    /// Whether nothing lies in a file that is not to.
    pub(crate) fn has_forgotten(&self) -> Result<bool, FlowError> {
        let copies = self.shared.copies.0.lock().expect(POISONED);
        let is_copied = || self.shared.store.set_aside().exists() || copies.iter().any(|copy| copy.exists());
        let (wanted, is_plain) = self.to_forget()?;
        Ok(!is_plain && (wanted == 0 || wanted <= self.noted() && !is_copied()))
    }

    /// Whether log or snapshot may hold what was in plain text before.
    pub(super) fn may_hold_plain(&self) -> Result<bool, FlowError> {
        let (wanted, is_plain) = self.to_forget()?;
        Ok(is_plain || wanted > self.noted())
    }

    /// The policy epoch up to which there is something to forget, and whether there will be more of it.
    fn to_forget(&self) -> Result<(u64, bool), FlowError> {
        let to_forget =
            |view: &store::View<'_>| Ok::<_, store::StoreError>((view.forget_epoch()?, view.some_were_plain()?));
        Ok(self.shared.store.view(to_forget)?)
    }

    async fn forget_if_needed(&self) -> Result<(), FlowError> {
        let state = |view: &store::View<'_>| Ok::<_, store::StoreError>((view.forget_epoch()?, view.is_swept()?));
        let (wanted, is_swept) = self.shared.store.view(state)?;
        // What a compaction removes was not sealed anew.
        if wanted == 0 || !is_swept || wanted <= self.noted() {
            return Ok(());
        }
        let store = self.shared.store.clone();
        let (begun, done) = (store.files().join(UNFINISHED_NOTE), self.note());
        fs::write(&begun, format!("{wanted}\n")).map_err(|error| FlowError::Forget(error.to_string()))?;
        tokio::task::spawn_blocking(move || store.defragment()).await??;
        self.shared.consensus.forget().await.map_err(|error| FlowError::Forget(error.to_string()))?;
        let copies = self.shared.snapshots.copies().into_iter().chain(self.shared.consensus.copies()).collect();
        *self.shared.copies.0.lock().expect(POISONED) = copies;
        let set_aside = self.shared.store.set_aside();
        if set_aside.exists() {
            let path = set_aside.display();
            tracing::warn!(%path, "this state was set aside and may hold what was in plain text before: remove it once you have looked at it");
        }
        // If another state has taken the place of this one, the note has gone with it.
        fs::rename(begun, done).map_err(|error| FlowError::Forget(error.to_string()))?;
        tracing::info!(policy_epoch = wanted, "nothing from before lies in log, snapshot or database any more");
        Ok(())
    }

    fn note(&self) -> PathBuf {
        self.shared.store.files().join(NOTE)
    }

    /// A note that cannot be read is as good as none: it is done once more.
    fn noted(&self) -> u64 {
        fs::read_to_string(self.note()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}
