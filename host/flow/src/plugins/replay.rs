//! A component that is not installed is shown the writes of the past: what would it have denied?

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use admission::{Candidate, Hindsight};
use auth::Administrator;
use bytes::Bytes;
use seal::Keyring;
use store::{History, HistoryQuery, PluginRecord, Refusal, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use types::EventKind;

use super::{Binding, Upload};
use crate::{FlowError, Member};

/// Replays of one member at once: each has a guest at work all the time.
pub(crate) const REPLAYS_MAX: usize = 1;

/// Bytes of keys and values that are shown at once.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// Revisions that are shown at once: an interpreter takes a second for so many.
const PIECE_REVISIONS_MAX: usize = 200;
/// Entries of history that are looked at at once, most of which may not concern it.
const PIECE_ENTRIES_MAX: usize = 20_000;
/// Objections that are told at once: those of one revision may be many.
const PIECE_OBJECTIONS_MAX: usize = 200;

/// The first revision in which anything can have been written.
const FIRST_WRITTEN: i64 = 2;

/// A replay under way. Each piece is made when it is asked for; what is at work ends soon after this is let go of.
pub struct Replay {
    candidate: Arc<Candidate>,
    member: Member,
    first: i64,
    next: i64,
    last: i64,
    reviewed: u64,
    /// Found and not told yet.
    objections: VecDeque<Objection>,
    stopped: Arc<AtomicBool>,
    _turn: OwnedSemaphorePermit,
}

/// What came of a stretch of the past.
pub struct ReplayPiece {
    /// The first revision of the replay.
    pub first_revision: i64,
    /// The last revision that was shown.
    pub revision: i64,
    /// The last revision of the replay.
    pub last_revision: i64,
    /// Writes that were reviewed since the replay began.
    pub reviewed: u64,
    /// Those that would not have passed in silence.
    pub objections: Vec<Objection>,
}

/// A write that would not have passed in silence.
pub struct Objection {
    /// When it was made.
    pub revision: i64,
    /// Whether it was a delete, rather than a put.
    pub delete: bool,
    /// Of what.
    pub key: Bytes,
    /// What would have become of it.
    pub hindsight: Hindsight,
}

impl Member {
    /// Begins to show a component the writes from revision `since` on, zero for all that are not compacted, up to those of now.
    /// Nothing changes by it.
    ///
    /// # Errors
    /// What is wrong with the component or the binding; a revision that is compacted, or was never there; another replay is under
    /// way.
    pub async fn plugin_replay(
        &self,
        admin: &Administrator,
        code: Upload,
        binding: Binding,
        since: i64,
    ) -> Result<Replay, FlowError> {
        let turn = self.shared.replays.clone().try_acquire_owned().map_err(|_| FlowError::TooManyRequests)?;
        let told = self.shared.store.view(|view| Ok::<_, StoreError>((view.compacted()?, view.revision()?)))?;
        let (compacted, last) = told;
        // What it reads is as it was before, which must not be compacted either.
        let oldest = FIRST_WRITTEN.max(compacted + 1);
        if since > last {
            return Err(Refusal::FutureRevision.into());
        }
        if since != 0 && since <= compacted {
            return super::refuse(format!("revision {since} is compacted; the oldest that can be shown is {oldest}"));
        }
        let first = since.max(oldest);
        let record = PluginRecord { name: "replay".to_owned(), ..PluginRecord::default() };
        let record = self.described(record, &code, binding).await?;
        let (engine, state) = (self.shared.policy.engine(), Arc::new(self.shared.store.clone()));
        let make = move || engine.candidate(&code.component, &record, state);
        let candidate = Arc::new(tokio::task::spawn_blocking(make).await??);
        tracing::info!(administrator = admin.name(), since = first, "plugin replayed");
        let (member, objections, stopped) = (self.clone(), VecDeque::new(), Arc::default());
        Ok(Replay { candidate, member, first, next: first, last, reviewed: 0, objections, stopped, _turn: turn })
    }
}

impl Replay {
    /// The next piece; `None` once everything was shown and told.
    ///
    /// # Errors
    /// What was to be shown has been compacted meanwhile, or the disk fails.
    pub async fn next(&mut self) -> Result<Option<ReplayPiece>, FlowError> {
        if self.objections.is_empty() {
            if self.next > self.last && self.next > self.first {
                return Ok(None);
            }
            self.show().await?;
        }
        let told = self.objections.len().min(PIECE_OBJECTIONS_MAX);
        Ok(Some(ReplayPiece {
            first_revision: self.first,
            revision: (self.next - 1).min(self.last),
            last_revision: self.last,
            reviewed: self.reviewed,
            objections: self.objections.drain(..told).collect(),
        }))
    }

    async fn show(&mut self) -> Result<(), FlowError> {
        let (candidate, store) = (self.candidate.clone(), self.member.shared.store.clone());
        let (from, to, stopped) = (self.next, self.last, self.stopped.clone());
        let look = move || {
            let wants = |key: &[u8], kind: EventKind, _: i64| candidate.may_review(key, kind);
            let query = HistoryQuery {
                from,
                to,
                wants: &wants,
                prev_kv: true,
                bytes_max: PIECE_BYTES_MAX,
                revisions_max: PIECE_REVISIONS_MAX,
                entries_max: PIECE_ENTRIES_MAX,
            };
            store.view(|view| view.history(&query)).map(|history| (candidate, history))
        };
        let (candidate, history) = tokio::task::spawn_blocking(look).await??;
        // Read behind the history, so that it has whatever that is sealed with, and knows what is sealed by now.
        let keyring = self.member.shared.policy.caught_up().await?.keyring().clone();
        self.next = history.next.max(from + 1);
        let review = move || review(&candidate, &history, &keyring, &stopped);
        let (reviewed, objections) = tokio::task::spawn_blocking(review).await?;
        // What it could not read any more would be told as its failure.
        if self.member.shared.store.view(|view| view.compacted())? >= from {
            return Err(Refusal::Compacted.into());
        }
        self.reviewed += reviewed;
        self.objections = objections.into();
        Ok(())
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn review(
    candidate: &Candidate,
    history: &History,
    keyring: &Arc<Keyring>,
    stopped: &AtomicBool,
) -> (u64, Vec<Objection>) {
    let (mut reviewed, mut objections) = (0, Vec::new());
    let events = history.revisions.iter().flat_map(|at| at.events.iter().map(|event| (at.revision, event)));
    for (revision, event) in events.take_while(|_| !stopped.load(Ordering::Relaxed)) {
        let Some(hindsight) = candidate.review(event, keyring) else { continue };
        reviewed += 1;
        if let Hindsight::Passed { changed: false, warnings } = &hindsight
            && warnings.is_empty()
        {
            continue;
        }
        let (delete, key) = (event.kind == EventKind::Delete, event.kv.key.clone());
        objections.push(Objection { revision, delete, key, hindsight });
    }
    (reviewed, objections)
}
