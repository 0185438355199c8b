//! `strongroom key status`: the data keys, and how far values are sealed as the rules want it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use proto::admin::{DataKey, KeyStatusRequest, KeyStatusResponse, Residue};
use serde::Serialize;

use super::client::ClientError;
use super::key::keys;
use super::plugin::Answer;
use super::table::{Format, Table, print, timestamp};

/// How often `--watch` asks at most, and how much longer it waits than an answer takes: each reads every sealed value, and what may hold it in plain text.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_PARTS: u32 = 10;

/// `key status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Show a progress bar until every value is sealed as the rules want it
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct Document {
    root_key_present: bool,
    settled: bool,
    forgotten: bool,
    keys: Vec<KeyRow>,
    residue: Vec<ResidueRow>,
    rewrapped_records: u64,
    rewrapped_bytes: u64,
    unopened_records: u64,
    provider_complaints: BTreeMap<String, String>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct KeyRow {
    prefix: String,
    id: u32,
    state: String,
    created: String,
    wraps: Vec<String>,
    usable: bool,
    uses: u64,
    records: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct ResidueRow {
    prefix: String,
    plain_records: u64,
    plain_bytes: u64,
    outdated_records: u64,
    outdated_bytes: u64,
    past_records: u64,
    past_bytes: u64,
    logged_records: u64,
    logged_bytes: u64,
    snapshot_records: u64,
    snapshot_bytes: u64,
}

impl ResidueRow {
    fn is_clean(&self) -> bool {
        self.plain_records + self.outdated_records + self.logged_records + self.snapshot_records == 0
    }
}

/// Asks the member and prints its answer.
///
/// # Errors
///
/// [`ClientError`].
pub(super) async fn run(status: Status) -> Result<(), ClientError> {
    let Status { watch, answer } = status;
    let mut begun = Instant::now();
    let mut response = ask(&answer).await?;
    if watch {
        let bar = bar(left(&response).0);
        while !response.settled {
            let (records, bytes) = left(&response);
            bar.set_length(bar.length().unwrap_or(0).max(records));
            bar.set_position(bar.length().unwrap_or(0) - records);
            bar.set_message(format!("{bytes} bytes left"));
            tokio::time::sleep(INTERVAL.max(begun.elapsed() * INTERVAL_PARTS)).await;
            begun = Instant::now();
            response = ask(&answer).await?;
        }
        bar.finish_and_clear();
    }
    show(&answer, response)
}

async fn ask(answer: &Answer) -> Result<KeyStatusResponse, ClientError> {
    let response = keys(&answer.connection).await?.status(KeyStatusRequest {}).await;
    Ok(response.map_err(|status| answer.connection.failed(&status))?.into_inner())
}

/// On the terminal's error stream, so that the answer can go to a file.
fn bar(records: u64) -> ProgressBar {
    let style = "{bar:40} {pos}/{len} records sealed anew, {eta} left, {msg}";
    let style = ProgressStyle::with_template(style).expect("a template of this program");
    ProgressBar::new(records).with_style(style)
}

/// Records that are not as they should be, and their bytes.
fn left(response: &KeyStatusResponse) -> (u64, u64) {
    let of = |residue: &Residue| {
        (residue.plain_records + residue.outdated_records, residue.plain_bytes + residue.outdated_bytes)
    };
    response.residue.iter().map(of).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

fn show(answer: &Answer, response: KeyStatusResponse) -> Result<(), ClientError> {
    let document = Document {
        root_key_present: response.root_key_present,
        settled: response.settled,
        forgotten: response.forgotten,
        keys: response.keys.into_iter().map(KeyRow::from).collect(),
        residue: response.residue.into_iter().map(ResidueRow::from).collect(),
        rewrapped_records: response.rewrapped_records,
        rewrapped_bytes: response.rewrapped_bytes,
        unopened_records: response.unopened_records,
        provider_complaints: response.provider_complaints.into_iter().collect(),
        policy_epoch: response.policy_epoch,
    };
    print(answer.output, &document, &key_table(&document.keys))?;
    if answer.output == Format::Table && !document.residue.iter().all(ResidueRow::is_clean) {
        print(Format::Table, &(), &residue_table(&document.residue))?;
    }
    let unsettled = unsettled(&document);
    if answer.output == Format::Table && !unsettled.is_empty() {
        let mut table = Table::new(&["NOT IN ORDER YET"]);
        unsettled.into_iter().for_each(|what| table.row(vec![what]));
        print(Format::Table, &(), &table)?;
    }
    Ok(())
}

/// What is not as it should be, or not known to be.
fn unsettled(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    if !document.settled {
        found.push("values are being sealed anew, or looked through for what is left".to_owned());
    }
    if document.unopened_records > 0 {
        found.push(format!("{} records cannot be opened: delete or overwrite them", document.unopened_records));
    }
    if !document.forgotten {
        found.push(
            "log, snapshots or database of this member still hold what was there before; it is being removed (state/set-aside, if it is there, is yours to remove)"
                .to_owned(),
        );
    }
    found.extend(document.provider_complaints.iter().map(|(provider, reason)| format!("{provider}: {reason}")));
    found
}

fn key_table(keys: &[KeyRow]) -> Table {
    let mut table =
        Table::new(&["PREFIX", "ID", "STATE", "USABLE", "USES UP TO", "RECORDS", "BYTES", "CREATED", "WRAPS"]);
    for key in keys {
        table.row(vec![
            key.prefix.clone(),
            key.id.to_string(),
            key.state.clone(),
            if key.usable { "yes" } else { "no" }.to_owned(),
            key.uses.to_string(),
            key.records.to_string(),
            key.bytes.to_string(),
            key.created.clone(),
            key.wraps.join(","),
        ]);
    }
    table
}

fn residue_table(residue: &[ResidueRow]) -> Table {
    let mut table =
        Table::new(&["NOT SEALED AS IT SHOULD BE", "UNDER OTHER KEYS", "PLAIN", "OF IT PAST", "IN LOG", "IN SNAPSHOT"]);
    let cell =
        |records: u64, bytes: u64| if records == 0 { "-".to_owned() } else { format!("{records} ({bytes} bytes)") };
    for row in residue.iter().filter(|row| !row.is_clean()) {
        table.row(vec![
            row.prefix.clone(),
            cell(row.outdated_records, row.outdated_bytes),
            cell(row.plain_records, row.plain_bytes),
            cell(row.past_records, row.past_bytes),
            cell(row.logged_records, row.logged_bytes),
            cell(row.snapshot_records, row.snapshot_bytes),
        ]);
    }
    table
}

impl From<DataKey> for KeyRow {
    fn from(key: DataKey) -> Self {
        Self {
            prefix: String::from_utf8_lossy(&key.prefix).into_owned(),
            id: key.id,
            state: key.state,
            created: timestamp(key.created_unix_seconds),
            wraps: key.wraps,
            usable: key.usable,
            uses: key.uses,
            records: key.records,
            bytes: key.bytes,
        }
    }
}

impl From<Residue> for ResidueRow {
    fn from(residue: Residue) -> Self {
        Self {
            prefix: String::from_utf8_lossy(&residue.prefix).into_owned(),
            plain_records: residue.plain_records,
            plain_bytes: residue.plain_bytes,
            outdated_records: residue.outdated_records,
            outdated_bytes: residue.outdated_bytes,
            past_records: residue.past_records,
            past_bytes: residue.past_bytes,
            logged_records: residue.logged_records,
            logged_bytes: residue.logged_bytes,
            snapshot_records: residue.snapshot_records,
            snapshot_bytes: residue.snapshot_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_order_is_said() {
        let mut document = Document {
            root_key_present: true,
            settled: true,
            forgotten: true,
            keys: Vec::new(),
            residue: Vec::new(),
            rewrapped_records: 7,
            rewrapped_bytes: 70,
            unopened_records: 0,
            provider_complaints: BTreeMap::new(),
            policy_epoch: 3,
        };
        assert_eq!(unsettled(&document), Vec::<String>::new());
        document.settled = false;
        document.unopened_records = 2;
        document.provider_complaints.insert("kms:cloud".to_owned(), "it is not well".to_owned());
        let said = unsettled(&document);
        assert_eq!(said.len(), 3);
        assert!(
            said[1].starts_with("2 records cannot be opened") && said[2] == "kms:cloud: it is not well",
            "{said:?}"
        );
    }

    #[test]
    fn what_is_left_is_plain_or_under_another_key() {
        let one = Residue { plain_records: 1, plain_bytes: 10, ..Residue::default() };
        let other = Residue { outdated_records: 2, outdated_bytes: 20, ..Residue::default() };
        let response = KeyStatusResponse { residue: vec![one, other], ..KeyStatusResponse::default() };
        assert_eq!(left(&response), (3, 30));
    }
}
