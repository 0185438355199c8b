//! `strongroom snapshot restore`.

use std::path::PathBuf;

use flow::offline::{self, Restored, Source};
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
    /// The snapshot: a file, a backup's folder or its URL; with --at or --to-revision also where backups are (--backup-dir)
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
    events_taken_back: u64,
    leases_made_again: u64,
    snapshot: String,
    written_by: String,
}

impl Restore {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let founding = self.member.founding()?;
        let data_dir = founding.data_dir.clone();
        let snapshot = match (self.at, self.to_revision) {
            (Some(at), _) => backup_at(&self.file, at).await?,
            (None, Some(revision)) => backup_with(&self.file, revision).await?,
            (None, None) => self.file.clone(),
        };
        let source = Source::of(&snapshot).await?;
        let restore = offline::Restore {
            snapshot: source.path().to_owned(),
            founding,
            to_revision: self.to_revision,
            revisions: self.member.revisions(),
            seal: self.root_keys.load()?,
            accepts_unsigned: self.accept_unsigned,
        };
        let Restored { identity, revision, rewound, authenticity } = offline::restore(restore).await?;
        let answer = Answer {
            data_dir,
            cluster: format!("{:x}", identity.cluster_id),
            member: format!("{:x}", identity.member_id),
            revision,
            events_taken_back: rewound.events,
            leases_made_again: rewound.leases,
            snapshot,
            written_by: told(&authenticity),
        };
        let table = Table::single([
            ("DATA DIRECTORY", answer.data_dir.display().to_string()),
            ("CLUSTER", answer.cluster.clone()),
            ("MEMBER", answer.member.clone()),
            ("REVISION", answer.revision.to_string()),
            ("SNAPSHOT", answer.snapshot.clone()),
            ("WRITTEN BY", answer.written_by.clone()),
        ]);
        Ok(print(self.output, &answer, &table)?)
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

/// The first backup that has a revision: later ones may have forgotten it. A snapshot itself is what it is.
async fn backup_with(place: &str, revision: i64) -> Result<String, ClientError> {
    let backups = match offline::backups(place).await {
        // A file, or no backups of members.
        Err(_) if !place.contains("://") => Vec::new(),
        backups => backups?,
    };
    let Some(newest) = backups.iter().map(|backup| backup.revision).max() else { return Ok(place.to_owned()) };
    let reaching = backups.iter().filter(|backup| backup.revision >= revision);
    reaching.min_by_key(|backup| backup.revision).map(|backup| backup.place.clone()).ok_or_else(|| {
        let reason = format!("the newest backup in it is of revision {newest}, which is before {revision}");
        ClientError::Unusable { path: place.into(), reason }
    })
}
