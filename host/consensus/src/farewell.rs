//! A leader whose disk fails or hangs hands leadership over while it still can.
//!
//! openraft stops at the first error of the log, and the others would have to find out by themselves. So the error is held back
//! until leadership is handed over, for an election timeout at most. Nothing is answered meanwhile that is not on a disk: entries
//! that this member could not write count only where others have written them.

use std::{sync::Arc, time::Duration};

use openraft::{ServerState, async_runtime::watch::WatchReceiver as _};
use tokio::{sync::watch, time::timeout};

use crate::{
    consensus::Member,
    log::{LogError, LogStore},
};

/// How far a farewell has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody is there to hand anything over.
    #[default]
    Unattended,
    /// The disk does what it should.
    Well,
    /// It failed; leadership is being handed over.
    Parting,
    /// openraft may be told.
    Said,
}

/// Holds the first error of the log back. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Farewell {
    stage: Arc<watch::Sender<Stage>>,
}

impl Farewell {
    /// Waits until the error may be told.
    pub(crate) async fn say(&self) {
        self.go_on(Stage::Well, Stage::Parting);
        // The sender lives as long as this.
        let _ = self.stage.subscribe().wait_for(|stage| *stage != Stage::Parting).await;
    }

    /// The same for an error of what openraft itself waits for. If leadership is being handed over by then, the next leader
    /// has asked for it: there is nothing left to wait for.
    pub(crate) async fn say_at_once(&self) {
        self.go_on(Stage::Parting, Stage::Said);
        self.say().await;
    }

    fn go_on(&self, from: Stage, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let is_there = *stage == from;
            if is_there {
                *stage = to;
            }
            is_there
        });
    }

    /// Hands leadership over when the disk fails, or when it has not answered for an election timeout.
    pub(crate) fn attend(&self, raft: Member, log: LogStore, heartbeat: Duration, election: Duration) {
        self.stage.send_replace(Stage::Well);
        let stage = self.stage.clone();
        tokio::spawn(async move {
            let mut parting = stage.subscribe();
            tokio::select! {
                () = async { drop(parting.wait_for(|stage| *stage == Stage::Parting).await) } => part(&raft, election).await,
                () = watch_disk(&raft, &log, heartbeat, election) => {}
            }
            stage.send_replace(Stage::Said);
        });
    }
}

/// Gives leadership up while the disk hangs; returns when openraft has stopped.
async fn watch_disk(raft: &Member, log: &LogStore, heartbeat: Duration, election: Duration) {
    let (mut server, mut was_hung) = (raft.server_metrics(), false);
    loop {
        if let Ok(Err(_)) = timeout(heartbeat, server.changed()).await {
            return;
        }
        let stalled = log.stalled().filter(|stalled| *stalled > election);
        match stalled {
            Some(stalled) if !was_hung => {
                tracing::error!(?stalled, "the disk does not answer; leadership is given up, if this member has it");
                part(raft, election).await;
            }
            None if was_hung => tracing::info!("the disk answers again"),
            _ => {}
        }
        was_hung = stalled.is_some();
    }
}

/// Hands leadership to the voter that has most of the log, if this member leads, and waits until it is told of it.
async fn part(raft: &Member, election: Duration) {
    let to = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let voters: Vec<u64> = metrics.membership_config.membership().voter_ids().collect();
        let progress = metrics.replication.iter().flatten();
        progress
            .filter(|(id, _)| **id != metrics.id && voters.contains(id))
            .max_by_key(|(_, log_id)| **log_id)
            .map(|(id, _)| *id)
    };
    let Some(to) = to else { return };
    tracing::warn!(to = format!("{to:x}"), "leadership is handed over because of the disk");
    if raft.trigger().transfer_leader(to).await.is_err() {
        return;
    }
    let gone = raft.wait(Some(election));
    let gone = gone.metrics(|metrics| metrics.state != ServerState::Leader, "another one leads").await;
    if let Err(error) = gone {
        tracing::warn!(%error, "whether another member leads is not known");
    }
}

/// For callbacks on the log's own thread: hands the outcome on, a failure only after the farewell.
pub(crate) fn after_farewell(
    farewell: &Farewell,
    tell: impl FnOnce(Result<(), Arc<LogError>>) + Send + 'static,
) -> Box<dyn FnOnce(Result<(), Arc<LogError>>) + Send> {
    let (farewell, runtime) = (farewell.clone(), tokio::runtime::Handle::current());
    Box::new(move |outcome| match outcome {
        Ok(()) => tell(Ok(())),
        Err(error) => {
            runtime.spawn(async move {
                farewell.say().await;
                tell(Err(error));
            });
        }
    })
}
