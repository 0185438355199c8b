//! `strongroom snapshot status|verify|ls`.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use archive::Contents;
use flow::offline::{Authenticity, ListedKey, Source, Verified, list_snapshot, verify_snapshot};
use serde::Serialize;

use crate::cli::check::{Checked, RootKeys};
use crate::cli::client::ClientError;
use crate::cli::table::{Format, Table, print, printable, timestamp};

/// `snapshot status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The snapshot: a file, a backup's folder or its URL
    file: String,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// `snapshot verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The snapshot: a file, a backup's folder or its URL
    file: String,
    #[command(flatten)]
    root_keys: RootKeys,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// `snapshot ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    /// The snapshot: a file, a backup's folder or its URL
    file: String,
    /// Only keys that begin with this
    #[arg(default_value = "")]
    prefix: String,
}

#[derive(Serialize)]
struct Shown {
    revision: i64,
    cluster: String,
    member: String,
    made: String,
    etcd: String,
    bytes: u64,
    files: usize,
    signatures: usize,
    sha256: String,
}

impl Shown {
    fn of(contents: &Contents) -> Self {
        let manifest = &contents.manifest;
        Self {
            revision: manifest.revision,
            cluster: format!("{:x}", manifest.cluster_id),
            member: format!("{:x}", manifest.member_id),
            made: timestamp(manifest.unix_seconds),
            etcd: manifest.etcd.clone(),
            bytes: contents.bytes,
            files: contents.files.len(),
            signatures: contents.signatures.len(),
            sha256: hex::encode(contents.sha256),
        }
    }

    fn table(&self) -> Table {
        Table::single([
            ("REVISION", self.revision.to_string()),
            ("CLUSTER", self.cluster.clone()),
            ("MEMBER", self.member.clone()),
            ("MADE", self.made.clone()),
            ("BYTES", self.bytes.to_string()),
            ("SIGNATURES", self.signatures.to_string()),
            ("SHA-256", self.sha256.clone()),
        ])
    }
}

impl Status {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let shown = Shown::of(&archive::read(Source::of(&self.file).await?.path(), None)?);
        Ok(print(self.output, &shown, &shown.table())?)
    }
}

#[derive(Serialize)]
struct Answer {
    snapshot: Shown,
    written_by: String,
    #[serde(flatten)]
    checked: Checked,
}

impl Verify {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let (root_keys, source) = (self.root_keys.load()?, Source::of(&self.file).await?);
        let Verified { contents, authenticity, findings } = verify_snapshot(source.path(), root_keys.as_ref())?;
        let answer =
            Answer { snapshot: Shown::of(&contents), written_by: told(&authenticity), checked: Checked::of(&findings) };
        let mut table = answer.checked.table();
        table.row(vec!["written by".to_owned(), answer.written_by.clone()]);
        print(self.output, &answer, &table)?;
        answer.checked.outcome(Path::new(&self.file))
    }
}

/// For people: what is known of who wrote a snapshot.
pub(super) fn told(authenticity: &Authenticity) -> String {
    match authenticity {
        Authenticity::Signed(keys) => {
            let keys: Vec<_> = keys.iter().map(u32::to_string).collect();
            format!("a member with data key {}", keys.join(", "))
        }
        Authenticity::Unsigned => "nobody knows: it has no signature that these root keys can check".to_owned(),
        Authenticity::Unchecked => "not checked: give --seal-config".to_owned(),
    }
}

impl Ls {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let source = Source::of(&self.file).await?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut each = |listed: ListedKey| {
            let ListedKey { key, mod_revision, version, value_bytes, is_sealed, .. } = listed;
            let (key, how) =
                (printable(String::from_utf8_lossy(&key).into_owned()), if is_sealed { "sealed" } else { "plain" });
            writeln!(out, "{key}\trevision {mod_revision}\tversion {version}\t{value_bytes} bytes {how}")
        };
        match list_snapshot(source.path(), self.prefix.as_bytes(), &mut each)
            .map_err(ClientError::from)
            .and_then(|()| Ok(out.flush()?))
        {
            // `snapshot ls | head` has seen enough.
            Err(ClientError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }
}
