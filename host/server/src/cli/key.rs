//! `strongroom key generate` and `strongroom key status`.

use std::path::{Path, PathBuf};

use proto::admin::keys_client::KeysClient;
use proto::admin::{DataKey, KeyStatusRequest};
use seal::KeyFile;
use serde::Serialize;
use time::OffsetDateTime;

use super::client::ClientError;
use super::plugin::Answer;
use super::table::{Format, Table, print};

/// The keys that seal values.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    /// Make a root key file, readable by its owner only, for the seal configuration of `serve`
    Generate {
        /// Where to put it; nothing may be there yet
        file: PathBuf,
    },
    /// Show the data keys of the sealed prefixes
    Status(Answer),
}

#[derive(Serialize)]
struct Document {
    root_key_present: bool,
    keys: Vec<Row>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct Row {
    prefix: String,
    id: u32,
    state: String,
    created: String,
    wraps: Vec<String>,
    usable: bool,
    records: u64,
}

impl Key {
    /// Does what is asked and prints the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        match self {
            Self::Generate { file } => generate(&file),
            Self::Status(answer) => status(answer).await,
        }
    }
}

fn generate(file: &Path) -> Result<(), ClientError> {
    let key = KeyFile::create(file)?;
    let mut table = Table::new(&["ROOT KEY", "FINGERPRINT"]);
    table.row(vec![file.display().to_string(), key.fingerprint()]);
    Ok(print(Format::Table, &(), &table)?)
}

async fn status(answer: Answer) -> Result<(), ClientError> {
    let mut client = KeysClient::new(answer.connection.open().await?);
    let response = client.status(KeyStatusRequest {}).await;
    let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
    let keys: Vec<Row> = response.keys.into_iter().map(Row::from).collect();
    let mut table = Table::new(&["PREFIX", "ID", "STATE", "USABLE", "RECORDS", "CREATED", "WRAPS"]);
    for key in &keys {
        table.row(vec![
            key.prefix.clone(),
            key.id.to_string(),
            key.state.clone(),
            if key.usable { "yes" } else { "no" }.to_owned(),
            key.records.to_string(),
            key.created.clone(),
            key.wraps.join(","),
        ]);
    }
    let (root_key_present, policy_epoch) = (response.root_key_present, response.policy_epoch);
    Ok(print(answer.output, &Document { root_key_present, keys, policy_epoch }, &table)?)
}

impl From<DataKey> for Row {
    fn from(key: DataKey) -> Self {
        Self {
            prefix: String::from_utf8_lossy(&key.prefix).into_owned(),
            id: key.id,
            state: key.state,
            created: timestamp(key.created_unix_seconds),
            wraps: key.wraps,
            usable: key.usable,
            records: key.records,
        }
    }
}

/// RFC 3339 in UTC; a time out of its range is printed as the number it is.
fn timestamp(unix_seconds: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(unix_seconds) else { return unix_seconds.to_string() };
    let (hour, minute, second) = at.to_hms();
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_772_323_199), "2026-02-28T23:59:59Z");
        assert_eq!(timestamp(i64::MAX), i64::MAX.to_string());
    }
}
