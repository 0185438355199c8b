//! The leader's side: what is wanted of a checkpoint, to a member.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use proto::peer::{
    SnapshotChunk, SnapshotFile, SnapshotManifest, SnapshotRequest, SnapshotResponse, SnapshotWanted,
    snapshot_request::Part, snapshot_response::Answer, snapshot_wanted,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{CHUNK_BYTES, files};
use crate::{
    leisure::at_leisure,
    peer::{peers::Client, wire},
    raft_types::Vote,
};

/// Most bytes a second: what the link and both disks can do beside what clients wait for. A gigabyte takes a minute.
const BYTES_PER_SECOND_MAX: f64 = (16 << 20) as f64;

/// Chunks read ahead of the link.
pub(super) const AHEAD_MAX: usize = 4;

/// How long a member may take to look through what it has, or to take the state over: both read it once.
const PATIENCE: Duration = Duration::from_secs(600);

/// The files of a checkpoint with their places in the manifest.
pub(super) type Files = Arc<Vec<(SnapshotFile, File)>>;

/// Sends a checkpoint and waits until it is installed; the member's ballot then.
pub(in crate::peer) async fn send(mut client: Client, dir: PathBuf, leader: &Vote) -> Result<Vote, Status> {
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    let files = list(dir, leader, &sender).await?;
    let mut answers = client.snapshot(ReceiverStream::new(receiver)).await?.into_inner();
    let wanted = match answer(&mut answers).await? {
        Answer::Wanted(wanted) => wanted,
        Answer::Installed(installed) => return wire::read_ballot(installed.ballot),
    };
    tracing::info!(files = files.len(), wanted = wanted.parts.len(), "sending a snapshot");
    let feed = feed(files, wanted, sender);
    tokio::pin!(feed);
    let installed = tokio::select! {
        // The member may refuse before all was sent.
        refused = answer(&mut answers) => refused?,
        fed = &mut feed => {
            fed?;
            answer(&mut answers).await?
        }
    };
    match installed {
        Answer::Installed(installed) => wire::read_ballot(installed.ballot),
        Answer::Wanted(_) => Err(Status::internal("the member asked twice for what it wants")),
    }
}

/// Begins with the manifest.
pub(super) async fn list(dir: PathBuf, leader: &Vote, sender: &mpsc::Sender<SnapshotRequest>) -> Result<Files, Status> {
    let files: Files = Arc::new(at_leisure(move || files::open_all(&dir)).await.map_err(unreadable)?);
    let listed = files.iter().map(|(file, _)| file.clone()).collect();
    let manifest = SnapshotManifest { leader: Some(wire::ballot(leader)), files: listed };
    let first = sender.send(SnapshotRequest { part: Some(Part::Manifest(manifest)) }).await;
    first.map_err(|_| Status::aborted("the stream has ended"))?;
    Ok(files)
}

pub(super) async fn answer(answers: &mut Streaming<SnapshotResponse>) -> Result<Answer, Status> {
    let answer = timeout(PATIENCE, answers.message()).await;
    let answer = answer.map_err(|_| Status::deadline_exceeded("no answer to a snapshot"))??;
    answer.and_then(|answer| answer.answer).ok_or_else(|| Status::aborted("the member ended the stream"))
}

pub(super) async fn feed(
    files: Files,
    wanted: SnapshotWanted,
    sender: mpsc::Sender<SnapshotRequest>,
) -> Result<(), Status> {
    let (began, mut sent) = (Instant::now(), 0);
    for snapshot_wanted::Part { file, mut offset } in wanted.parts {
        let index = file as usize;
        let size = files.get(index).map(|(file, _)| file.size);
        let size = size.ok_or_else(|| Status::internal("the member wants a file that is not in the manifest"))?;
        while offset < size {
            let length = usize::try_from(size - offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let files = files.clone();
            let read = tokio::task::spawn_blocking(move || read(&files[index].1, offset, length)).await;
            let data = read.map_err(io::Error::other).flatten().map_err(unreadable)?;
            let chunk = SnapshotRequest { part: Some(Part::Chunk(SnapshotChunk { file, offset, data })) };
            sender.send(chunk).await.map_err(|_| Status::aborted("the stream has ended"))?;
            offset += length as u64;
            sent += length as u64;
            tokio::time::sleep_until(began + Duration::from_secs_f64(sent as f64 / BYTES_PER_SECOND_MAX)).await;
        }
    }
    Ok(())
}

fn read(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut data = vec![0; length];
    file.read_exact_at(&mut data, offset)?;
    Ok(data.into())
}

fn unreadable(error: io::Error) -> Status {
    Status::internal(format!("the snapshot cannot be read: {error}"))
}
