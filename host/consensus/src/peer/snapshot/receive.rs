//! The member's side: taking in what is missing, checking all of it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use proto::peer::{
    SnapshotChunk, SnapshotFile, SnapshotManifest, SnapshotRequest, SnapshotResponse, SnapshotWanted,
    snapshot_request::Part, snapshot_response::Answer, snapshot_wanted,
};
use tokio::sync::{Mutex, mpsc};
use tonic::{Status, Streaming};

use super::{FILES_MAX, files};
use crate::{leisure::at_leisure, peer::wire, raft_types::Vote, snapshots};

/// Bytes after which what arrived is synced: all at once at the end, it would hold up every other sync of the disk.
const SYNC_BYTES: u64 = 1 << 20;

/// The folder in which a snapshot arrives; one transfer has it at a time.
#[derive(Clone)]
pub(crate) struct Receiving {
    dir: Arc<Mutex<PathBuf>>,
}

impl Receiving {
    pub(crate) fn new(snapshots: &Path) -> Self {
        Self { dir: Arc::new(Mutex::new(snapshots::receiving(snapshots))) }
    }
}

/// Takes a snapshot in, then hands the folder and the leader's ballot to `install`.
pub(in crate::peer) async fn receive<F>(
    receiving: Receiving,
    mut requests: Streaming<SnapshotRequest>,
    answers: &mpsc::Sender<Result<SnapshotResponse, Status>>,
    install: impl FnOnce(PathBuf, Vote) -> F,
) -> Result<Vote, Status>
where
    F: Future<Output = Result<Vote, Status>>,
{
    let dir = receiving.dir.try_lock().map_err(|_| Status::aborted("another snapshot is on its way to this member"))?;
    let answer = async |wanted| {
        let answer = SnapshotResponse { answer: Some(Answer::Wanted(wanted)) };
        answers.send(Ok(answer)).await.map_err(|_| Status::aborted("the leader has gone away"))
    };
    let leader = take_in(&dir, &mut requests, answer).await?;
    install(dir.clone(), leader).await
}

/// Takes a snapshot into `dir`: `answer` tells the sender what of it is wanted. The ballot of the sender's leader.
pub(crate) async fn take_in(
    dir: &Path,
    requests: &mut Streaming<SnapshotRequest>,
    answer: impl AsyncFnOnce(SnapshotWanted) -> Result<(), Status>,
) -> Result<Vote, Status> {
    let Some(Part::Manifest(manifest)) = next(requests).await? else {
        return Err(Status::invalid_argument("a snapshot begins with its manifest"));
    };
    let leader = wire::read_ballot(manifest.leader)?;
    check(&manifest)?;
    let listed = Arc::new(manifest.files);
    let parts = on_disk(dir, &listed, missing).await?;
    tracing::info!(files = listed.len(), wanted = parts.len(), "receiving a snapshot");
    answer(SnapshotWanted { parts: parts.clone() }).await?;
    for part in parts {
        take(dir, &listed[part.file as usize], part, requests).await?;
    }
    on_disk(dir, &listed, verify).await?;
    Ok(leader)
}

async fn next(requests: &mut Streaming<SnapshotRequest>) -> Result<Option<Part>, Status> {
    Ok(requests.message().await?.and_then(|request| request.part))
}

/// Names come from another machine: none may lead out of the folder.
fn check(manifest: &SnapshotManifest) -> Result<(), Status> {
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    match &manifest.files {
        files if files.len() > FILES_MAX => Err(Status::invalid_argument("a snapshot of too many files")),
        files if files.iter().all(|file| is_name(&file.name)) => Ok(()),
        _ => Err(Status::invalid_argument("a snapshot with a file that has no plain name")),
    }
}

async fn on_disk<T: Send + 'static>(
    dir: &Path,
    listed: &Arc<Vec<SnapshotFile>>,
    work: impl FnOnce(&Path, &[SnapshotFile]) -> io::Result<T> + Send + 'static,
) -> Result<T, Status> {
    let (dir, listed) = (dir.to_owned(), listed.clone());
    at_leisure(move || work(&dir, &listed)).await.map_err(unwritable)
}

/// What is not there yet. Files of another snapshot are removed; what broke off is gone on with.
fn missing(dir: &Path, listed: &[SnapshotFile]) -> io::Result<Vec<snapshot_wanted::Part>> {
    fs::create_dir_all(dir)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !listed.iter().any(|file| entry.file_name() == file.name.as_str()) {
            fs::remove_file(entry.path())?;
        }
    }
    let mut parts = Vec::new();
    for (file, wanted) in (0..).zip(listed) {
        let path = dir.join(&wanted.name);
        if files::is_sound(&path, wanted)? {
            continue;
        }
        let held = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        // Complete and unsound, or longer: of another snapshot.
        let offset = if held < wanted.size { held } else { 0 };
        if offset == 0 {
            File::create(&path)?;
        }
        parts.push(snapshot_wanted::Part { file, offset });
    }
    Ok(parts)
}

/// One file, from where it is wanted to its end.
async fn take(
    dir: &Path,
    file: &SnapshotFile,
    mut part: snapshot_wanted::Part,
    requests: &mut Streaming<SnapshotRequest>,
) -> Result<(), Status> {
    let target = Arc::new(OpenOptions::new().write(true).open(dir.join(&file.name)).map_err(unwritable)?);
    while part.offset < file.size {
        let Some(Part::Chunk(chunk)) = next(requests).await? else {
            return Err(Status::invalid_argument("a snapshot ended early"));
        };
        let SnapshotChunk { file: of, offset, data } = chunk;
        if of != part.file || offset != part.offset || data.is_empty() || data.len() as u64 > file.size - offset {
            return Err(Status::invalid_argument("a snapshot came out of order"));
        }
        part.offset += data.len() as u64;
        let target = target.clone();
        let syncs = offset / SYNC_BYTES != part.offset / SYNC_BYTES;
        let write = move || {
            target.write_all_at(&data, offset)?;
            if syncs { target.sync_data() } else { Ok(()) }
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(io::Error::other).flatten().map_err(unwritable)?;
    }
    Ok(())
}

/// Makes the files durable. One that is not as it should be is removed, to be sent again.
fn verify(dir: &Path, listed: &[SnapshotFile]) -> io::Result<()> {
    for wanted in listed {
        let path = dir.join(&wanted.name);
        if !files::is_sound(&path, wanted)? {
            fs::remove_file(&path)?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} arrived damaged", wanted.name)));
        }
        File::open(&path)?.sync_all()?;
    }
    File::open(dir)?.sync_all()
}

fn unwritable(error: io::Error) -> Status {
    Status::internal(format!("the snapshot cannot be taken in: {error}"))
}
