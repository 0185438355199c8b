//! `strongroom seal list|add|remove`.

use std::time::Duration;

use proto::admin::seal_client::SealClient;
use proto::admin::{ListRulesRequest, RemoveRuleRequest, Rule, SetRuleRequest};
use serde::Serialize;
use tonic::transport::Channel;

use super::client::{ClientError, Connection};
use super::plugin::Answer;
use super::table::{Table, print};

/// What is sealed.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Seal {
    /// List the rules; of those that cover a key the one with the longest prefix counts
    List(Answer),
    /// Seal a prefix, or change how it is sealed; what is there already is sealed in the background
    Add(Add),
    /// Remove a rule: its prefix is treated as the one around it, or is not sealed at all
    Remove(Remove),
}

/// `seal add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The prefix, such as /registry/secrets/
    prefix: String,
    /// Leave values under this prefix plain, although a shorter prefix is sealed
    #[arg(long, conflicts_with_all = ["provider", "rotate_after", "rotate_after_uses", "pad_to"])]
    plain: bool,
    /// Root-key provider that wraps its data keys, by its name in the members' seal configuration [default: their default]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    provider: String,
    /// Age at which a data key is replaced, as 90d, 12h or 30m [default: never]
    #[arg(long, value_name = "AGE", value_parser = seal::parse_period)]
    rotate_after: Option<Duration>,
    /// Uses after which a data key is replaced [default: 2^31]
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    rotate_after_uses: u64,
    /// Pad values to one of these sizes in bytes before they are sealed, ascending
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pad_to: Vec<u32>,
    /// Confirm that values which are sealed now are to be stored in plain text
    #[arg(long)]
    yes_store_plaintext: bool,
    #[command(flatten)]
    answer: Answer,
}

/// `seal remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// The prefix of the rule
    prefix: String,
    /// Confirm that values which are sealed now are to be stored in plain text
    #[arg(long)]
    yes_store_plaintext: bool,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct Document {
    rules: Vec<Row>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct Row {
    prefix: String,
    sealed: bool,
    provider: String,
    rotate_after_seconds: u64,
    rotate_after_uses: u64,
    padding_bytes: Vec<u32>,
}

#[derive(Serialize)]
struct Changed {
    prefix: String,
    policy_epoch: u64,
}

impl Seal {
    /// Asks the member and prints its answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        match self {
            Self::List(answer) => list(&answer).await,
            Self::Add(add) => add.run().await,
            Self::Remove(remove) => remove.run().await,
        }
    }
}

async fn list(answer: &Answer) -> Result<(), ClientError> {
    let connection = &answer.connection;
    let response = seal(connection).await?.list(ListRulesRequest {}).await;
    let response = response.map_err(|status| connection.failed(&status))?.into_inner();
    let rows: Vec<Row> = response.rules.into_iter().map(Row::from).collect();
    let mut table = Table::new(&["PREFIX", "VALUES", "PROVIDER", "ROTATED AFTER", "OR AFTER USES", "PADDED TO"]);
    for row in &rows {
        let sizes: Vec<_> = row.padding_bytes.iter().map(u32::to_string).collect();
        let default_or = |zero: bool, text: String, default: &str| if zero { default.to_owned() } else { text };
        table.row(vec![
            row.prefix.clone(),
            if row.sealed { "sealed" } else { "plain" }.to_owned(),
            default_or(row.provider.is_empty(), row.provider.clone(), "default"),
            default_or(row.rotate_after_seconds == 0, format!("{}s", row.rotate_after_seconds), "never"),
            default_or(row.rotate_after_uses == 0, row.rotate_after_uses.to_string(), "default"),
            default_or(sizes.is_empty(), sizes.join(","), "not"),
        ]);
    }
    Ok(print(answer.output, &Document { rules: rows, policy_epoch: response.policy_epoch }, &table)?)
}

impl Add {
    async fn run(self) -> Result<(), ClientError> {
        let rule = Rule {
            prefix: self.prefix.clone().into(),
            sealed: !self.plain,
            provider: self.provider,
            rotate_after_seconds: self.rotate_after.map_or(0, |after| after.as_secs()),
            rotate_after_uses: self.rotate_after_uses,
            padding_bytes: self.pad_to,
        };
        let request = SetRuleRequest { rule: Some(rule), yes_store_plaintext: self.yes_store_plaintext };
        let connection = &self.answer.connection;
        let response = seal(connection).await?.set(request).await;
        let response = response.map_err(|status| connection.failed(&status))?.into_inner();
        changed(&self.answer, self.prefix, response.policy_epoch)
    }
}

impl Remove {
    async fn run(self) -> Result<(), ClientError> {
        let Self { prefix, yes_store_plaintext, answer } = self;
        let request = RemoveRuleRequest { prefix: prefix.clone().into(), yes_store_plaintext };
        let response = seal(&answer.connection).await?.remove(request).await;
        let response = response.map_err(|status| answer.connection.failed(&status))?.into_inner();
        changed(&answer, prefix, response.policy_epoch)
    }
}

fn changed(answer: &Answer, prefix: String, policy_epoch: u64) -> Result<(), ClientError> {
    let mut table = Table::new(&["PREFIX", "EPOCH"]);
    table.row(vec![prefix.clone(), policy_epoch.to_string()]);
    Ok(print(answer.output, &Changed { prefix, policy_epoch }, &table)?)
}

async fn seal(connection: &Connection) -> Result<SealClient<Channel>, ClientError> {
    Ok(SealClient::new(connection.open().await?))
}

impl From<Rule> for Row {
    fn from(rule: Rule) -> Self {
        Self {
            prefix: String::from_utf8_lossy(&rule.prefix).into_owned(),
            sealed: rule.sealed,
            provider: rule.provider,
            rotate_after_seconds: rule.rotate_after_seconds,
            rotate_after_uses: rule.rotate_after_uses,
            padding_bytes: rule.padding_bytes,
        }
    }
}
