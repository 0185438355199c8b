//! `strongroom key status`.

use proto::admin::keys_client::KeysClient;
use proto::admin::{DataKey, KeyStatusRequest};
use serde::Serialize;
use time::OffsetDateTime;

use super::client::ClientError;
use super::plugin::Answer;
use super::table::{Table, print};

/// The keys that seal values.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
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
    /// Asks the member and prints its answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        let Self::Status(answer) = self;
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
