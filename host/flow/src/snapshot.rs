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

use archive::{Archive, MAC_BYTES, Manifest, Sign, Signature};
use auth::BackupOperator;
use bytes::{Buf as _, Bytes, BytesMut};
use ring::digest::{Context, SHA256};
use seal::Keyring;
use store::Store;
use tokio::sync::{Semaphore, mpsc};

use crate::{
    ETCD_VERSION, FlowError, Member,
    resumable::{self, KEPT_FOR, Kept, SnapshotStart},
    sealing::unix_seconds,
};

/// Folder under the data directory for the checkpoints that are being sent.
const FOLDER: &str = "backup";

/// Most snapshots under way: each keeps files on disk that the state may not need any more.
const SNAPSHOTS_MAX: usize = 4;

/// Bytes of one piece; the client reads whole pieces.
const PIECE_BYTES: usize = 64 * 1024;

/// The SHA-256 behind a snapshot.
const DIGEST_BYTES: u64 = 32;

/// Pieces that wait for a client that reads slowly.
const PIECES_AHEAD_MAX: usize = 4;

/// A snapshot that is being sent.
pub struct Snapshot {
    /// The etcd storage version that clients are told.
    pub version: String,
    /// By what it can be gone on with, if that was asked for.
    pub id: Option<String>,
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
    kept: Arc<Kept<Archived>>,
}

impl Snapshots {
    /// Also removes what an earlier run left behind.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let dir = data_dir.join(FOLDER);
        remove(&dir)?;
        let turns = Arc::new(Semaphore::new(SNAPSHOTS_MAX));
        Ok(Self { dir, next: AtomicU64::new(0), turns, kept: Kept::new(KEPT_FOR) })
    }

    /// Checkpoints that are there now. One that is made later gets another name; one that RocksDB is making is `N.tmp` until it is whole.
    pub(crate) fn copies(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().with_extension("")).collect()
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
pub(crate) struct Checkpoint(PathBuf);

impl Checkpoint {
    fn unreadable(&self, source: io::Error) -> FlowError {
        FlowError::Store(store::StoreError::File { action: "read", path: self.0.clone(), source })
    }
}

/// What is going to be a snapshot. Its files are there as long as the checkpoint.
pub(crate) struct Archived {
    pub(crate) manifest: Manifest,
    pub(crate) archive: Archive,
    pub(crate) checkpoint: Checkpoint,
}

impl Archived {
    /// How many bytes it is, with the SHA-256 behind.
    fn bytes(&self) -> u64 {
        self.archive.bytes() + DIGEST_BYTES
    }
}

/// What a call is to be sent.
struct Sending {
    id: Option<String>,
    /// What it goes on with; nothing for one that is made now.
    archived: Option<Arc<Archived>>,
    offset: u64,
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a checkpoint was not removed; the next start does it");
        }
    }
}

/// Removes a folder, if it is there.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Member {
    /// Begins to send a snapshot of the state as it is now, or goes on with one.
    ///
    /// # Errors
    /// More than a few are under way; [`FlowError::SnapshotGone`]; the disk's come with the pieces.
    pub async fn snapshot(&self, operator: &BackupOperator, start: SnapshotStart) -> Result<Snapshot, FlowError> {
        let turns = self.shared.snapshots.turns.clone();
        let turn = turns.try_acquire_owned().map_err(|_| FlowError::TooManyRequests)?;
        let version = self.cluster_version()?;
        let sending = self.sending(start)?;
        let id = sending.id.clone();
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        tracing::info!(operator = operator.name(), "sending database snapshot to client");
        let member = self.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let _timer = member.shared.store.metrics().snapshot_seconds.start_timer();
            if let Err(error) = member.send_snapshot(&sender, sending) {
                tracing::warn!(%error, "the snapshot was not sent whole");
                // Nobody may be left to be told.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(Snapshot { version, id, pieces })
    }

    fn sending(&self, start: SnapshotStart) -> Result<Sending, FlowError> {
        let kept = &self.shared.snapshots.kept;
        match start {
            SnapshotStart::Once => Ok(Sending { id: None, archived: None, offset: 0 }),
            // Without one it is sent all the same.
            SnapshotStart::Resumable => Ok(Sending { id: resumable::new_id(), archived: None, offset: 0 }),
            SnapshotStart::Resume { id, offset } => {
                let archived = kept.resume(&id).ok_or(FlowError::SnapshotGone)?;
                let is_within = offset <= archived.bytes();
                let sending = Sending { id: Some(id), archived: Some(archived), offset };
                if is_within {
                    return Ok(sending);
                }
                self.note_sent(&sending, false);
                Err(FlowError::SnapshotGone)
            }
        }
    }

    fn note_sent(&self, sending: &Sending, has_arrived: bool) {
        let (kept, Some(id)) = (&self.shared.snapshots.kept, &sending.id) else { return };
        if has_arrived {
            kept.let_go(id);
        } else {
            kept.ended(id);
        }
    }

    fn send_snapshot(
        &self,
        sender: &mpsc::Sender<Result<SnapshotPiece, FlowError>>,
        mut sending: Sending,
    ) -> Result<(), FlowError> {
        let archived = match sending.archived.take() {
            Some(archived) => archived,
            None => {
                let archived = Arc::new(self.archived()?);
                if let Some(id) = &sending.id {
                    self.shared.snapshots.kept.add(id.clone(), Arc::clone(&archived));
                }
                archived
            }
        };
        let has_arrived = sending.offset == archived.bytes();
        let sent = if has_arrived { Ok(()) } else { send(sender, &archived, sending.offset) };
        self.note_sent(&sending, has_arrived);
        sent
    }

    /// A checkpoint of the state as it is now, ready to be written.
    pub(crate) fn archived(&self) -> Result<Archived, FlowError> {
        // Before the checkpoint, so that the data keys that sign are in it.
        let keyring = self.shared.policy.current().keyring().clone();
        let checkpoint = self.shared.snapshots.checkpoint(&self.shared.store)?;
        let manifest = self.manifest(&checkpoint.0)?;
        let archive = Archive::of(&manifest, &checkpoint.0, Some(signing(keyring)));
        let archive = archive.map_err(|error| checkpoint.unreadable(error))?;
        Ok(Archived { manifest, archive, checkpoint })
    }

    /// What a snapshot is of, for people and for a restore.
    fn manifest(&self, checkpoint: &Path) -> Result<Manifest, FlowError> {
        let (compacted, revision) = Store::checkpoint_revisions(checkpoint)?;
        let identity = self.shared.identity;
        Ok(Manifest {
            etcd: ETCD_VERSION.to_owned(),
            cluster_id: identity.cluster_id,
            member_id: identity.member_id,
            revision,
            unix_seconds: unix_seconds(),
            moments: self.shared.moments.between(compacted, revision),
        })
    }
}

/// Sends what is behind `offset`.
fn send(
    sender: &mpsc::Sender<Result<SnapshotPiece, FlowError>>,
    archived: &Archived,
    offset: u64,
) -> Result<(), FlowError> {
    let Archived { archive, checkpoint, .. } = archived;
    let (started, total_bytes) = (Instant::now(), archive.bytes());
    let mut pieces = Pieces::new(sender, total_bytes, offset);
    match archive.write(&mut |bytes| pieces.write(bytes)).and_then(|()| pieces.finish()) {
        Err(error) if sender.is_closed() => {
            tracing::info!(%error, total_bytes, "the client did not want the rest of the snapshot");
            Ok(())
        }
        Err(error) => Err(checkpoint.unreadable(error)),
        Ok(()) => {
            tracing::info!(
                total_bytes,
                offset,
                took = ?started.elapsed(),
                "successfully sent database snapshot to client"
            );
            Ok(())
        }
    }
}

/// Whoever has a root key of the cluster can check that a member with its data keys wrote the file.
fn signing(keyring: Arc<Keyring>) -> Sign {
    let count = keyring.signatures();
    let sign = move |sums: &[u8]| {
        let signatures = keyring.sign(sums).into_iter();
        signatures.map(|(data_key, mac): (u32, [u8; MAC_BYTES])| Signature { data_key, mac }).collect()
    };
    Sign { count, sign: Box::new(sign) }
}

/// Cuts what is written into pieces, and hashes it.
struct Pieces<'s> {
    sender: &'s mpsc::Sender<Result<SnapshotPiece, FlowError>>,
    /// What the client has already.
    skip: u64,
    left: u64,
    gathered: BytesMut,
    digest: Context,
}

impl<'s> Pieces<'s> {
    fn new(sender: &'s mpsc::Sender<Result<SnapshotPiece, FlowError>>, total: u64, skip: u64) -> Self {
        let gathered = BytesMut::with_capacity(PIECE_BYTES);
        Self { sender, skip, left: total, gathered, digest: Context::new(&SHA256) }
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

    fn send(&mut self, mut blob: Bytes) -> io::Result<()> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(blob.len());
        blob.advance(skipped);
        self.skip -= skipped as u64;
        if blob.is_empty() {
            return if self.sender.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) };
        }
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
