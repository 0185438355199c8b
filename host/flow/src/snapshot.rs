//! Snapshots for backups: a consistent copy of the state, streamed while writes go on.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use auth::BackupOperator;
use bytes::{Bytes, BytesMut};
use ring::digest::{Context, SHA256};
use store::Store;
use tokio::sync::{Semaphore, mpsc};

use crate::{ETCD_VERSION, FlowError, Member, archive::Archive};

/// Folder under the data directory for the checkpoints that are being sent.
const FOLDER: &str = "backup";

/// Layout of the archive that this version writes.
const FORMAT: u32 = 1;

/// Most snapshots under way: each keeps files on disk that the state may not need any more.
const SNAPSHOTS_MAX: usize = 4;

/// Bytes of one piece; the client reads whole pieces.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces that wait for a client that reads slowly.
const PIECES_AHEAD_MAX: usize = 4;

/// A snapshot that is being sent.
pub struct Snapshot {
    /// The etcd storage version that clients are told.
    pub version: String,
    /// What is left to send, in order. The last piece is the SHA-256 of all others.
    pub pieces: mpsc::Receiver<Result<SnapshotPiece, FlowError>>,
}

/// A piece of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotPiece {
    /// Bytes that follow, the SHA-256 at the end not counted.
    pub remaining_bytes: u64,
    /// The piece.
    pub blob: Bytes,
}

/// Where checkpoints lie while they are sent.
pub(crate) struct Snapshots {
    dir: PathBuf,
    next: AtomicU64,
    turns: Arc<Semaphore>,
}

impl Snapshots {
    /// Also removes what an earlier run left behind.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let dir = data_dir.join(FOLDER);
        remove(&dir)?;
        Ok(Self { dir, next: AtomicU64::new(0), turns: Arc::new(Semaphore::new(SNAPSHOTS_MAX)) })
    }

    fn checkpoint(&self, store: &Store) -> Result<Checkpoint, FlowError> {
        let failed = |error| {
            FlowError::Store(store::StoreError::File { action: "create", path: self.dir.clone(), source: error })
        };
        std::fs::create_dir_all(&self.dir).map_err(failed)?;
        let checkpoint = Checkpoint(self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string()));
        store.checkpoint(&checkpoint.0)?;
        Ok(checkpoint)
    }
}

/// A checkpoint on disk, removed when it is let go of.
struct Checkpoint(PathBuf);

impl Drop for Checkpoint {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a checkpoint was not removed; the next start does it");
        }
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Member {
    /// Begins to send a snapshot of the state as it is now.
    ///
    /// # Errors
    /// More than a few are under way; the disk's come with the pieces.
    pub async fn snapshot(&self, operator: &BackupOperator) -> Result<Snapshot, FlowError> {
        let turns = self.shared.snapshots.turns.clone();
        let turn = turns.try_acquire_owned().map_err(|_| FlowError::TooManyRequests)?;
        let version = self.cluster_version()?;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        tracing::info!(operator = operator.name(), "sending database snapshot to client");
        let member = self.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let _timer = member.shared.store.metrics().snapshot_seconds.start_timer();
            if let Err(error) = member.send_snapshot(&sender) {
                tracing::warn!(%error, "the snapshot was not sent whole");
                // Nobody may be left to be told.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(Snapshot { version, pieces })
    }

    fn send_snapshot(&self, sender: &mpsc::Sender<Result<SnapshotPiece, FlowError>>) -> Result<(), FlowError> {
        let started = Instant::now();
        let checkpoint = self.shared.snapshots.checkpoint(&self.shared.store)?;
        let manifest = self.manifest(&checkpoint.0)?;
        let unreadable =
            |source| FlowError::Store(store::StoreError::File { action: "read", path: checkpoint.0.clone(), source });
        let archive = Archive::of(manifest, &checkpoint.0).map_err(unreadable)?;
        let total_bytes = archive.bytes();
        let mut pieces = Pieces::new(sender, total_bytes);
        match archive.write(&mut |bytes| pieces.write(bytes)).and_then(|()| pieces.finish()) {
            Err(error) if sender.is_closed() => {
                tracing::info!(%error, total_bytes, "the client did not want the rest of the snapshot");
                Ok(())
            }
            Err(error) => Err(unreadable(error)),
            Ok(()) => {
                tracing::info!(total_bytes, took = ?started.elapsed(), "successfully sent database snapshot to client");
                Ok(())
            }
        }
    }

    /// What a snapshot is of, for people and for a restore.
    fn manifest(&self, checkpoint: &Path) -> Result<String, FlowError> {
        let revision = Store::checkpoint_revision(checkpoint)?;
        let identity = self.shared.identity;
        Ok(format!(
            "format strongroom-snapshot {FORMAT}\netcd {ETCD_VERSION}\ncluster {:016x}\nmember {:016x}\nrevision {revision}\n",
            identity.cluster_id, identity.member_id,
        ))
    }
}

/// Cuts what is written into pieces, and hashes it.
struct Pieces<'s> {
    sender: &'s mpsc::Sender<Result<SnapshotPiece, FlowError>>,
    left: u64,
    gathered: BytesMut,
    digest: Context,
}

impl<'s> Pieces<'s> {
    fn new(sender: &'s mpsc::Sender<Result<SnapshotPiece, FlowError>>, total: u64) -> Self {
        Self { sender, left: total, gathered: BytesMut::with_capacity(PIECE_BYTES), digest: Context::new(&SHA256) }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let fits = bytes.len().min(PIECE_BYTES - self.gathered.len());
            self.gathered.extend_from_slice(&bytes[..fits]);
            bytes = &bytes[fits..];
            if self.gathered.len() == PIECE_BYTES {
                self.send_gathered()?;
            }
        }
        Ok(())
    }

    fn send_gathered(&mut self) -> io::Result<()> {
        let blob = std::mem::replace(&mut self.gathered, BytesMut::with_capacity(PIECE_BYTES)).freeze();
        self.digest.update(&blob);
        self.left -= blob.len() as u64;
        self.send(blob)
    }

    fn send(&self, blob: Bytes) -> io::Result<()> {
        let piece = SnapshotPiece { remaining_bytes: self.left, blob };
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.gathered.is_empty() {
            self.send_gathered()?;
        }
        let digest = std::mem::replace(&mut self.digest, Context::new(&SHA256)).finish();
        self.send(Bytes::copy_from_slice(digest.as_ref()))
    }
}
