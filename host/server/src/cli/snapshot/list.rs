//! `strongroom snapshot list`.

use flow::offline::{self, Backup};
use serde::Serialize;

use crate::cli::client::ClientError;
use crate::cli::table::{Format, Table, print, timestamp};

/// `snapshot list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Where they are: what the members have as --backup-dir, a folder or a URL
    place: String,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Row {
    backup: String,
    made: String,
    revision: i64,
}

impl List {
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let backups = offline::backups(&self.place).await?.into_iter();
        let row =
            |Backup { place, unix_seconds, revision }| Row { backup: place, made: timestamp(unix_seconds), revision };
        let rows: Vec<_> = backups.map(row).collect();
        let mut table = Table::new(&["BACKUP", "MADE", "REVISION"]);
        for row in &rows {
            table.row(vec![row.backup.clone(), row.made.clone(), row.revision.to_string()]);
        }
        Ok(print(self.output, &rows, &table)?)
    }
}
