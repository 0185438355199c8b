//! `strongroom key recipient|recover`: wraps of data keys for a passphrase that no member knows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use proto::admin::{RecoverRequest, UnwrappedKey, WrappedRequest};
use seal::{DataKeyRecord, RecoveryCosts, RecoveryKey, RecoveryRecipient, RootKeyProvider as _, unwrap_elsewhere};
use serde::Serialize;
use zeroize::Zeroizing;

use super::client::{ClientError, secret};
use super::key::keys;
use super::plugin::Answer;
use super::table::{Format, Table, print};
use crate::memory;

/// `key recipient`.
#[derive(Debug, clap::Args)]
pub(crate) struct Recipient {
    #[command(flatten)]
    passphrase: Passphrase,
}

/// `key recover`.
#[derive(Debug, clap::Args)]
pub(crate) struct Recover {
    /// The recipient, as `key recipient` printed it and the seal configuration names it
    #[arg(long, value_name = "TEXT")]
    recipient: RecoveryRecipient,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    answer: Answer,
}

/// Where a passphrase comes from.
#[derive(Debug, clap::Args)]
struct Passphrase {
    /// File with the passphrase on its first line [default: it is asked for]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Recovered {
    recovered: u32,
    policy_epoch: u64,
}

impl Recipient {
    pub(super) fn run(self) -> Result<(), ClientError> {
        let passphrase = self.passphrase.read(true)?;
        let recipient = RecoveryRecipient::create(&passphrase, RecoveryCosts::default())?.to_string();
        let mut table = Table::new(&["RECOVERY RECIPIENT"]);
        table.row(vec![recipient]);
        Ok(print(Format::Table, &(), &table)?)
    }
}

impl Recover {
    /// The passphrase stays here: a member is sent the data keys, over mutual TLS.
    pub(super) async fn run(self) -> Result<(), ClientError> {
        let Self { recipient, passphrase, answer } = self;
        memory::hide();
        let mut client = keys(&answer.connection).await?;
        let wrapped = client.wrapped(WrappedRequest {}).await;
        let wrapped = wrapped.map_err(|status| answer.connection.failed(&status))?.into_inner();
        let records = wrapped.records.into_iter().map(DataKeyRecord::decode).collect::<Result<Vec<_>, _>>()?;
        let name = recipient.name();
        let (meant, others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.wraps.iter().any(|wrap| wrap.provider == name));
        if meant.is_empty() {
            let others: BTreeSet<_> =
                others.into_iter().flat_map(|record| record.wraps).map(|wrap| wrap.provider).collect();
            let others = others.into_iter().collect::<Vec<_>>().join(", ");
            return Err(ClientError::NothingToRecover { recipient: name, others });
        }
        let passphrase = passphrase.read(false)?;
        let mut keys = Vec::with_capacity(meant.len());
        for record in meant {
            let key = RecoveryKey::derive(&passphrase, &recipient)?;
            let material = unwrap_elsewhere(wrapped.cluster_id, &record, key)?;
            keys.push(UnwrappedKey { id: record.id, material: Bytes::from_owner(material) });
        }
        let response = client.recover(RecoverRequest { keys }).await;
        let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
        let recovered = Recovered { recovered: response.recovered, policy_epoch: response.policy_epoch };
        let table = Table::single([
            ("DATA KEYS RECOVERED", recovered.recovered.to_string()),
            ("EPOCH", recovered.policy_epoch.to_string()),
        ]);
        Ok(print(answer.output, &recovered, &table)?)
    }
}

impl Passphrase {
    /// From the file, or typed without being shown; twice, if it is a new one.
    fn read(&self, is_new: bool) -> Result<Zeroizing<String>, ClientError> {
        self.passphrase_file.as_deref().map_or_else(|| ask(is_new), secret)
    }
}

fn ask(is_new: bool) -> Result<Zeroizing<String>, ClientError> {
    let passphrase = Zeroizing::new(rpassword::prompt_password("Passphrase: ")?);
    if is_new && *Zeroizing::new(rpassword::prompt_password("The same again: ")?) != *passphrase {
        return Err(ClientError::Passphrase { reason: "the two passphrases differ; nothing was made".to_owned() });
    }
    Ok(passphrase)
}
