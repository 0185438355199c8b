//! `strongroom export etcd`: moving out.

use std::path::PathBuf;

use flow::offline::{self, Exported, Source};
use serde::Serialize;

use super::check::RootKeys;
use super::client::ClientError;
use super::import::counting;
use super::new_file::check_vacant;
use super::table::{Format, Table, print};

/// What can be taken out.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Export {
    /// Make a snapshot of etcd's of one of strongroom's: etcdutl snapshot restore takes it
    Etcd(Etcd),
}

/// `export etcd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Etcd {
    /// The snapshot, as strongroom snapshot save writes it: a file, a backup's folder or its URL
    snapshot: String,
    /// Where to put etcd's; nothing may be there yet
    file: PathBuf,
    #[command(flatten)]
    root_keys: RootKeys,
    /// Confirm that values which are sealed are to be in the file in plain text
    #[arg(long, requires = "seal_config")]
    yes_write_plaintext: bool,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    revision: i64,
    changes: u64,
    leases: usize,
    users: usize,
    opened: u64,
}

impl Export {
    /// Does what is asked and prints the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        let Self::Etcd(command) = self;
        command.run().await
    }
}

impl Etcd {
    async fn run(self) -> Result<(), ClientError> {
        let Self { snapshot, file, root_keys, yes_write_plaintext, output } = self;
        check_vacant(&file)?;
        let (seal, source) = (root_keys.load()?, Source::of(&snapshot).await?);
        let snapshot = source.path().to_owned();
        let export = offline::Export { snapshot, to: file, seal, writes_plaintext: yes_write_plaintext };
        let bar = counting("changes exported");
        let exported = offline::export(&export, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let Exported { revision, changes, leases, users, opened } = exported?;
        let answer = Answer { file: export.to, revision, changes, leases, users, opened };
        let table = Table::single([
            ("FILE", answer.file.display().to_string()),
            ("REVISION", answer.revision.to_string()),
            ("CHANGES", answer.changes.to_string()),
            ("LEASES", answer.leases.to_string()),
            ("USERS", answer.users.to_string()),
            ("OPENED", answer.opened.to_string()),
        ]);
        Ok(print(output, &answer, &table)?)
    }
}
