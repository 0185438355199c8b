//! `strongroom audit tail|end|verify|digest`.

use std::io::{self, Write};
use std::path::PathBuf;

use audit::{DIGEST_KEY_FILE, Digester, Event, Hash, Line, Outcome, Report, Stage, Who, verify};
use proto::admin::audit_client::AuditClient;
use proto::admin::{EndRequest, EndResponse, TailRequest};
use serde::Serialize;

use super::client::{ClientError, Connection};
use super::plugin::Answer;
use super::table::{Table, print, printable};

/// The audit log.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Audit {
    /// Show the last lines of a member's audit log, and those to come until interrupted
    Tail(Tail),
    /// Show the hashes of the last records, which vouch for all before: to keep elsewhere, or to check a folder with
    End(Answer),
    /// Check a folder of audit log files: was a line altered, or is one missing?
    Verify(Verify),
    /// Print what stands for a key in the audit log of a member with --audit-sealed-reads=digests
    Digest(Digest),
}

/// `audit digest`.
#[derive(Debug, clap::Args)]
pub(crate) struct Digest {
    /// The folder of the audit log, with its digest key
    folder: PathBuf,
    /// The key
    key: String,
}

/// `audit tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// How many lines that are there already; without it ten, and those to come
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000))]
    last: Option<u32>,
    /// Go on with those to come, although --last is given
    #[arg(short, long)]
    follow: bool,
    /// One JSON document in each line, as it stands in the files
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// `audit verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The folder: `audit` in the data directory, or what --audit-log-dir says
    folder: PathBuf,
    /// A hash that `audit end` or `audit verify` has printed, here or of another member: is its record in the log?
    #[arg(long, value_name = "HASH")]
    through: Option<Hash>,
}

#[derive(Serialize)]
struct EndDocument {
    record: u64,
    hash: String,
    cluster_record: u64,
    cluster_hash: String,
}

/// Lines that are shown when nobody says how many.
const LINES: u32 = 10;

impl Audit {
    /// Asks the member or reads the files, and prints what is found.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        match self {
            Self::Tail(tail) => tail.run().await,
            Self::End(answer) => end(answer).await,
            Self::Verify(verify) => verify.run(),
            Self::Digest(digest) => digest.run(),
        }
    }
}

impl Tail {
    async fn run(self) -> Result<(), ClientError> {
        let request = TailRequest { last: self.last.unwrap_or(LINES), follow: self.follow || self.last.is_none() };
        let mut client = AuditClient::new(self.connection.open_for_long().await?);
        let failed = |status| self.connection.failed(&status);
        let mut stream = client.tail(request).await.map_err(failed)?.into_inner();
        while let Some(piece) = stream.message().await.map_err(failed)? {
            for line in piece.lines {
                let text = if self.json { line } else { shown(&line) };
                match writeln!(io::stdout(), "{text}") {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    written => written?,
                }
            }
        }
        Ok(())
    }
}

impl Verify {
    fn run(self) -> Result<(), ClientError> {
        let report = verify(&self.folder, self.through)?;
        let Report { files, first, last, hash, cluster_lines, cluster, gaps } = report;
        let mut out = io::stdout().lock();
        writeln!(out, "whole: {files} files, records {first} to {last}, {cluster_lines} of them of the cluster")?;
        if first > 1 {
            writeln!(out, "older records were removed as new ones came: see --audit-log-maxfiles")?;
        }
        if gaps > 0 {
            writeln!(out, "{gaps} records say that others are missing: `strongroom audit tail` shows why")?;
        }
        if let Some(cluster) = cluster {
            writeln!(out, "last record of the cluster: {} {}", cluster.seq, cluster.hash)?;
        }
        Ok(writeln!(out, "last record: {last} {hash}")?)
    }
}

impl Digest {
    fn run(self) -> Result<(), ClientError> {
        let path = self.folder.join(DIGEST_KEY_FILE);
        let digester = Digester::open(&path).map_err(|source| ClientError::File { path, source })?;
        Ok(writeln!(io::stdout(), "{}", digester.digest(self.key.as_bytes()))?)
    }
}

/// `audit end`.
async fn end(answer: Answer) -> Result<(), ClientError> {
    let connection = &answer.connection;
    let answered = AuditClient::new(connection.open().await?).end(EndRequest {}).await;
    let EndResponse { seq, hash, cluster_seq, cluster_hash } =
        answered.map_err(|status| connection.failed(&status))?.into_inner();
    let document = EndDocument {
        record: seq,
        hash: hex::encode(hash),
        cluster_record: cluster_seq,
        cluster_hash: hex::encode(cluster_hash),
    };
    let mut table = Table::new(&["OF", "RECORD", "HASH"]);
    table.row(vec!["the member".to_owned(), seq.to_string(), document.hash.clone()]);
    table.row(vec!["the cluster".to_owned(), cluster_seq.to_string(), document.cluster_hash.clone()]);
    Ok(print(answer.output, &document, &table)?)
}

/// A line for people.
fn shown(text: &str) -> String {
    let Some(Line { event, policy_epoch, revision, .. }) = Line::parse(text) else { return text.to_owned() };
    let Event { time, stage, call, listener, who, what, outcome, .. } = event;
    let stage = match stage {
        Stage::Asked => "asked",
        Stage::Begun => "begun",
        Stage::Ended => "ended",
        Stage::Called => "called",
        Stage::Refused => "REFUSED",
        Stage::SealedRead => "sealed read",
        Stage::Remarked => "remarked",
        Stage::Missing => "MISSING",
    };
    let call = call.rsplit_once('.').map_or(call.as_str(), |(_, call)| call);
    let mut parts = vec![time, stage.to_owned()];
    parts.extend([call.to_owned(), listener].into_iter().filter(|text| !text.is_empty()));
    if let Some(Who { name, user, from, .. }) = who {
        let user = user.map_or_else(String::new, |user| format!(" as {user:?}"));
        let from = from.map_or_else(String::new, |from| format!(" from {from}"));
        parts.push(format!("by {name}{user}{from}"));
    }
    parts.extend(what.into_iter().map(|(field, text)| format!("{field}={text:?}")));
    if let Some(Outcome { code, message }) = outcome {
        parts.push(if message.is_empty() { code } else { format!("{code}: {message}") });
    }
    parts.push(format!("(epoch {policy_epoch}, revision {revision})"));
    printable(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = concat!(
        r#"{"seq":7,"policy_epoch":2,"revision":10,"event":{"time":"T","member":"ab","stage":"refused","call":"#,
        r#""etcdserverpb.Auth/RoleAdd","listener":"client","who":{"name":"CN:\u001bx","from":"127.0.0.1:9"},"what":{"name":"r"},"#,
        r#""outcome":{"code":"PERMISSION_DENIED","message":"no"}},"hash":""#,
        "0000000000000000000000000000000000000000000000000000000000000000\"}"
    );

    #[test]
    fn a_line_reads_as_a_sentence() {
        let expected = "T REFUSED Auth/RoleAdd client by CN:\\u{1b}x from 127.0.0.1:9 name=\"r\" PERMISSION_DENIED: no \
                        (epoch 2, revision 10)";
        assert_eq!(shown(LINE), expected);
        assert_eq!(shown("rubbish"), "rubbish");
    }
}
