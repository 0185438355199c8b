//! `strongroom plugin`, as far as it takes a member; what needs none is in `author`.

mod binding;
mod replay;
mod show;
mod upload;

use proto::admin::plugins_client::PluginsClient;
use proto::admin::{
    BindRequest, Binding, ChangeRequest, InstallRequest, ListRequest, LogsRequest, Plugin as Installed, PluginChange,
    RemoveRequest, UpgradeRequest,
};
use serde::Serialize;
use tonic::transport::Channel;

use binding::BindingOptions;
use replay::Replay;
use show::{show, show_all, show_one};
use upload::{Upload, Uploaded};

use super::author::{Bench, Inspect, Keygen, New, Pack, Sign, Test};
use super::client::{ClientError, Connection};
use super::table::{Format, Table, print, timestamp};

/// Admission plugins.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Plugin {
    /// Install a plugin, or replace the one of the same name and how it is bound
    Install(Install),
    /// Put another component in the place of an installed one, bound as before
    Upgrade(Upgrade),
    /// Bind an installed plugin otherwise: what is not named stays as it is
    Bind(Bind),
    /// Put back what the last installation, upgrade or binding replaced
    Rollback(Named),
    /// Turn a plugin off: it stays installed, and writes get past it
    Disable(Named),
    /// Turn a plugin on again
    Enable(Named),
    /// List the installed plugins
    List(List),
    /// Show how one plugin is bound, with its settings
    Show(Named),
    /// Show what a plugin has logged on the member that is asked
    Logs(Named),
    /// Show a plugin that is not installed the writes of the past: what would it have denied?
    Replay(Replay),
    /// Make a folder with a new plugin that works, its cases and the SDK of its language
    New(New),
    /// Make a component of what a compiler wrote
    Pack(Pack),
    /// Try out on this machine what a component is and wants
    Inspect(Inspect),
    /// Try out on this machine whether a plugin does what its cases say
    Test(Test),
    /// Try out on this machine how fast a plugin is
    Bench(Bench),
    /// Make an Ed25519 key to sign plugins with
    Keygen(Keygen),
    /// Sign a component, for members that run signed plugins only
    Sign(Sign),
    /// Remove a plugin
    Remove(Named),
}

/// `plugin install`.
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    #[command(flatten)]
    upload: Upload,
    /// Name to install it under [default: that of the file, without its ending]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    binding: BindingOptions,
    /// Put it in force although a member with a vote does not answer
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    answer: Answer,
}

/// `plugin upgrade`.
#[derive(Debug, clap::Args)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    upload: Upload,
    /// Name of the installed plugin [default: that of the file, without its ending]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Put it in force although a member with a vote does not answer
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    answer: Answer,
}

/// `plugin bind`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bind {
    /// Name of the plugin
    name: String,
    #[command(flatten)]
    binding: BindingOptions,
    #[command(flatten)]
    answer: Answer,
}

/// `plugin list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    answer: Answer,
}

/// What takes the name of a plugin and nothing else.
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
            Self::Upgrade(upgrade) => upgrade.run().await,
            Self::Bind(bind) => bind.run().await,
            Self::Rollback(named) => named.change(PluginChange::RollBack).await,
            Self::Disable(named) => named.change(PluginChange::Disable).await,
            Self::Enable(named) => named.change(PluginChange::Enable).await,
            Self::List(list) => list.run().await,
            Self::Show(named) => named.show().await,
            Self::Logs(named) => named.logs().await,
            Self::Replay(replay) => replay.run().await,
            Self::New(new) => new.run(),
            Self::Pack(pack) => pack.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Test(test) => test.run(),
            Self::Bench(bench) => bench.run(),
            Self::Keygen(keygen) => keygen.run(),
            Self::Sign(sign) => sign.run(),
            Self::Remove(named) => named.remove().await,
        }
    }
}

impl Install {
    async fn run(self) -> Result<(), ClientError> {
        let Uploaded { component, signature } = self.upload.read()?;
        let request = InstallRequest {
            name: self.name.unwrap_or_else(|| self.upload.plugin_name()),
            component: component.into(),
            signature: signature.into(),
            binding: Some(self.binding.over(Binding::default())?),
            force: self.force,
        };
        let connection = &self.answer.connection;
        let answered = plugins(connection).await?.install(request).await;
        show(&self.answer, answered.map_err(|status| connection.failed(&status))?.into_inner())
    }
}

impl Upgrade {
    async fn run(self) -> Result<(), ClientError> {
        let Uploaded { component, signature } = self.upload.read()?;
        let name = self.name.unwrap_or_else(|| self.upload.plugin_name());
        let (component, signature) = (component.into(), signature.into());
        let request = UpgradeRequest { name, component, signature, force: self.force };
        let connection = &self.answer.connection;
        let answered = plugins(connection).await?.upgrade(request).await;
        show(&self.answer, answered.map_err(|status| connection.failed(&status))?.into_inner())
    }
}

impl Bind {
    async fn run(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let installed = installed(connection, &self.name).await?;
        let binding = self.binding.over(installed.binding.unwrap_or_default())?;
        let request = BindRequest { name: self.name, binding: Some(binding), policy_epoch: installed.policy_epoch };
        let answered = plugins(connection).await?.bind(request).await;
        show(&self.answer, answered.map_err(|status| connection.failed(&status))?.into_inner())
    }
}

impl List {
    async fn run(self) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let response =
            plugins(connection).await?.list(ListRequest {}).await.map_err(|s| connection.failed(&s))?.into_inner();
        show_all(&self.answer, response.plugins, response.policy_epoch)
    }
}

impl Named {
    async fn change(self, change: PluginChange) -> Result<(), ClientError> {
        let connection = &self.answer.connection;
        let request = ChangeRequest { name: self.name, change: change.into() };
        let answered = plugins(connection).await?.change(request).await;
        show(&self.answer, answered.map_err(|status| connection.failed(&status))?.into_inner())
    }

    async fn show(self) -> Result<(), ClientError> {
        show_one(&self.answer, installed(&self.answer.connection, &self.name).await?)
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
        let table = Table::single([("REMOVED", self.name.clone()), ("EPOCH", response.policy_epoch.to_string())]);
        let document = Removed { removed: self.name, policy_epoch: response.policy_epoch };
        Ok(print(self.answer.output, &document, &table)?)
    }
}

async fn plugins(connection: &Connection) -> Result<PluginsClient<Channel>, ClientError> {
    Ok(PluginsClient::new(connection.open().await?))
}

async fn installed(connection: &Connection, name: &str) -> Result<Installed, ClientError> {
    let listed = plugins(connection).await?.list(ListRequest {}).await.map_err(|s| connection.failed(&s))?;
    let found = listed.into_inner().plugins.into_iter().find(|plugin| plugin.name == name);
    found.ok_or_else(|| ClientError::NoSuchPlugin { name: name.to_owned() })
}
