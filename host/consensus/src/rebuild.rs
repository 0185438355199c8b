//! A member whose state cannot be used gets another one, before it takes part again.
//!
//! The log and the vote are promises to the others, the state is not: it follows from the log. So a state that is damaged, or
//! that differs from what the other members hold, is replaced by a snapshot, from which openraft goes on with the log: by the
//! member's own, if every block of it is as it was written and the log follows it, or by the leader's state.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use openraft::{RaftLogReader as _, storage::RaftLogStorage as _};
use proto::peer::{SnapshotResponse, snapshot_response::Answer};
use store::Store;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

use crate::{
    ConsensusConfig, PeerNode, StartError,
    farewell::Farewell,
    log::{self, LogStore},
    log_storage::LogStorage,
    peer::{self, Introduction, Peers, StateOf, jittered},
    raft_types::LogId,
    roster, snapshots,
};

/// The file under the data directory that says that the next start is to get another state, and why.
const MARK: &str = "rebuild";

/// Between two rounds of asking all members: none may lead, or be reached, for a while.
const PAUSE: Duration = Duration::from_secs(1);

/// How often all are asked for the leader's state before another member's will do.
const LEADERLESS_ROUNDS_MIN: u32 = 5;

/// Why a state cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildCause {
    /// Bytes on the disk are not what was written there.
    Damaged,
    /// It differs from what the other members hold. Its own snapshot may, too.
    Diverged,
}

impl RebuildCause {
    fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Diverged => "diverged",
        }
    }
}

/// Has the next start get another state, whatever happens until then.
///
/// # Errors
/// When the disk does.
pub fn want_rebuild(dir: &Path, cause: RebuildCause) -> io::Result<()> {
    fs::write(dir.join(MARK), cause.word())?;
    fs::File::open(dir.join(MARK))?.sync_all()?;
    fs::File::open(dir)?.sync_all()
}

/// Whether this start is to get another state. A mark that cannot be read stands for the worse cause.
///
/// # Errors
/// When the disk does.
pub fn wanted_rebuild(dir: &Path) -> io::Result<Option<RebuildCause>> {
    match fs::read_to_string(dir.join(MARK)) {
        Ok(text) if text == RebuildCause::Damaged.word() => Ok(Some(RebuildCause::Damaged)),
        Ok(_) => Ok(Some(RebuildCause::Diverged)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the state in `state` and takes the mark away. Asks the others until one of them leads and gives its own.
///
/// # Errors
/// There is no other member and no sound snapshot; or the disk fails.
pub async fn rebuild(config: &ConsensusConfig, state: &Path, cause: RebuildCause) -> Result<(), StartError> {
    let rebuild = Rebuild::new(config, state, cause)?;
    tracing::warn!(cause = cause.word(), "the state of this member cannot be used; getting another one");
    if cause == RebuildCause::Damaged && rebuild.can_go_on_from_own().await? {
        tracing::info!("the state goes on from this member's own snapshot");
        rebuild.discard_state()?;
    } else {
        rebuild.pull().await?;
    }
    match fs::remove_file(config.dir.join(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(&config.dir.join(MARK))(error)),
        _ => Ok(()),
    }
}

/// Whether a state can be got back at all: there are others, or a sound snapshot of its own.
#[must_use]
pub fn can_rebuild(config: &ConsensusConfig, state: &Path) -> bool {
    let rebuild = Rebuild::new(config, state, RebuildCause::Damaged);
    rebuild.and_then(|rebuild| Ok(!rebuild.others.is_empty() || rebuild.sound_snapshot()?.is_some())).unwrap_or(false)
}

struct Rebuild<'c> {
    config: &'c ConsensusConfig,
    state: &'c Path,
    cause: RebuildCause,
    snapshots: PathBuf,
    others: Vec<(u64, PeerNode)>,
}

impl<'c> Rebuild<'c> {
    fn new(config: &'c ConsensusConfig, state: &'c Path, cause: RebuildCause) -> Result<Self, StartError> {
        let members = roster::read(&config.dir).map_err(file(&config.dir))?;
        let others = members.into_iter().filter(|(id, _)| *id != config.member_id).collect();
        Ok(Self { config, state, cause, snapshots: config.snapshot_dir(), others })
    }

    /// This member's own snapshot, if every block of it is as it was written.
    fn sound_snapshot(&self) -> Result<Option<PathBuf>, StartError> {
        let newest = snapshots::newest(&self.snapshots).map_err(file(&self.snapshots))?;
        let Some(checkpoint) = newest else { return Ok(None) };
        match Store::verify_checkpoint(&checkpoint) {
            Ok(()) => Ok(Some(checkpoint)),
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "this member's own snapshot is damaged as well");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is a sound snapshot and the log has what came behind it. A leader applies what the others have written, also while its
    /// own disk fails; after a restart its log begins behind what was applied, and that may be newer than its snapshot.
    async fn can_go_on_from_own(&self) -> Result<bool, StartError> {
        let Some(own) = self.sound_snapshot()? else { return Ok(false) };
        let applied = snapshots::applied_of(&own).map_err(file(&own))?;
        let follows = self.log_goes_on_from(applied).await?;
        if !follows {
            tracing::warn!("this member's own snapshot is older than what its log begins with");
        }
        Ok(follows)
    }

    async fn pull(&self) -> Result<(), StartError> {
        if self.others.is_empty() {
            return Err(StartError::Unrecoverable { state: self.state.to_owned() });
        }
        let introduction = Introduction { cluster_id: self.config.cluster_id, member_id: self.config.member_id };
        let peers = Peers::new(introduction, peer::Dialer::new(self.config.peer_tls.clone(), self.config.election()));
        let mut refusals = Vec::new();
        for round in 0_u32.. {
            let from = if round < LEADERLESS_ROUNDS_MIN { StateOf::Leader } else { self.trusted() };
            let mut heard = Vec::new();
            for (id, node) in &self.others {
                match self.pull_from(&peers, *id, node, from).await {
                    Ok(received) if self.adopt(&received).await? => return Ok(()),
                    Ok(_) => heard.push(format!("{id:x}: its state is older than what this member's log begins with")),
                    Err(status) => heard.push(format!("{id:x}: {}", status.message())),
                }
            }
            if heard != refusals {
                tracing::warn!(answers = ?heard, "no member gives its state; all are asked again and again");
                refusals = heard;
            }
            tokio::time::sleep(jittered(PAUSE)).await;
        }
        unreachable!("the rounds are endless")
    }

    /// Whose state will do when nobody leads, perhaps because too many have to get another one. What any member applied is
    /// committed; but of members that differ only a leader is known to be one of a majority.
    fn trusted(&self) -> StateOf {
        match self.cause {
            RebuildCause::Damaged => StateOf::AnyMember,
            RebuildCause::Diverged => StateOf::Leader,
        }
    }

    /// The folder with a copy of the leader's state, every block of which is as it was written.
    async fn pull_from(&self, peers: &Peers, id: u64, node: &PeerNode, from: StateOf) -> Result<PathBuf, Status> {
        let (answers, receiver) = mpsc::channel(1);
        let mut client = peers.ask(id, node);
        let request = from.asked_in(Request::new(ReceiverStream::new(receiver)));
        let asked = tokio::time::timeout(self.config.election(), client.fetch_state(request));
        let asked = asked.await.map_err(|_| Status::deadline_exceeded("no answer"))?;
        let mut requests = asked?.into_inner();
        let dir = snapshots::receiving(&self.snapshots);
        let answer = async |wanted| {
            let answer = SnapshotResponse { answer: Some(Answer::Wanted(wanted)) };
            answers.send(answer).await.map_err(|_| Status::aborted("the leader has gone away"))
        };
        peer::take_in(&dir, &mut requests, answer).await?;
        let received = dir.clone();
        let verified = tokio::task::spawn_blocking(move || Store::verify_checkpoint(&received)).await;
        verified.map_err(|_| Status::aborted("stopped"))?.map_err(|error| Status::data_loss(error.to_string()))?;
        Ok(dir)
    }

    /// Makes what was received this member's snapshot, and the log go on from it, if it can.
    async fn adopt(&self, received: &Path) -> Result<bool, StartError> {
        let applied = snapshots::applied_of(received).map_err(file(received))?;
        if !self.log_goes_on_from(applied).await? {
            return Ok(false);
        }
        let taken = snapshots::take_over(&self.snapshots, received);
        // What it had before may differ as its state does.
        taken.and_then(|(_, taken)| snapshots::keep_only(&self.snapshots, &taken)).map_err(file(received))?;
        tracing::info!(index = applied.map(|log_id| log_id.index), "the state goes on from another member's");
        self.discard_state()?;
        Ok(true)
    }

    async fn log_goes_on_from(&self, applied: Option<LogId>) -> Result<bool, StartError> {
        let log = LogStore::open(&log::folder(&self.config.dir), self.config.log_options())?;
        let fits = self.fit_log(LogStorage::new(log.clone(), Farewell::default()), applied).await;
        log.close();
        fits
    }

    /// What was applied is committed. Entries of this member's log that contradict it never were, and go.
    async fn fit_log(&self, mut log: LogStorage, applied: Option<LogId>) -> Result<bool, StartError> {
        let failed = file(&self.config.dir);
        let purged = log.get_log_state().await.map_err(&failed)?.last_purged_log_id;
        let Some(applied) = applied.filter(|applied| purged.is_none_or(|purged| purged.index <= applied.index)) else {
            return Ok(false);
        };
        let own = log.try_get_log_entries(applied.index..=applied.index).await.map_err(&failed)?;
        if own.first().is_some_and(|own| own.log_id != applied) {
            let before = applied.index.checked_sub(1).map(|index| LogId::new_term_index(applied.leader_id.term, index));
            log.truncate_after(before).await.map_err(&failed)?;
        }
        Ok(true)
    }

    fn discard_state(&self) -> Result<(), StartError> {
        // What differs although nothing is damaged is a bug, and worth a look.
        Ok(Store::discard(self.state, self.cause == RebuildCause::Diverged)?)
    }
}

fn file(path: &Path) -> impl Fn(io::Error) -> StartError + use<> {
    let path = path.to_owned();
    move |source| StartError::File { path: path.clone(), source }
}
