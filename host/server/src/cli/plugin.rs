//! `strongroom plugin install|list|show|logs|remove`; what needs no member is in `author`.

use std::path::{Path, PathBuf};

use proto::admin::plugins_client::PluginsClient;
use proto::admin::{
    FailurePolicy, InstallRequest, ListRequest, LogsRequest, Plugin as Installed, PluginMode, RemoveRequest,
};
use serde::Serialize;
use tonic::transport::Channel;

use super::author::{Bench, Inspect, SettingsFile, Test};
use super::client::{ClientError, Connection, read};
use super::table::{Format, Table, print, timestamp};

/// Characters of a digest that a table shows: enough to tell versions apart.
const DIGEST_SHOWN: usize = 12;

/// Admission plugins.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Plugin {
    /// Install a plugin, or replace the one of the same name
    Install(Install),
    /// List the plugins in force
    List(List),
    /// Show how one plugin is bound, with its settings
    Show(Named),
    /// Show what a plugin has logged on the member that is asked
    Logs(Named),
    /// Try out on this machine what a component is and wants
    Inspect(Inspect),
    /// Try out on this machine whether a plugin does what its cases say
    Test(Test),
    /// Try out on this machine how fast a plugin is
    Bench(Bench),
    /// Remove a plugin
    Remove(Named),
}

/// `plugin install`.
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    /// A WebAssembly component that implements the plugin contract
    file: PathBuf,
    /// Name to install it under [default: that of the file, without its ending]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Prefix of the keys to review, may be repeated [default: those that the plugin describes]
    #[arg(long = "prefix", value_name = "PREFIX")]
    prefixes: Vec<String>,
    /// Show the plugin the values of sealed prefixes
    #[arg(long)]
    sees_sealed: bool,
    /// Let a write pass when the plugin cannot give a verdict, rather than deny it
    #[arg(long)]
    fail_open: bool,
    /// Longest time for one review in milliseconds; 0 means the default
    #[arg(long, value_name = "MS", default_value_t = 0)]
    timeout_ms: u32,
    #[command(flatten)]
    settings: SettingsFile,
    /// What becomes of its verdicts
    #[arg(long, value_enum, default_value_t = Mode::Enforce)]
    mode: Mode,
    /// Place among the plugins: those with a smaller number review first
    #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_negative_numbers = true)]
    order: i32,
    /// Let the plugin change what is written
    #[arg(long)]
    may_mutate: bool,
    /// Most memory of one review in MiB; 0 means the default
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    memory_mib: u32,
    #[command(flatten)]
    answer: Answer,
}

/// What becomes of a plugin's verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// They hold
    Enforce,
    /// A denial becomes a warning to whoever wrote
    Warn,
    /// They are only counted and logged
    Observe,
}

/// `plugin list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    answer: Answer,
}

/// `plugin show`, `plugin logs` and `plugin remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Name of the plugin
    name: String,
    #[command(flatten)]
    answer: Answer,
}

/// Options that all client commands have.
#[derive(Debug, clap::Args)]
pub(crate) struct Answer {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}

#[derive(Serialize)]
struct Document {
    plugins: Vec<Row>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    digest: String,
    prefixes: Vec<String>,
    operations: Vec<String>,
    sees_sealed: bool,
    failure_policy: &'static str,
    timeout_ms: u32,
    policy_epoch: u64,
    component_bytes: u64,
    mode: &'static str,
    order: i32,
    may_mutate: bool,
    memory_mib: u32,
    settings: String,
}

#[derive(Serialize)]
struct LogDocument {
    lines: Vec<LogRow>,
}

#[derive(Serialize)]
struct LogRow {
    time: String,
    level: String,
    message: String,
}

#[derive(Serialize)]
struct Removed {
    removed: String,
    policy_epoch: u64,
}

impl Plugin {
    /// Asks the member and prints its answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        match self {
            Self::Install(install) => install.run().await,
            Self::List(list) => list.run().await,
            Self::Show(named) => named.show().await,
            Self::Logs(named) => named.logs().await,
            Self::Inspect(inspect) => inspect.run(),
            Self::Test(test) => test.run(),
            Self::Bench(bench) => bench.run(),
            Self::Remove(named) => named.remove().await,
        }
    }
}

impl Install {
    async fn run(self) -> Result<(), ClientError> {
        let (component, settings) = (read(&self.file)?, self.settings.read()?);
        let policy = if self.fail_open { FailurePolicy::Ignore } else { FailurePolicy::Fail };
        let request = InstallRequest {
            name: self.name.unwrap_or_else(|| name_of(&self.file)),
            component: component.into(),
            prefixes: self.prefixes.into_iter().map(Into::into).collect(),
            sees_sealed: self.sees_sealed,
            failure_policy: policy.into(),
            timeout_ms: self.timeout_ms,
            settings,
            mode: PluginMode::from(self.mode).into(),
            order: self.order,
            may_mutate: self.may_mutate,
            memory_mib: self.memory_mib,
        };
        let connection = &self.answer.connection;
        let response =
            plugins(connection).await?.install(request).await.map_err(|s| connection.failed(&s))?.into_inner();
        show(&self.answer, response.plugin.into_iter().collect(), response.policy_epoch)
    }
}

impl List {
    async fn run(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let response =
            plugins(connection).await?.list(ListRequest {}).await.map_err(|s| connection.failed(&s))?.into_inner();
        show(&self.answer, response.plugins, response.policy_epoch)
    }
}

impl Named {
    async fn show(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let listed =
            plugins(connection).await?.list(ListRequest {}).await.map_err(|s| connection.failed(&s))?.into_inner();
        let found = listed.plugins.into_iter().find(|plugin| plugin.name == self.name);
        let row = Row::from(found.ok_or_else(|| ClientError::NoSuchPlugin { name: self.name.clone() })?);
        let mut table = Table::new(&["FIELD", "VALUE"]);
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(&row) else {
            unreachable!("a row has fields")
        };
        for (field, value) in fields {
            let shown = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Array(texts) => {
                    texts.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => other.to_string(),
            };
            table.row(vec![field, shown]);
        }
        Ok(print(self.answer.output, &row, &table)?)
    }

    async fn logs(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let request = LogsRequest { name: self.name };
        let response = plugins(connection).await?.logs(request).await.map_err(|s| connection.failed(&s))?.into_inner();
        let lines = response.lines.into_iter().map(|line| LogRow {
            time: timestamp(line.unix_milliseconds / 1000),
            level: line.level,
            message: line.message,
        });
        let document = LogDocument { lines: lines.collect() };
        let mut table = Table::new(&["TIME", "LEVEL", "MESSAGE"]);
        for line in &document.lines {
            table.row(vec![line.time.clone(), line.level.clone(), line.message.clone()]);
        }
        Ok(print(self.answer.output, &document, &table)?)
    }

    async fn remove(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let request = RemoveRequest { name: self.name.clone() };
        let response =
            plugins(connection).await?.remove(request).await.map_err(|s| connection.failed(&s))?.into_inner();
        let mut table = Table::new(&["REMOVED", "EPOCH"]);
        table.row(vec![self.name.clone(), response.policy_epoch.to_string()]);
        let document = Removed { removed: self.name, policy_epoch: response.policy_epoch };
        Ok(print(self.answer.output, &document, &table)?)
    }
}

impl From<Mode> for PluginMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Warn => Self::Warn,
            Mode::Observe => Self::Observe,
        }
    }
}

/// Compilers put underscores where names of plugins have hyphens.
fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-")
}

async fn plugins(connection: &Connection) -> Result<PluginsClient<Channel>, ClientError> {
    Ok(PluginsClient::new(connection.open().await?))
}

fn show(answer: &Answer, plugins: Vec<Installed>, policy_epoch: u64) -> Result<(), ClientError> {
    let rows: Vec<Row> = plugins.into_iter().map(Row::from).collect();
    let mut table = Table::new(&["NAME", "VERSION", "PREFIXES", "OPERATIONS", "MODE", "ON FAILURE", "EPOCH", "DIGEST"]);
    for row in &rows {
        table.row(vec![
            row.name.clone(),
            row.version.clone(),
            row.prefixes.join(","),
            row.operations.join(","),
            row.mode.to_owned(),
            row.failure_policy.to_owned(),
            row.policy_epoch.to_string(),
            row.digest.chars().take(DIGEST_SHOWN).collect(),
        ]);
    }
    Ok(print(answer.output, &Document { plugins: rows, policy_epoch }, &table)?)
}

impl From<Installed> for Row {
    fn from(plugin: Installed) -> Self {
        let failure_policy = match plugin.failure_policy() {
            FailurePolicy::Fail => "deny",
            FailurePolicy::Ignore => "ignore",
        };
        let mode = match plugin.mode() {
            PluginMode::Enforce => "enforce",
            PluginMode::Warn => "warn",
            PluginMode::Observe => "observe",
        };
        Self {
            failure_policy,
            mode,
            order: plugin.order,
            may_mutate: plugin.may_mutate,
            memory_mib: plugin.memory_mib,
            settings: plugin.settings,
            prefixes: plugin.prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect(),
            name: plugin.name,
            version: plugin.version,
            digest: plugin.digest,
            operations: plugin.operations,
            sees_sealed: plugin.sees_sealed,
            timeout_ms: plugin.timeout_ms,
            policy_epoch: plugin.policy_epoch,
            component_bytes: plugin.component_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_as_its_file_is() {
        assert_eq!(name_of(Path::new("target/release/no_secrets.wasm")), "no-secrets");
    }
}
