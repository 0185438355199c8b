//! `strongroom dev`: one member or several in this process, each with listeners and data of its own.

use auth::Administrator;
use flow::{InstallPlugin, Member, Upload};
use futures::future::{join_all, try_join_all};
use time::OffsetDateTime;

use crate::banner::{Banner, Place};
use crate::bootstrap::{DevDirectory, environment};
use crate::cli::Dev;
use crate::error::ServerError;
use crate::listeners::urls;
use crate::run::unless_stopped;
use crate::running::{Starting, until_stopped};
use crate::stop::StopSignal;

/// The plugin that `strongroom dev` installs, as `plugins/build.sh` made it.
const BUNDLED_PLUGIN: &[u8] = include_bytes!(env!("STRONGROOM_BUNDLED_PLUGIN"));

/// Its name.
const BUNDLED_PLUGIN_NAME: &str = "no-secrets-in-configmaps";

/// `strongroom dev`.
///
/// # Errors
///
/// [`ServerError`].
pub(crate) async fn dev(arguments: Dev) -> Result<(), ServerError> {
    let mut stop = StopSignal::listen()?;
    let directory = DevDirectory::open(&arguments.dir, arguments.members, OffsetDateTime::now_utc())?;
    let mut starting = Vec::new();
    for config in directory.configs(&arguments)? {
        starting.push(bind(config).await?);
    }
    // All at once: a majority of them is needed before any has started.
    let members = try_join_all(starting.iter_mut().map(Starting::start_member));
    let Some(members) = unless_stopped(&mut stop, members).await? else { return Ok(()) };
    if directory.is_unplugged() {
        if unless_stopped(&mut stop, Box::pin(install_bundled_plugin(&members[0]))).await?.is_none() {
            join_all(members.iter().map(Member::shutdown)).await;
            return Ok(());
        }
        directory.note_plugged()?;
    }
    let places: Vec<_> = starting.iter().map(Place::of).collect();
    let running = starting.into_iter().zip(members).map(|(starting, member)| starting.serve(member)).collect();
    let clients: Vec<_> = places.iter().map(|place| place.client.clone()).collect();
    environment::write(&directory.environment(), &clients, &places[0].admin, directory.certificates())?;
    let program = std::env::current_exe().unwrap_or_else(|_| "strongroom".into());
    let banner =
        Banner { directory: directory.path(), environment: &directory.environment(), program: &program, places };
    if let Err(error) = banner.print() {
        tracing::warn!(%error, "the banner could not be printed");
    }
    until_stopped(running, &mut stop).await
}

/// Others are told the ports that were found, where any would do.
async fn bind(config: crate::config::Config) -> Result<Starting, ServerError> {
    let mut starting = Starting::bind(config).await?;
    let (client, peer) = (urls(&starting.sockets.client), starting.peer_urls.clone());
    let config = &mut starting.config;
    if let [(_, alone)] = &mut config.cluster.members[..] {
        alone.clone_from(&peer);
    }
    (config.client.advertised, config.peer.advertised) = (client, peer);
    Ok(starting)
}

async fn install_bundled_plugin(member: &Member) -> Result<(), ServerError> {
    let plugin = InstallPlugin {
        name: BUNDLED_PLUGIN_NAME.to_owned(),
        code: Upload { component: BUNDLED_PLUGIN.into(), ..Upload::default() },
        ..InstallPlugin::default()
    };
    let installed = member.plugin_install(&Administrator::bootstrap(), plugin).await;
    installed.map(drop).map_err(|error| ServerError::Start(Box::new(error)))
}
