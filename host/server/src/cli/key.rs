//! `strongroom key ...`, but for what belongs to recovery.

use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use proto::admin::keys_client::KeysClient;
use proto::admin::{RotateRequest, SettleRequest, ShredRequest};
use seal::KeyFile;
use serde::Serialize;
use tonic::transport::Channel;

use super::client::{ClientError, Connection};
use super::key_status::{self, Status};
use super::plugin::Answer;
use super::recovery::{Recipient, Recover};
use super::table::{Format, Table, print};

/// How long the member is asked to wait at once; it is asked again until it is done.
const WAIT_MS: u32 = 10_000;

/// The keys that seal values.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    /// Make a root key file, readable by its owner only, for the seal configuration of `serve`
    Generate {
        /// Where to put it; nothing may be there yet
        file: PathBuf,
    },
    /// Show the data keys of the sealed prefixes, and what is still sealed otherwise than it should be
    Status(Status),
    /// Replace the data key of a sealed prefix; values are sealed anew in the background, and the old key is destroyed then
    Rotate(Rotate),
    /// Show whether every value is sealed as the rules want it
    Rewrap(Rewrap),
    /// Make a recovery recipient from a passphrase: members that name it in their seal configuration wrap every data key for it
    Recipient(Recipient),
    /// Have data keys wrapped anew by a member whose root key is lost, with the passphrase of a recovery recipient
    Recover(Recover),
    /// Destroy the data keys of a prefix: what is sealed under it can never be read again
    Shred(Shred),
}

/// `key rotate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// The sealed prefix [default: all of them]
    prefix: Option<String>,
    /// Replace the key of digests, too: when a root key may be in other hands. Hashes of members change while values are sealed anew
    #[arg(long)]
    digests: bool,
    #[command(flatten)]
    answer: Answer,
}

/// `key rewrap`.
#[derive(Debug, clap::Args)]
pub(crate) struct Rewrap {
    /// Wait until it is
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    answer: Answer,
}

/// `key shred`.
#[derive(Debug, clap::Args)]
pub(crate) struct Shred {
    /// The sealed prefix
    prefix: String,
    /// Confirm by giving the prefix once more, instead of being asked to type it
    #[arg(long, value_name = "PREFIX")]
    confirm: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct Changed {
    prefix: Option<String>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct Settled {
    settled: bool,
    policy_epoch: u64,
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
            Self::Status(status) => key_status::run(status).await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Rewrap(rewrap) => rewrap.run().await,
            Self::Recipient(recipient) => recipient.run(),
            Self::Recover(recover) => recover.run().await,
            Self::Shred(shred) => shred.run().await,
        }
    }
}

fn generate(file: &Path) -> Result<(), ClientError> {
    let key = KeyFile::create(file)?;
    let table = Table::single([("ROOT KEY", file.display().to_string()), ("FINGERPRINT", key.fingerprint())]);
    Ok(print(Format::Table, &(), &table)?)
}

impl Rotate {
    async fn run(self) -> Result<(), ClientError> {
        let Self { prefix, digests, answer } = self;
        let request = RotateRequest { prefix: prefix.clone().unwrap_or_default().into(), digests };
        let response = keys(&answer.connection).await?.rotate(request).await;
        let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
        changed(&answer, prefix, response.policy_epoch)
    }
}

impl Rewrap {
    async fn run(self) -> Result<(), ClientError> {
        let Self { wait, answer } = self;
        let mut client = keys(&answer.connection).await?;
        loop {
            let request = SettleRequest { wait_ms: if wait { WAIT_MS } else { 0 } };
            let response = client.settle(request).await;
            let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
            if response.settled || !wait {
                let settled = Settled { settled: response.settled, policy_epoch: response.policy_epoch };
                let said = if settled.settled { "yes" } else { "not yet" };
                let epoch = ("EPOCH", settled.policy_epoch.to_string());
                let table = Table::single([("EVERYTHING AS THE RULES WANT IT", said.to_owned()), epoch]);
                return Ok(print(answer.output, &settled, &table)?);
            }
        }
    }
}

impl Shred {
    async fn run(self) -> Result<(), ClientError> {
        let Self { prefix, confirm, answer } = self;
        let typed = confirm.map_or_else(|| ask(&prefix), Ok)?;
        if typed != prefix {
            return Err(ClientError::NotConfirmed { prefix });
        }
        let request = ShredRequest { prefix: prefix.clone().into() };
        let response = keys(&answer.connection).await?.shred(request).await;
        let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
        changed(&answer, Some(prefix), response.policy_epoch)
    }
}

/// What is typed in answer.
fn ask(prefix: &str) -> Result<String, ClientError> {
    let mut out = io::stderr().lock();
    write!(
        out,
        "Everything that is sealed under {prefix:?} becomes unreadable for good. Type the prefix to confirm: "
    )?;
    out.flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}

fn changed(answer: &Answer, prefix: Option<String>, policy_epoch: u64) -> Result<(), ClientError> {
    let shown = prefix.clone().unwrap_or_else(|| "all".to_owned());
    let table = Table::single([("PREFIX", shown), ("EPOCH", policy_epoch.to_string())]);
    Ok(print(answer.output, &Changed { prefix, policy_epoch }, &table)?)
}

pub(super) async fn keys(connection: &Connection) -> Result<KeysClient<Channel>, ClientError> {
    Ok(KeysClient::new(connection.open().await?))
}
