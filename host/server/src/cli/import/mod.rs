//! `strongroom import etcd`: moving in.

mod live;
mod running;

use std::path::PathBuf;

use flow::offline::{self, Imported};
use indicatif::{ProgressBar, ProgressStyle};
use seal::EncryptionConfig;
use serde::Serialize;

use live::Source;

use super::check::RootKeys;
use super::client::ClientError;
use super::founding::NewMember;
use super::table::{Format, Table, print};

/// What can be brought in.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Import {
    /// Make a data directory of etcd's: of a snapshot, of the data directory of a member that was stopped, or of an etcd that runs
    ///
    /// Where prefixes are sealed, and of an etcd that runs, it is made for one member alone: start that one, and add the others as learners,
    /// or save a snapshot of it and restore that for each member.
    Etcd(Etcd),
}

/// `import etcd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Etcd {
    /// The snapshot, as etcdctl snapshot save writes it, or the data directory
    source: Option<PathBuf>,
    #[command(flatten)]
    live: Source,
    #[command(flatten)]
    member: NewMember,
    #[command(flatten)]
    root_keys: RootKeys,
    /// kube-apiserver's EncryptionConfiguration: values that it encrypted (k8s:enc:...) are opened with these keys, and sealed if their
    /// prefix is. Without it they stay as they are
    #[arg(long, value_name = "FILE")]
    kubernetes_encryption_config: Option<PathBuf>,
    /// Confirm that such values are stored in plain text where their prefix is not sealed
    #[arg(long, requires = "kubernetes_encryption_config")]
    yes_write_plaintext: bool,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Answer {
    data_dir: PathBuf,
    cluster: String,
    member: String,
    revision: i64,
    compacted: i64,
    changes: u64,
    leases: usize,
    users: usize,
    sealed: u64,
    opened: u64,
}

impl Import {
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
        let founding = self.member.founding()?;
        let data_dir = founding.data_dir.clone();
        let (revisions, seal) = (self.member.revisions(), self.root_keys.load()?);
        let decryption = self.kubernetes_encryption_config.as_ref().map(EncryptionConfig::load).transpose()?;
        let import = offline::Import {
            source: self.source.unwrap_or_default(),
            founding,
            revisions,
            seal,
            decryption,
            writes_plaintext: self.yes_write_plaintext,
            follows: self.live.is_named(),
        };
        let imported = match self.live.is_named() {
            true => self.live.import(import).await?,
            false => {
                let bar = counting("changes imported");
                let imported = offline::import(&import, &mut |done| bar.set_position(done)).await;
                bar.finish_and_clear();
                imported?
            }
        };
        let Imported { identity, revision, compacted, changes, leases, users, sealed, opened } = imported;
        let cluster = format!("{:x}", identity.cluster_id);
        let member = format!("{:x}", identity.member_id);
        let answer = Answer { data_dir, cluster, member, revision, compacted, changes, leases, users, sealed, opened };
        let table = Table::single([
            ("DATA DIRECTORY", answer.data_dir.display().to_string()),
            ("REVISION", answer.revision.to_string()),
            ("COMPACTED", answer.compacted.to_string()),
            ("CHANGES", answer.changes.to_string()),
            ("LEASES", answer.leases.to_string()),
            ("USERS", answer.users.to_string()),
            ("SEALED", answer.sealed.to_string()),
            ("OPENED", answer.opened.to_string()),
        ]);
        Ok(print(self.output, &answer, &table)?)
    }
}

/// How far something is whose end is not known. Drawn on the terminal's error stream, and not at all anywhere else.
pub(crate) fn counting(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg}, {per_sec}");
    ProgressBar::new_spinner().with_style(style.expect("a template of this program")).with_message(what)
}
