//! Backups that are made without being asked: folders with snapshots, each of which has only what is new in it on its own.
//!
//! Each member has its own place, named by its id, in a folder as in an object store: what others have there is left alone.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use archive::{ArchiveError, Manifest};
use consensus::at_leisure;
use depot::{BACKUP_NAME, Depot, DepotError, is_backup_name};
use meters::{Gauge, IntCounter, IntGauge, Registry, counter, gauge, seconds_gauge};
use tokio::runtime::{Builder, Runtime};

use crate::{
    FlowError, Member,
    sealing::unix_seconds,
    snapshot::{Archived, remove},
};

/// What is put behind the name until the backup is whole and was read again.
const UNFINISHED: &str = ".unfinished";

/// After a failure it is tried again this soon, or sooner if backups are made more often.
const RETRY: Duration = Duration::from_secs(5);

/// Where backups go, how often, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupConfig {
    /// Where they go.
    pub to: BackupPlace,
    /// From one to the next.
    pub interval: Duration,
    /// How many are kept.
    pub keep: usize,
}

/// Where backups go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupPlace {
    /// A folder, made if it is not there; each member has its own place in it.
    Folder(PathBuf),
    /// An object store.
    Depot(Depot),
}

impl BackupPlace {
    /// Reads a path, or the URL of an object store.
    ///
    /// # Errors
    /// [`DepotError::Url`].
    pub fn parse(text: &str) -> Result<Self, DepotError> {
        if Depot::is_url(text) { Depot::open(text).map(Self::Depot) } else { Ok(Self::Folder(text.into())) }
    }

    /// A place within it.
    fn within(&self, name: &str) -> Self {
        match self {
            Self::Folder(dir) => Self::Folder(dir.join(name)),
            Self::Depot(depot) => Self::Depot(depot.within(name)),
        }
    }
}

impl fmt::Display for BackupPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(dir) => dir.display().fmt(f),
            Self::Depot(depot) => depot.fmt(f),
        }
    }
}

/// What is told of backups.
#[derive(Clone, Debug)]
pub(crate) struct BackupMetrics {
    succeeded: IntGauge,
    revision: IntGauge,
    written_bytes: IntGauge,
    seconds: Gauge,
    failures: IntCounter,
}

impl BackupMetrics {
    pub(crate) fn new() -> Self {
        let succeeded =
            "When the last backup was whole and had been read again, in seconds since 1970; zero while there is none.";
        Self {
            succeeded: gauge("strongroom_backup_last_success_timestamp_seconds", succeeded),
            revision: gauge("strongroom_backup_last_revision", "The newest revision in the last backup."),
            written_bytes: gauge("strongroom_backup_last_written_bytes", "Bytes that were new in the last backup."),
            seconds: seconds_gauge("strongroom_backup_last_duration_seconds", "How long the last backup took."),
            failures: counter("strongroom_backup_failures_total", "Backups that failed."),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(&self.succeeded);
        registry.add(&self.revision);
        registry.add(&self.written_bytes);
        registry.add(&self.seconds);
        registry.add(&self.failures);
    }
}

/// What the name of a backup's folder says.
pub(crate) struct BackupName {
    /// When it was made, in seconds since 1970.
    pub(crate) unix_seconds: i64,
    /// The newest revision in it.
    pub(crate) revision: i64,
}

impl BackupName {
    fn of(manifest: &Manifest) -> Self {
        Self { unix_seconds: manifest.unix_seconds, revision: manifest.revision }
    }

    /// Reads the name of a backup that is whole.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if !is_backup_name(name) {
            return None;
        }
        let (unix_seconds, revision) = name.strip_prefix(BACKUP_NAME)?.split_once('-')?;
        Some(Self { unix_seconds: unix_seconds.parse().ok()?, revision: revision.parse().ok()? })
    }
}

impl fmt::Display for BackupName {
    /// So that names are in the order of their times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BACKUP_NAME}{:012}-{:020}", self.unix_seconds, self.revision)
    }
}

/// A backup that was made.
struct Made {
    name: String,
    revision: i64,
    written_bytes: u64,
}

impl Member {
    pub(crate) async fn back_up_forever(self) {
        let Some(config) = self.shared.config.backups.clone() else { return };
        let to = config.to.within(&place_of(self.shared.identity.member_id));
        // One that starts again and again makes no more backups than one that goes on, or they would take the place of older ones.
        tokio::time::sleep(self.until_first_backup(&to, config.interval).await).await;
        loop {
            let begun = Instant::now();
            let made = match &to {
                BackupPlace::Folder(dir) => self.back_up_to_folder(dir.clone(), config.keep).await,
                BackupPlace::Depot(depot) => self.back_up_to_depot(depot, config.keep).await,
            };
            let pause = match made {
                Ok(made) => {
                    self.note_backup(&made, begun.elapsed());
                    config.interval
                }
                Err(error) => {
                    self.shared.backup_metrics.failures.inc();
                    tracing::error!(%error, %to, "a backup failed");
                    config.interval.min(RETRY)
                }
            };
            tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
        }
    }

    /// How long until a backup is due, by the newest one that an earlier run made.
    async fn until_first_backup(&self, to: &BackupPlace, interval: Duration) -> Duration {
        let newest = match self.newest_backup(to).await {
            Ok(newest) => newest,
            Err(error) => {
                tracing::warn!(%error, %to, "which backups there are cannot be told; another one is made at once");
                None
            }
        };
        let Some(newest) = newest else { return Duration::ZERO };
        let metrics = &self.shared.backup_metrics;
        metrics.succeeded.set(newest.unix_seconds);
        metrics.revision.set(newest.revision);
        until_due(&newest, unix_seconds(), interval)
    }

    async fn newest_backup(&self, to: &BackupPlace) -> Result<Option<BackupName>, FlowError> {
        let names = match to {
            BackupPlace::Folder(dir) => {
                let (dir, failed) = (dir.clone(), failed(dir));
                let names = at_leisure(move || match kept(&dir) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                    names => names,
                });
                names.await.map_err(failed)?
            }
            BackupPlace::Depot(depot) => {
                let depot = depot.clone();
                let names = at_leisure(move || Ok(own_runtime()?.block_on(depot.backups())));
                names.await.map_err(failed(&self.shared.config.data_dir))??
            }
        };
        // One of a time to come is by a clock that was wrong.
        let now = unix_seconds();
        Ok(names.iter().rev().filter_map(|name| BackupName::parse(name)).find(|backup| backup.unix_seconds <= now))
    }

    fn note_backup(&self, made: &Made, took: Duration) {
        let metrics = &self.shared.backup_metrics;
        metrics.succeeded.set(unix_seconds());
        metrics.revision.set(made.revision);
        metrics.written_bytes.set(i64::try_from(made.written_bytes).unwrap_or(i64::MAX));
        metrics.seconds.set(took.as_secs_f64());
        let Made { name, revision, written_bytes } = made;
        tracing::info!(name, revision, written_bytes, ?took, "backup made and read again");
    }

    async fn back_up_to_depot(&self, depot: &Depot, keep: usize) -> Result<Made, FlowError> {
        let (member, dir, depot) = (self.clone(), &self.shared.config.data_dir, depot.clone());
        let made = at_leisure(move || Ok(own_runtime()?.block_on(member.back_up_there(&depot, keep))));
        made.await.map_err(failed(dir))?
    }

    async fn back_up_there(&self, depot: &Depot, keep: usize) -> Result<Made, FlowError> {
        // Asked first: what costs much is done for a store that answers.
        let present = depot.present().await?;
        let Archived { manifest, archive, checkpoint } = self.archived()?;
        let name = BackupName::of(&manifest).to_string();
        let listing = archive.listing().map_err(failed(&self.shared.config.data_dir))?;
        let written_bytes = depot.save(&present, &name, &listing).await?;
        drop(checkpoint);
        if let Err(error) = depot.keep(keep, &name).await {
            tracing::warn!(%error, place = %depot, "old backups are not removed");
        }
        Ok(Made { name, revision: manifest.revision, written_bytes })
    }

    async fn back_up_to_folder(&self, dir: PathBuf, keep: usize) -> Result<Made, FlowError> {
        let (member, failed) = (self.clone(), failed(&dir));
        at_leisure(move || Ok(member.back_up(&dir, keep))).await.map_err(failed)?
    }

    fn back_up(&self, dir: &Path, keep: usize) -> Result<Made, FlowError> {
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let before = kept(dir).map_err(failed(dir))?;
        let Archived { manifest, archive, checkpoint } = self.archived()?;
        let name = BackupName::of(&manifest).to_string();
        let (made, unfinished) = (dir.join(&name), dir.join(format!("{name}{UNFINISHED}")));
        let save = |before: Option<&Path>| {
            remove(&unfinished).map_err(failed(&unfinished))?;
            let written_bytes = archive.save_folder(&unfinished, before).map_err(failed(&unfinished))?;
            archive::read(&unfinished, None).map_err(FlowError::Backup)?;
            Ok::<_, FlowError>(written_bytes)
        };
        let last = before.last().map(|name| dir.join(name));
        let written_bytes = save(last.as_deref()).or_else(|error| {
            // What it has in common with the one before may be damaged there.
            tracing::warn!(%error, "a backup is not as it was written; writing all of it anew");
            save(None)
        })?;
        drop(checkpoint);
        remove(&made).and_then(|()| archive::put_in_place(&unfinished, &made)).map_err(failed(&made))?;
        let surplus = (before.len() + 1).saturating_sub(keep);
        for old in before.iter().take(surplus).filter(|old| **old != name) {
            let old = dir.join(old);
            remove(&old).map_err(failed(&old))?;
        }
        Ok(Made { name, revision: manifest.revision, written_bytes })
    }
}

/// The name of a member's place among those of others.
pub(crate) fn place_of(member_id: u64) -> String {
    format!("{member_id:016x}")
}

/// How long until the next backup is due. One that is said to be of a time to come is by a clock that went wrong since or before.
fn until_due(newest: &BackupName, now: i64, interval: Duration) -> Duration {
    let age = u64::try_from(now.saturating_sub(newest.unix_seconds)).unwrap_or(0);
    interval.saturating_sub(Duration::from_secs(age))
}

/// For what is sent and read again: it takes turns with nobody.
fn own_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FlowError + use<> {
    let path = path.to_owned();
    move |source| FlowError::Backup(ArchiveError::File { path, source })
}

/// The backups in a member's place, oldest first. What an earlier run did not finish is removed; whatever has another name is somebody
/// else's.
fn kept(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        match name.strip_suffix(UNFINISHED) {
            Some(begun) if is_backup_name(begun) => fs::remove_dir_all(entry.path())?,
            None if is_backup_name(&name) => names.push(name),
            _ => {}
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_like_a_backup_counts_and_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let name = |unix_seconds| BackupName { unix_seconds, revision: 7 }.to_string();
        let (older, newer, begun) = (name(1_795_926_066), name(1_795_926_067), format!("{}{UNFINISHED}", name(8)));
        let others =
            ["backup-before-upgrade", "backup-x.unfinished", "backup-1-2", "backup-99", "notes", "8e9e05c52164694d"];
        for name in others.into_iter().chain([&*newer, &*older, &*begun]) {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert_eq!(kept(dir.path()).unwrap(), [older, newer]);
        assert!(!dir.path().join(begun).exists());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
    }

    #[test]
    fn the_next_one_is_due_an_interval_after_the_newest() {
        let (newest, hour) = (BackupName { unix_seconds: 10_000, revision: 7 }, Duration::from_secs(3600));
        let until_due = |now| until_due(&newest, now, hour).as_secs();
        assert_eq!((until_due(10_000), until_due(10_060), until_due(13_599)), (3600, 3540, 1));
        assert_eq!((until_due(13_600), until_due(99_999)), (0, 0));
        assert_eq!(until_due(9000), 3600, "never longer than an interval");
    }
}
