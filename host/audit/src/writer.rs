//! The one who writes: a thread of its own, since nobody else is to wait for the disk who need not.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use meters::IntCounter;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::chain::{ClusterLink, Hash};
use crate::event::{Event, Stage};
use crate::files::{self, Backwards, Heading};
use crate::journal::{Entry, JournalError, Options};
use crate::line::{Draft, Line};

/// Most entries that are written and synced together.
const BATCH_MAX: usize = 256;

/// What there is to do.
pub(crate) enum Job {
    /// An entry to be written, and who waits for it.
    Write(Waiting),
    /// Nothing more, and who waits for that.
    Close(oneshot::Sender<()>),
}

/// An entry that is not written yet.
pub(crate) struct Waiting {
    pub(crate) entry: Entry,
    pub(crate) done: Option<oneshot::Sender<Result<(), JournalError>>>,
}

/// Where a journal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
    /// The last record of the cluster that is in it.
    pub(crate) cluster_seq: u64,
    pub(crate) cluster_hash: Hash,
}

impl Standing {
    fn heading(&self) -> Heading {
        let Self { seq, hash, cluster_seq, cluster_hash } = *self;
        Heading { first: seq + 1, continues: hash, cluster_seq, cluster_hash }
    }

    fn take(&mut self, cluster: Option<ClusterLink>, seq: u64, hash: Hash) {
        (self.seq, self.hash) = (seq, hash);
        if let Some(ClusterLink { seq, hash, .. }) = cluster {
            (self.cluster_seq, self.cluster_hash) = (seq, hash);
        }
    }
}

pub(crate) struct Writer {
    pub(crate) options: Options,
    /// Where what is on disk ends.
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) lines: broadcast::Sender<Arc<str>>,
    /// Events that found no room and are not written yet.
    pub(crate) missing: Arc<AtomicU64>,
    pub(crate) lost: IntCounter,
    file: Option<Open>,
    /// Keeps others from the folder.
    _lock: File,
}

/// The file that is written to.
struct Open {
    file: File,
    bytes: u64,
}

impl Writer {
    pub(crate) fn new(
        options: Options,
        standing: Standing,
        lines: broadcast::Sender<Arc<str>>,
        missing: Arc<AtomicU64>,
        lost: IntCounter,
        lock: File,
    ) -> Self {
        Self { options, standing: watch::Sender::new(standing), lines, missing, lost, file: None, _lock: lock }
    }

    /// Until it is closed, or nobody can bring anything any more.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut failing = false;
        while let Some(first) = jobs.blocking_recv() {
            let (mut batch, mut closing, mut next) = (Vec::new(), None, Some(first));
            while let Some(job) = next {
                match job {
                    Job::Write(waiting) => batch.push(waiting),
                    Job::Close(done) => closing = Some(done),
                }
                let full = closing.is_some() || batch.len() >= BATCH_MAX;
                next = if full { None } else { jobs.try_recv().ok() };
            }
            if !batch.is_empty() {
                failing = self.write_or_tell(batch, failing);
            }
            if let Some(done) = closing {
                drop(jobs);
                drop(self);
                // Who waits no longer does not need to know.
                let _ = done.send(());
                return;
            }
        }
    }

    /// Whether it failed.
    fn write_or_tell(&mut self, batch: Vec<Waiting>, known: bool) -> bool {
        let written = self.write(&batch);
        if let Err(error) = &written {
            self.give_up(&batch, error, known);
        }
        let failed = written.is_err();
        let result = written.map_err(|error| JournalError::from(&error));
        for done in batch.into_iter().filter_map(|waiting| waiting.done) {
            let _ = done.send(result.clone());
        }
        failed
    }

    /// What nobody waits for is not brought again.
    fn give_up(&mut self, batch: &[Waiting], error: &io::Error, known: bool) {
        // What is there of the batch is cut off when the file is opened again.
        self.file = None;
        let unattended = batch.iter().filter(|waiting| waiting.done.is_none()).count() as u64;
        self.missing.fetch_add(unattended, Ordering::Relaxed);
        self.lost.inc_by(unattended);
        if !known {
            let folder = self.options.folder.display().to_string();
            tracing::error!(folder, %error, "the audit log cannot be written: no administrator can change anything until it can");
        }
    }

    fn write(&mut self, batch: &[Waiting]) -> io::Result<()> {
        let mut standing = *self.standing.borrow();
        let (mut text, mut lines) = (String::new(), Vec::with_capacity(batch.len()));
        let missing = self.missing.load(Ordering::Relaxed);
        let note = (missing > 0).then(|| missing_note(&batch[0].entry, missing));
        for entry in note.iter().chain(batch.iter().map(|waiting| &waiting.entry)) {
            let Entry { policy_epoch, revision, cluster, event } = entry;
            let draft = Draft {
                seq: standing.seq + 1,
                policy_epoch: *policy_epoch,
                revision: *revision,
                cluster: *cluster,
                event,
            };
            let (line, hash) = draft.write(&standing.hash);
            standing.take(*cluster, draft.seq, hash);
            text.push_str(&line);
            lines.push(Arc::from(line.trim_end()));
        }
        failpoint::check("audit.write")?;
        let open = self.opened()?;
        open.file.write_all(text.as_bytes())?;
        open.file.sync_data()?;
        open.bytes += text.len() as u64;
        self.missing.fetch_sub(missing, Ordering::Relaxed);
        self.standing.send_replace(standing);
        lines.into_iter().for_each(|line| drop(self.lines.send(line)));
        Ok(())
    }

    /// The file to write to: another one once that is full.
    fn opened(&mut self) -> io::Result<&mut Open> {
        let full = self.file.as_ref().is_some_and(|open| open.bytes >= self.options.file_bytes_max);
        let open = match self.file.take() {
            Some(open) if !full => open,
            Some(_) => self.begin()?,
            None => self.go_on()?,
        };
        Ok(self.file.insert(open))
    }

    /// The newest file, without what was not written to its end; or the first one.
    fn go_on(&self) -> io::Result<Open> {
        let Some(path) = files::all(&self.options.folder)?.pop() else { return self.begin() };
        let end = end_of(&path, self.standing.borrow().seq)?;
        let Some(bytes) = end.filter(|bytes| *bytes < self.options.file_bytes_max) else { return self.begin() };
        let file = OpenOptions::new().append(true).open(&path)?;
        file.set_len(bytes)?;
        Ok(Open { file, bytes })
    }

    fn begin(&self) -> io::Result<Open> {
        let folder = &self.options.folder;
        let heading = self.standing.borrow().heading();
        let path = files::path(folder, heading.first);
        // One of this name has no line yet, or a crash has left half of it.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let line = format!("{}\n", serde_json::to_string(&heading)?);
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        let files = files::all(folder)?;
        for old in files.iter().take(files.len().saturating_sub(self.options.files_max.max(1))) {
            fs::remove_file(old)?;
        }
        Ok(Open { file, bytes: line.len() as u64 })
    }
}

/// How long the file at `path` is up to the line `seq`; `None` when that is not in it, nor the line before it.
fn end_of(path: &Path, seq: u64) -> io::Result<Option<u64>> {
    let mut lines = Backwards::open(path)?;
    while let Some(line) = lines.line()? {
        let number = Line::parse(&line).map(|line| line.seq);
        let before = serde_json::from_str(&line).ok().map(|heading: Heading| heading.first - 1);
        if number.or(before) == Some(seq) {
            return Ok(Some(lines.end));
        }
    }
    Ok(None)
}

fn missing_note(like: &Entry, missing: u64) -> Entry {
    let mut event = Event { member: like.member(), ..Event::new(0, Stage::Missing) };
    let why = "they came faster than they could be written";
    event.what = [("events", missing.to_string()), ("reason", why.to_owned())].map(|(k, v)| (k.to_owned(), v)).into();
    Entry { policy_epoch: like.policy_epoch, revision: like.revision, cluster: None, event: event.encode() }
}
