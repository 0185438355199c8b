//! `strongroom snapshot save`: goes on where a connection broke, and where an earlier run of the command did.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use api::{SNAPSHOT_ID, SNAPSHOT_RESUME};
use indicatif::{ProgressBar, ProgressStyle};
use proto::etcdserverpb::maintenance_client::MaintenanceClient;
use proto::etcdserverpb::{SnapshotRequest, SnapshotResponse};
use serde::Serialize;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status, Streaming};

use super::part::Part;
use crate::cli::client::ClientError;
use crate::cli::new_file::check_vacant;
use crate::cli::plugin::Answer;
use crate::cli::table::{Table, print};

/// From one attempt to the next: at first, and at most; each wait is twice the one before.
const WAIT_MIN: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// After this long without anything new it gives up. Members keep a snapshot for ten minutes.
const PATIENCE: Duration = Duration::from_secs(180);

/// `snapshot save`.
#[derive(Debug, clap::Args)]
pub(crate) struct Save {
    /// Where to put it; nothing may be there yet. What an earlier run has left in FILE.part is gone on with
    file: PathBuf,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct Saved {
    file: PathBuf,
    bytes: u64,
    revision: i64,
    sha256: String,
}

/// Why nothing more arrives.
enum Ended {
    /// The connection broke: it may be tried again.
    Broke(ClientError),
    /// The member does not keep the snapshot any more.
    Gone(ClientError),
    /// For good.
    Failed(ClientError),
}

impl From<ClientError> for Ended {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { .. } => Self::Broke(error),
            error => Self::Failed(error),
        }
    }
}

impl Save {
    /// What arrives is put beside the file and takes its name once every byte of it was checked.
    pub(super) async fn run(self) -> Result<(), ClientError> {
        check_vacant(&self.file)?;
        let mut part = Part::open(&self.file)?;
        let received = self.receive(&mut part).await;
        let kept = part.id.is_some() && part.bytes > 0;
        received.map_err(|ended| match ended {
            Ended::Broke(error) if kept => {
                let (reason, path) = (error.to_string(), part.path.clone());
                ClientError::SnapshotBroke { reason, bytes: part.bytes, path }
            }
            Ended::Failed(error) if kept && !matches!(error, ClientError::Unwritable { .. }) => error,
            Ended::Broke(error) | Ended::Gone(error) | Ended::Failed(error) => {
                part.remove();
                error
            }
        })?;
        let contents = archive::read(&part.path, None).inspect_err(|_| part.remove())?;
        part.finish(&self.file)?;
        self.let_go(&part).await;
        let saved = Saved {
            bytes: contents.bytes,
            revision: contents.manifest.revision,
            sha256: hex::encode(contents.sha256),
            file: self.file,
        };
        let table = Table::single([
            ("FILE", saved.file.display().to_string()),
            ("REVISION", saved.revision.to_string()),
            ("BYTES", saved.bytes.to_string()),
            ("SHA-256", saved.sha256.clone()),
        ]);
        Ok(print(self.answer.output, &saved, &table)?)
    }

    /// Receives all that is missing, however often the connection breaks.
    async fn receive(&self, part: &mut Part) -> Result<(), Ended> {
        let bar = bar();
        if part.id.is_some() {
            say(&bar, &format!("going on with {} at {} bytes", part.path.display(), part.bytes));
        }
        let (mut newest, mut wait) = (Instant::now(), WAIT_MIN);
        loop {
            let before = part.bytes;
            let ended = match self.receive_some(part, &bar).await {
                Ok(()) => break,
                Err(ended) => ended,
            };
            if part.bytes > before {
                (newest, wait) = (Instant::now(), WAIT_MIN);
            }
            match ended {
                Ended::Broke(error) if part.id.is_some() && newest.elapsed() + wait < PATIENCE => {
                    say(&bar, &format!("at {} bytes: {error}; trying again in {wait:?}", part.bytes));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(WAIT_MAX);
                }
                Ended::Gone(_) if part.id.is_some() => {
                    say(&bar, "the member does not keep this snapshot any more; saving one from its beginning");
                    part.begin_anew()?;
                }
                ended => return Err(ended),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn receive_some(&self, part: &mut Part, bar: &ProgressBar) -> Result<(), Ended> {
        let mut pieces = self.call(part).await?;
        while let Some(piece) = pieces.message().await.map_err(|status| self.ended(&status))? {
            part.append(&piece.blob)?;
            bar.set_length(part.bytes + piece.remaining_bytes);
            bar.set_position(part.bytes);
        }
        Ok(())
    }

    /// Asks for what is behind that which has arrived.
    async fn call(&self, part: &mut Part) -> Result<Streaming<SnapshotResponse>, Ended> {
        let mut client = MaintenanceClient::new(self.answer.connection.open_for_long().await?);
        let answer = client.snapshot(request(part)).await.map_err(|status| self.ended(&status))?;
        // A member of an earlier version tells none, and begins at the beginning.
        let told = answer.metadata().get(SNAPSHOT_ID).and_then(|id| id.to_str().ok());
        match (part.id.as_deref(), told) {
            (None, Some(id)) => part.set_id(id)?,
            (Some(known), told) if told != Some(known) => {
                return Err(Ended::Gone(ClientError::Refused {
                    message: "the member sent another snapshot".to_owned(),
                }));
            }
            _ => {}
        }
        Ok(answer.into_inner())
    }

    /// Tells the member that it need not keep the snapshot. If it is not told, it does so for a while.
    async fn let_go(&self, part: &Part) {
        let Some(channel) = self.answer.connection.open_for_long().await.ok().filter(|_| part.id.is_some()) else {
            return;
        };
        if let Ok(mut nothing) = MaintenanceClient::new(channel).snapshot(request(part)).await {
            drop(nothing.get_mut().message().await);
        }
    }

    fn ended(&self, status: &Status) -> Ended {
        let error = self.answer.connection.failed(status);
        match status.code() {
            Code::NotFound => Ended::Gone(error),
            Code::Unavailable => Ended::Broke(error),
            _ => error.into(),
        }
    }
}

fn request(part: &Part) -> Request<SnapshotRequest> {
    let asked = part.id.as_ref().map_or_else(|| "new".to_owned(), |id| format!("{id}@{}", part.bytes));
    let mut request = Request::new(SnapshotRequest {});
    // What came out of a file may be no text for a header; then there is nothing to go on with.
    if let Ok(asked) = AsciiMetadataValue::try_from(asked) {
        request.metadata_mut().insert(SNAPSHOT_RESUME, asked);
    }
    request
}

/// For who sits at the terminal, above the bar.
#[expect(clippy::print_stderr, reason = "a line for who sits at the terminal, or reads the log of a timer")]
fn say(bar: &ProgressBar, line: &str) {
    bar.suspend(|| eprintln!("{line}"));
}

/// Drawn on the terminal's error stream, and not at all anywhere else.
fn bar() -> ProgressBar {
    let style = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("a template of this program");
    ProgressBar::new(0).with_style(style)
}
