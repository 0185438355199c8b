//! `strongroom snapshot restore`.

use std::path::PathBuf;

use flow::offline::{self, AsOf, Backup, Founding, OfflineError, Restored, Source};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::inspect::told;
use crate::cli::check::RootKeys;
use crate::cli::client::ClientError;
use crate::cli::founding::NewMember;
use crate::cli::table::{Format, Table, print, timestamp};

/// `snapshot restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The snapshot: a file, a backup's folder or its URL; with --at, --to-time or --to-revision also where backups are (--backup-dir)
    file: String,
    /// Take the newest backup of the folder that was made not after this time, as in 2026-05-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time_of)]
    at: Option<i64>,
    /// Make every key what it was at this revision, which the snapshot must still know (of several backups the first one that reaches
    /// so far is taken): what was written later is gone, and what was
    /// deleted later is there. Users, roles, plugins and sealed prefixes have no revisions and stay as they are in the snapshot, and so
    /// do leases granted later, without keys; a lease that ended later is there again for an hour if a key was under it
    #[arg(long, value_name = "REVISION")]
    to_revision: Option<i64>,
    /// The same as of a time, as in 2026-05-01T12:00:00Z (of several backups the first one made since that can tell is taken): the last revision that the
    /// member which made the snapshot had noted by then. It notes one each second in which something is written, of the last hour; before that
    /// fewer
    #[arg(long, value_name = "TIME", value_parser = time_of, conflicts_with_all = ["at", "to_revision"])]
    to_time: Option<i64>,
    #[command(flatten)]
    member: NewMember,
    #[command(flatten)]
    root_keys: RootKeys,
    /// Take a snapshot although none of its signatures can be checked with the root keys of --seal-config
    #[arg(long, requires = "seal_config")]
    accept_unsigned: bool,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Answer {
    data_dir: PathBuf,
    cluster: String,
    member: String,
    revision: i64,
    /// For a time, when that revision was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    noted: Option<String>,
    events_taken_back: u64,
    leases_made_again: u64,
    snapshot: String,
    written_by: String,
}

impl Restore {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let founding = self.member.founding()?;
        let data_dir = founding.data_dir.clone();
        let snapshots = match (self.at, self.to_revision, self.to_time) {
            (Some(at), ..) => vec![backup_at(&self.file, at).await?],
            (None, Some(revision), _) => vec![backup_with(&self.file, revision).await?],
            (None, None, Some(time)) => backups_since(&self.file, time).await?,
            (None, None, None) => vec![self.file.clone()],
        };
        let (snapshot, restored) = self.restored(snapshots, founding).await?;
        let Restored { identity, revision, rewound, noted, authenticity } = restored;
        let answer = Answer {
            data_dir,
            cluster: format!("{:x}", identity.cluster_id),
            member: format!("{:x}", identity.member_id),
            revision,
            noted: noted.map(timestamp),
            events_taken_back: rewound.events,
            leases_made_again: rewound.leases,
            snapshot,
            written_by: told(&authenticity),
        };
        let revision = match &answer.noted {
            Some(noted) => format!("{revision}, noted at {noted}"),
            None => revision.to_string(),
        };
        let table = Table::single([
            ("DATA DIRECTORY", answer.data_dir.display().to_string()),
            ("CLUSTER", answer.cluster.clone()),
            ("MEMBER", answer.member.clone()),
            ("REVISION", revision),
            ("SNAPSHOT", answer.snapshot.clone()),
            ("WRITTEN BY", answer.written_by.clone()),
        ]);
        Ok(print(self.output, &answer, &table)?)
    }

    /// Makes a data directory of the first snapshot that can tell the revision of the wanted time; where none is wanted, of the only one.
    async fn restored(&self, snapshots: Vec<String>, founding: Founding) -> Result<(String, Restored), ClientError> {
        let as_of = self.to_revision.map(AsOf::Revision).or(self.to_time.map(AsOf::Time));
        let mut cannot = None;
        for snapshot in snapshots {
            let source = Source::of(&snapshot).await?;
            let restore = offline::Restore {
                snapshot: source.path().to_owned(),
                founding: founding.clone(),
                as_of,
                revisions: self.member.revisions(),
                seal: self.root_keys.load()?,
                accepts_unsigned: self.accept_unsigned,
            };
            match offline::restore(restore).await {
                Err(OfflineError::NoSuchMoment { earliest, latest }) => {
                    let (earliest, latest) = (timestamp(earliest), timestamp(latest));
                    let reason = format!(
                        "it tells what the newest revision was from {earliest} to {latest}; name a time within, or a --to-revision"
                    );
                    cannot.get_or_insert(ClientError::Unusable { path: snapshot.into(), reason });
                }
                restored => return Ok((snapshot, restored?)),
            }
        }
        Err(cannot.expect("there is at least one snapshot"))
    }
}

/// A time as RFC 3339 has it, in seconds since 1970.
fn time_of(text: &str) -> Result<i64, &'static str> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map(OffsetDateTime::unix_timestamp).map_err(|_| "expected a time such as 2026-05-01T12:00:00Z")
}

async fn backup_at(place: &str, unix_seconds: i64) -> Result<String, ClientError> {
    let backups = offline::backups(place).await?;
    let at = backups.iter().rposition(|backup| backup.unix_seconds <= unix_seconds);
    at.map(|at| backups[at].place.clone()).ok_or_else(|| {
        let made: Vec<_> = backups.iter().map(|backup| timestamp(backup.unix_seconds)).collect();
        let there = if made.is_empty() { "there is none at all".to_owned() } else { made.join(", ") };
        let reason = format!("no backup in it was made until {}; they were made at: {there}", timestamp(unix_seconds));
        ClientError::Unusable { path: place.into(), reason }
    })
}

/// The backups of a place; none of a file, or where no member has made some.
async fn backups_of(place: &str) -> Result<Vec<Backup>, ClientError> {
    match offline::backups(place).await {
        Err(_) if !place.contains("://") => Ok(Vec::new()),
        backups => Ok(backups?),
    }
}

/// The backups that were made not before a time, oldest first: later ones may have forgotten what was before. A snapshot itself is what it is.
async fn backups_since(place: &str, unix_seconds: i64) -> Result<Vec<String>, ClientError> {
    let backups = backups_of(place).await?;
    let Some(newest) = backups.last().map(|backup| backup.unix_seconds) else { return Ok(vec![place.to_owned()]) };
    let since = backups.into_iter().filter(|backup| backup.unix_seconds >= unix_seconds);
    let since: Vec<_> = since.map(|backup| backup.place).collect();
    if since.is_empty() {
        let (newest, wanted) = (timestamp(newest), timestamp(unix_seconds));
        let reason = format!("the newest backup in it was made at {newest}, before {wanted}; --at takes that");
        return Err(ClientError::Unusable { path: place.into(), reason });
    }
    Ok(since)
}

/// The first backup that has a revision: later ones may have forgotten it. A snapshot itself is what it is.
async fn backup_with(place: &str, revision: i64) -> Result<String, ClientError> {
    let backups = backups_of(place).await?;
    let Some(newest) = backups.iter().map(|backup| backup.revision).max() else { return Ok(place.to_owned()) };
    let reaching = backups.iter().filter(|backup| backup.revision >= revision);
    reaching.min_by_key(|backup| backup.revision).map(|backup| backup.place.clone()).ok_or_else(|| {
        let reason = format!("the newest backup in it is of revision {newest}, which is before {revision}");
        ClientError::Unusable { path: place.into(), reason }
    })
}
