//! `strongroom plugin replay`: what a plugin would have made of the writes of the past.

use indicatif::{ProgressBar, ProgressStyle};
use proto::admin::objection::Kind;
use proto::admin::{Binding, Objection, ReplayRequest, ReplayResponse};
use serde::Serialize;

use super::binding::BindingOptions;
use super::upload::{Upload, Uploaded};
use super::{Answer, plugins};
use crate::cli::client::ClientError;
use crate::cli::table::{Table, print};

/// `plugin replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    upload: Upload,
    /// First revision to show [default: the oldest that is not compacted]
    #[arg(long, value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    since: i64,
    #[command(flatten)]
    binding: BindingOptions,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct Document {
    first_revision: i64,
    last_revision: i64,
    reviewed: u64,
    denied: usize,
    failed: usize,
    changed: usize,
    warned: usize,
    objections: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    revision: i64,
    operation: String,
    key: String,
    outcome: &'static str,
    code: String,
    message: String,
}

impl Replay {
    /// Prints every write that would not have passed in silence.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let Self { upload, since, binding, answer } = self;
        let Uploaded { component, signature } = upload.read()?;
        let binding = Some(binding.over(Binding::default())?);
        let (component, signature) = (component.into(), signature.into());
        let request = ReplayRequest { component, signature, binding, since_revision: since };
        let connection = &answer.connection;
        let failed = |status: tonic::Status| connection.failed(&status);
        // Its keys may be long.
        let mut client = plugins(connection).await?.max_decoding_message_size(usize::MAX);
        let mut pieces = client.replay(request).await.map_err(failed)?.into_inner();
        let bar = bar();
        let (mut found, mut newest) = (Vec::new(), ReplayResponse::default());
        while let Some(mut piece) = pieces.message().await.map_err(failed)? {
            found.append(&mut piece.objections);
            bar.set_length((piece.last_revision - piece.first_revision + 1).unsigned_abs());
            bar.set_position((piece.revision - piece.first_revision + 1).unsigned_abs());
            bar.set_message(format!("{} writes reviewed, {} objections", piece.reviewed, found.len()));
            newest = piece;
        }
        bar.finish_and_clear();
        show(&answer, &newest, found)
    }
}

fn show(answer: &Answer, newest: &ReplayResponse, found: Vec<Objection>) -> Result<(), ClientError> {
    let count = |kind: Kind| found.iter().filter(|objection| objection.kind() == kind).count();
    let mut document = Document {
        first_revision: newest.first_revision,
        last_revision: newest.last_revision,
        reviewed: newest.reviewed,
        denied: count(Kind::Denied),
        failed: count(Kind::Failed),
        changed: count(Kind::Changed),
        warned: count(Kind::Warned),
        objections: Vec::new(),
    };
    document.objections = found.into_iter().map(Row::from).collect();
    let mut table = Table::new(&["REVISION", "OPERATION", "KEY", "OUTCOME", "REASON"]);
    for row in &document.objections {
        let reason = if row.code.is_empty() { row.message.clone() } else { format!("{} ({})", row.message, row.code) };
        table.row(vec![
            row.revision.to_string(),
            row.operation.clone(),
            row.key.clone(),
            row.outcome.to_owned(),
            reason,
        ]);
    }
    print(answer.output, &document, &table)?;
    sum_up(&document);
    Ok(())
}

/// On the error stream: the answer on the other one can go to a file.
#[expect(clippy::print_stderr, reason = "a line for who sits at the terminal")]
fn sum_up(document: &Document) {
    let Document { first_revision, last_revision, reviewed, denied, failed, changed, warned, .. } = document;
    eprintln!(
        "{reviewed} writes of revisions {first_revision} to {last_revision} reviewed: \
             {denied} denied, {failed} failed, {changed} changed, {warned} warned"
    );
}

impl From<Objection> for Row {
    fn from(objection: Objection) -> Self {
        let outcome = match objection.kind() {
            Kind::Denied => "denied",
            Kind::Failed => "failed",
            Kind::Changed => "changed",
            Kind::Warned => "warned",
        };
        let Objection { revision, operation, key, code, message, .. } = objection;
        Self { revision, operation, key: String::from_utf8_lossy(&key).into_owned(), outcome, code, message }
    }
}

/// Drawn on the terminal's error stream, and not at all anywhere else.
fn bar() -> ProgressBar {
    let style = "{bar:40} revision {pos} of {len}, {eta} left, {msg}";
    let style = ProgressStyle::with_template(style).expect("a template of this program");
    ProgressBar::new(0).with_style(style)
}
