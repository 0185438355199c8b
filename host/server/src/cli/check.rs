//! `strongroom check`: whether the data directory of a member that does not run is as it was written.

use std::path::{Path, PathBuf};

use flow::offline::{Findings, check_data};
use seal::SealConfig;
use serde::Serialize;

use super::client::ClientError;
use super::table::{Format, Table, print};
use crate::memory;

/// Root keys for what is done without a member.
#[derive(Debug, clap::Args)]
pub(crate) struct RootKeys {
    /// The members' seal configuration, to open sealed values and check signatures with its root keys
    #[arg(long, value_name = "FILE")]
    seal_config: Option<PathBuf>,
}

impl RootKeys {
    /// The configuration, if one is named.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn load(&self) -> Result<Option<SealConfig>, ClientError> {
        let Some(path) = &self.seal_config else { return Ok(None) };
        memory::hide();
        Ok(Some(SealConfig::load(path)?))
    }
}

/// `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The data directory
    data_dir: PathBuf,
    #[command(flatten)]
    root_keys: RootKeys,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What was found in a state.
#[derive(Serialize)]
pub(crate) struct Checked {
    sound: bool,
    revision: i64,
    compacted: i64,
    keys: u64,
    bytes: u64,
    past_records: u64,
    events: u64,
    leases: u64,
    users: u64,
    sealed_values: u64,
    opened_values: u64,
    fault_count: u64,
    faults: Vec<String>,
}

impl Checked {
    pub(crate) fn of(findings: &Findings) -> Self {
        Self {
            sound: findings.fault_count == 0,
            revision: findings.revision,
            compacted: findings.compacted,
            keys: findings.keys,
            bytes: findings.bytes,
            past_records: findings.past,
            events: findings.events,
            leases: findings.leases,
            users: findings.users,
            sealed_values: findings.sealed,
            opened_values: findings.opened,
            fault_count: findings.fault_count,
            faults: findings.faults.clone(),
        }
    }

    /// A line for each figure, and for each fault.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(&["FOUND", "VALUE"]);
        let compacted = if self.compacted < 0 { "never".to_owned() } else { self.compacted.to_string() };
        let sealed = format!("{}, of which {} were opened", self.sealed_values, self.opened_values);
        let figures = [
            ("newest revision", self.revision.to_string()),
            ("compacted up to", compacted),
            ("keys", self.keys.to_string()),
            ("bytes of keys and values", self.bytes.to_string()),
            ("records of the past", self.past_records.to_string()),
            ("events", self.events.to_string()),
            ("leases", self.leases.to_string()),
            ("users", self.users.to_string()),
            ("sealed values", sealed),
            ("faults", self.fault_count.to_string()),
        ];
        figures.into_iter().for_each(|(name, value)| table.row(vec![name.to_owned(), value]));
        self.faults.iter().for_each(|fault| table.row(vec!["fault".to_owned(), fault.clone()]));
        table
    }

    /// An error if something is wrong.
    ///
    /// # Errors
    ///
    /// [`ClientError::Faulty`].
    pub(crate) fn outcome(&self, path: &Path) -> Result<(), ClientError> {
        if self.sound {
            return Ok(());
        }
        Err(ClientError::Faulty { path: path.to_owned(), faults: self.fault_count })
    }
}

impl Check {
    /// Does what is asked and prints the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let checked = Checked::of(&check_data(&self.data_dir, self.root_keys.load()?.as_ref())?);
        print(self.output, &checked, &checked.table())?;
        checked.outcome(&self.data_dir)
    }
}
