//! A member's journal.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use meters::{IntCounter, Registry, counter};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::chain::{ClusterLink, Hash};
use crate::digester::Digester;
use crate::event::Event;
use crate::files::{self, Backwards, Heading};
use crate::line::Line;
use crate::writer::{Job, Standing, Waiting, Writer};

/// Entries that wait to be written.
const QUEUE: usize = 1024;

/// Lines that somebody who follows may be behind.
const BACKLOG: usize = 4096;

/// Most old lines that somebody is shown who begins to follow.
const LAST_MAX: usize = 10_000;

/// Where a journal lies, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder of its files, for nothing else.
    pub folder: PathBuf,
    /// A file that is longer is followed by another.
    pub file_bytes_max: u64,
    /// How many files are kept, the one that is written to included.
    pub files_max: usize,
}

/// An event, and where the member stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The policy epoch.
    pub policy_epoch: u64,
    /// The newest revision.
    pub revision: i64,
    /// Its place in the chain of the cluster, if it came through its log.
    pub cluster: Option<ClusterLink>,
    /// The event, as [`Event::encode`] writes it.
    pub event: String,
}

impl Entry {
    pub(crate) fn member(&self) -> String {
        serde_json::from_str(&self.event).map(|event: Event| event.member).unwrap_or_default()
    }
}

/// The journal cannot be written or read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the audit log cannot be used: {reason}")]
pub struct JournalError {
    reason: String,
}

impl From<&io::Error> for JournalError {
    fn from(error: &io::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// The journal of this member. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
    standing: watch::Receiver<Standing>,
    lines: broadcast::Sender<Arc<str>>,
    missing: Arc<AtomicU64>,
    lost: IntCounter,
    digester: Digester,
    options: Options,
}

impl Journal {
    /// Goes on with the journal in a folder, or begins one there. It ends when the last clone is dropped.
    ///
    /// # Errors
    /// [`JournalError`] when the folder cannot be used.
    pub fn open(options: Options) -> Result<Self, JournalError> {
        let failed = |error: io::Error| JournalError { reason: format!("{}: {error}", options.folder.display()) };
        DirBuilder::new().recursive(true).mode(0o700).create(&options.folder).map_err(failed)?;
        let lock = lock(&options.folder).map_err(failed)?;
        let standing = standing(&options).map_err(failed)?;
        let digester = Digester::open_or_create(&options.folder).map_err(failed)?;
        let (lines, missing) = (broadcast::Sender::new(BACKLOG), Arc::<AtomicU64>::default());
        let lost = counter("strongroom_audit_lost_total", "Events that are missing from the audit log of this member.");
        let writer = Writer::new(options.clone(), standing, lines.clone(), missing.clone(), lost.clone(), lock);
        let (standing, (jobs, receiver)) = (writer.standing.subscribe(), mpsc::channel(QUEUE));
        let named = thread::Builder::new().name("audit".to_owned());
        named.spawn(move || writer.run(receiver)).map_err(failed)?;
        Ok(Self { jobs, standing, lines, missing, lost, digester, options })
    }

    /// Registers what is counted.
    pub fn register_metrics(&self, registry: &Registry) {
        registry.add(&self.lost);
    }

    /// Returns once the entry is on disk.
    ///
    /// # Errors
    /// [`JournalError`]: then it is not there.
    pub async fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let stopped = || JournalError { reason: "this member stops".to_owned() };
        let (done, told) = oneshot::channel();
        self.jobs.send(Job::Write(Waiting { entry, done: Some(done) })).await.map_err(|_| stopped())?;
        told.await.map_err(|_| stopped())?
    }

    /// Brings an entry that nobody waits for. What finds no room is counted, and the journal says how much that was.
    pub fn note(&self, entry: Entry) {
        if self.jobs.try_send(Job::Write(Waiting { entry, done: None })).is_err() {
            self.omit(1);
        }
    }

    /// What stands for a key in a record that is not to show it.
    #[must_use]
    pub fn digest(&self, key: &[u8]) -> String {
        self.digester.digest(key)
    }

    /// Counts events that are not brought at all.
    pub fn omit(&self, events: u64) {
        self.missing.fetch_add(events, Ordering::Relaxed);
        self.lost.inc_by(events);
    }

    /// Returns once everything that was brought is on disk or given up, and the folder is free for others.
    pub async fn close(&self) {
        let (done, told) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = told.await;
        }
    }

    /// The number of the last record of the cluster that is written down here, and its hash; zero for none.
    #[must_use]
    pub fn cluster_end(&self) -> (u64, Hash) {
        let Standing { cluster_seq, cluster_hash, .. } = *self.standing.borrow();
        (cluster_seq, cluster_hash)
    }

    /// The number of the last line, and its hash.
    #[must_use]
    pub fn end(&self) -> (u64, Hash) {
        let Standing { seq, hash, .. } = *self.standing.borrow();
        (seq, hash)
    }

    /// Shows the last lines, and then those to come. Reads files: not for a thread that others wait for.
    ///
    /// # Errors
    /// [`JournalError`] when the files cannot be read.
    pub fn subscribe(&self, last: usize) -> Result<Subscription, JournalError> {
        // In this order: what is written meanwhile is in both, and shown once.
        let live = self.lines.subscribe();
        let old = last_lines(&self.options, last.min(LAST_MAX)).map_err(|error| JournalError::from(&error))?;
        Ok(Subscription { old: old.into_iter(), live, seq: 0 })
    }
}

/// Lines of a journal, as they are written.
pub struct Subscription {
    old: std::vec::IntoIter<String>,
    live: broadcast::Receiver<Arc<str>>,
    seq: u64,
}

impl Subscription {
    /// The next line that is there already.
    pub fn old(&mut self) -> Option<String> {
        let line = self.old.next()?;
        self.seq = seq_of(&line);
        Some(line)
    }

    /// The next line; `None` when the member stops, or the one who follows is too far behind to go on.
    pub async fn next(&mut self) -> Option<String> {
        if let Some(line) = self.old() {
            return Some(line);
        }
        loop {
            let line = self.live.recv().await.ok()?;
            if seq_of(&line) > self.seq {
                return Some(line.as_ref().to_owned());
            }
        }
    }
}

/// Two who write one journal would break its chain.
fn lock(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another member keeps its audit log in this folder"),
        TryLockError::Error(error) => error,
    })?;
    Ok(file)
}

fn seq_of(line: &str) -> u64 {
    Line::parse(line).map_or(0, |line| line.seq)
}

fn last_lines(options: &Options, last: usize) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in files::all(&options.folder)?.iter().rev() {
        let mut lines = Backwards::open(path)?;
        while found.len() < last
            && let Some(line) = lines.line()?
        {
            if Line::parse(&line).is_some() {
                found.push(line);
            }
        }
    }
    found.reverse();
    Ok(found)
}

/// Where the newest file ends that has anything in it.
fn standing(options: &Options) -> io::Result<Standing> {
    for path in files::all(&options.folder)?.iter().rev() {
        let Some(heading) = files::heading(path)? else {
            // A crash while it was begun.
            fs::remove_file(path)?;
            continue;
        };
        return standing_in(path, heading);
    }
    Ok(Standing::default())
}

fn standing_in(path: &Path, heading: Heading) -> io::Result<Standing> {
    let Heading { first, continues, cluster_seq, cluster_hash } = heading;
    let mut standing = Standing { seq: first.saturating_sub(1), hash: continues, cluster_seq, cluster_hash };
    let (mut lines, mut is_last) = (Backwards::open(path)?, true);
    while let Some(line) = lines.line()?.and_then(|line| Line::parse(&line)) {
        if is_last {
            (standing.seq, standing.hash, is_last) = (line.seq, line.hash, false);
        }
        if let Some(ClusterLink { seq, hash, .. }) = line.cluster {
            (standing.cluster_seq, standing.cluster_hash) = (seq, hash);
            break;
        }
    }
    if lines.torn_bytes > 0 {
        tracing::warn!(file = %path.display(), bytes = lines.torn_bytes, "a line of the audit log was cut short by a crash");
    }
    Ok(standing)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
