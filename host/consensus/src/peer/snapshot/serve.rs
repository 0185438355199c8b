//! The leader's side of a member that asks for its state.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use proto::peer::{SnapshotRequest, SnapshotResponse, snapshot_response::Answer};
use store::Store;
use tokio::sync::{Mutex, mpsc};
use tonic::{Request, Status, Streaming, metadata::MetadataValue};

use super::send::{AHEAD_MAX, answer, feed, list};
use crate::{
    raft_types::Vote,
    snapshots::{remove, serving},
};

/// In the metadata of a call for the state: any member's will do.
const ANY_MEMBER: &str = "strongroom-any-member";

/// Whose state is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateOf {
    Leader,
    AnyMember,
}

impl StateOf {
    pub(crate) fn asked_in<T>(self, mut request: Request<T>) -> Request<T> {
        if self == Self::AnyMember {
            request.metadata_mut().insert(ANY_MEMBER, MetadataValue::from_static("yes"));
        }
        request
    }

    pub(in crate::peer) fn asked_by<T>(request: &Request<T>) -> Self {
        if request.metadata().contains_key(ANY_MEMBER) { Self::AnyMember } else { Self::Leader }
    }
}

/// The folder of the checkpoint that is being sent; one at a time is, since it keeps files that the state may not need any more.
#[derive(Clone)]
pub(crate) struct Serving {
    dir: Arc<Mutex<PathBuf>>,
}

impl Serving {
    pub(crate) fn new(snapshots: &Path) -> Self {
        Self { dir: Arc::new(Mutex::new(serving(snapshots))) }
    }

    /// Sends the state as it is now. What is read from the channel is for the member that asked.
    pub(in crate::peer) fn serve(
        &self,
        store: Store,
        leader: Vote,
        mut answers: Streaming<SnapshotResponse>,
    ) -> Result<mpsc::Receiver<SnapshotRequest>, Status> {
        let turn = self.dir.clone().try_lock_owned();
        let dir = turn.map_err(|_| Status::resource_exhausted("another member is being sent the state; ask again"))?;
        let (sender, requests) = mpsc::channel(AHEAD_MAX);
        tokio::spawn(async move {
            let sent = send(store, &dir, &leader, sender, &mut answers).await;
            if let Err(status) = sent {
                tracing::warn!(%status, "the state was not sent to the member that asked for it");
            }
            if let Err(error) = remove(&dir) {
                tracing::warn!(%error, "a checkpoint was not removed; the next start does it");
            }
        });
        Ok(requests)
    }
}

async fn send(
    store: Store,
    dir: &Path,
    leader: &Vote,
    sender: mpsc::Sender<SnapshotRequest>,
    answers: &mut Streaming<SnapshotResponse>,
) -> Result<(), Status> {
    let made = dir.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        remove(&made)?;
        store.checkpoint(&made).map_err(io::Error::other)
    });
    made.await.map_err(io::Error::other).flatten().map_err(|error| Status::internal(error.to_string()))?;
    let files = list(dir.to_owned(), leader, &sender).await?;
    match answer(answers).await? {
        Answer::Wanted(wanted) => feed(files, wanted, sender).await,
        Answer::Installed(_) => Err(Status::internal("the member did not say what it wants")),
    }
}
