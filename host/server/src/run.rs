//! Puts the parts together: bind, start the member, serve, and drain when told to stop.

use std::future::Future;
use std::sync::Arc;

use api::{ConnectionSettings, DoorSettings, Doors, PeerPages};
use auth::Administrator;
use axum::Router;
use flow::{InstallPlugin, Member};
use rustls::ServerConfig;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::banner::Banner;
use crate::bootstrap::{DevDirectory, DirectoryLock, environment};
use crate::cli::Dev;
use crate::config::{Config, Door};
use crate::error::ServerError;
use crate::listeners::{Socket, Sockets, urls};
use crate::stop::StopSignal;
use crate::{announce, member, ready, self_signed, tls};

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
    let directory = DevDirectory::open(&arguments.dir, OffsetDateTime::now_utc())?;
    let mut config = directory.config(&arguments);
    let tls = Tls::load(&config)?;
    let mut sockets = Sockets::bind(&config).await?;
    config.client.advertised = urls(&sockets.client);
    config.peer.advertised = urls(&sockets.peer);
    config.cluster.members = vec![(config.name.clone(), urls(&sockets.peer))];
    let [client, peer, admin, metrics] =
        [&sockets.client, &sockets.peer, &sockets.admin, &sockets.metrics].map(|sockets| sockets[0].url.clone());
    let mut peers = Peers::new(&config, &mut sockets, &tls);
    let started = member::start(&config, |routes| peers.serve(routes));
    let Some(member) = unless_stopped(&mut stop, started).await? else { return Ok(()) };
    if directory.is_unplugged() {
        if unless_stopped(&mut stop, install_bundled_plugin(&member)).await?.is_none() {
            member.shutdown().await;
            return Ok(());
        }
        directory.note_plugged()?;
    }
    let running = Running::start(&config, member, sockets, tls, peers);
    environment::write(&directory.environment(), &client, &admin, directory.certificates())?;
    let program = std::env::current_exe().unwrap_or_else(|_| "strongroom".into());
    let banner = Banner {
        directory: directory.path(),
        environment: &directory.environment(),
        program: &program,
        client: &client,
        peer: &peer,
        admin: &admin,
        metrics: &metrics,
    };
    if let Err(error) = banner.print() {
        tracing::warn!(%error, "the banner could not be printed");
    }
    running.until(stop).await
}

/// `strongroom serve`.
///
/// # Errors
///
/// [`ServerError`].
pub(crate) async fn serve(config: Config) -> Result<(), ServerError> {
    let mut stop = StopSignal::listen()?;
    if config.admin_access.is_unsafe() {
        tracing::warn!(
            flag = "--admin-access",
            value = %config.admin_access,
            "anybody who reaches the client listener may change members, users and alarms, and take the whole data away"
        );
    }
    let _lock = DirectoryLock::take(&config.data_dir, "--data-dir")?;
    self_signed::ensure(&config, OffsetDateTime::now_utc())?;
    let tls = Tls::load(&config)?;
    let mut sockets = Sockets::bind(&config).await?;
    announce::start(&config);
    let peer_urls = urls(&sockets.peer);
    let mut peers = Peers::new(&config, &mut sockets, &tls);
    let started = member::start(&config, |routes| peers.serve(routes));
    let Some(member) = unless_stopped(&mut stop, started).await? else { return Ok(()) };
    announce::ready(&config, &peer_urls, &sockets);
    let running = Running::start(&config, member, sockets, tls, peers);
    ready::tell();
    running.until(stop).await
}

/// One step of the start; `None` when a signal came first.
async fn unless_stopped<T>(
    stop: &mut StopSignal,
    step: impl Future<Output = Result<T, ServerError>>,
) -> Result<Option<T>, ServerError> {
    tokio::select! {
        done = step => done.map(Some),
        signal = stop.received() => {
            tracing::info!(signal, "received signal; stopping before the start was done");
            Ok(None)
        }
    }
}

async fn install_bundled_plugin(member: &Member) -> Result<(), ServerError> {
    let plugin = InstallPlugin {
        name: BUNDLED_PLUGIN_NAME.to_owned(),
        component: BUNDLED_PLUGIN.into(),
        prefixes: Vec::new(),
        sees_sealed: false,
        fail_open: false,
        timeout_ms: 0,
    };
    let installed = member.plugin_install(&Administrator::bootstrap(), plugin).await;
    installed.map(drop).map_err(|error| ServerError::Start(Box::new(error)))
}

/// TLS of each listener, where it has one.
struct Tls {
    client: Option<Arc<ServerConfig>>,
    peer: Option<Arc<ServerConfig>>,
    admin: Option<Arc<ServerConfig>>,
    metrics: Option<Arc<ServerConfig>>,
}

impl Tls {
    fn load(config: &Config) -> Result<Self, ServerError> {
        let of = |door: &Door| door.tls.as_ref().map(|files| tls::for_clients(files, &config.tls)).transpose();
        Ok(Self {
            client: of(&config.client)?,
            peer: of(&config.peer)?,
            admin: config.admin.tls.as_ref().map(tls::for_administrators).transpose()?,
            metrics: of(&config.metrics)?,
        })
    }
}

/// The peer listener: served from before the member has started until after it has stopped, since both need the others.
struct Peers {
    sockets: Vec<Socket>,
    tls: Option<Arc<ServerConfig>>,
    connections: ConnectionSettings,
    pages: PeerPages,
    listeners: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Peers {
    fn new(config: &Config, sockets: &mut Sockets, tls: &Tls) -> Self {
        Self {
            sockets: std::mem::take(&mut sockets.peer),
            tls: tls.peer.clone(),
            connections: config.connections,
            pages: PeerPages::default(),
            listeners: JoinSet::new(),
            shutdown: CancellationToken::new(),
        }
    }

    fn serve(&mut self, peers: Router) {
        let routes = self.pages.behind(peers);
        for socket in self.sockets.drain(..) {
            let (routes, shutdown) = (routes.clone(), self.shutdown.clone());
            self.listeners.spawn(serve_socket(socket, self.tls.as_ref(), routes, self.connections, shutdown));
        }
    }

    async fn close(&mut self) {
        self.shutdown.cancel();
        while self.listeners.join_next().await.is_some() {}
    }
}

fn serve_socket(
    socket: Socket,
    tls: Option<&Arc<ServerConfig>>,
    routes: Router,
    connections: ConnectionSettings,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let tls = tls.filter(|_| socket.url.is_tls()).cloned();
    api::serve(socket.listener, tls, routes, connections, shutdown)
}

/// A member that serves.
struct Running {
    member: Member,
    peers: Peers,
    listeners: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Running {
    fn start(config: &Config, member: Member, sockets: Sockets, tls: Tls, peers: Peers) -> Self {
        let shutdown = CancellationToken::new();
        let settings = DoorSettings {
            client_administrators: config.client_administrators(),
            common_name_counts: config.users.common_name_counts,
            watch_progress_interval: config.timing.watch_progress,
            gateway: config.http.gateway,
            cors: config.http.origins.iter().collect(),
            host_whitelist: config.http.hosts.iter().collect(),
            extensive_metrics: config.extensive_metrics,
            ..DoorSettings::new(config.administrators.clone(), shutdown.clone())
        };
        let doors = Doors::new(member.clone(), settings);
        peers.pages.open(&doors);
        let connections = config.connections;
        let mut listeners = JoinSet::new();
        for (sockets, tls, routes) in [
            (sockets.client, tls.client, doors.client_routes()),
            (sockets.admin, tls.admin, doors.admin_routes()),
            (sockets.metrics, tls.metrics, doors.metrics_routes()),
        ] {
            for socket in sockets {
                listeners.spawn(serve_socket(socket, tls.as_ref(), routes.clone(), connections, shutdown.clone()));
            }
        }
        Self { member, peers, listeners, shutdown }
    }

    /// Serves until a signal comes or the member fails, then lets open requests end; `api` bounds how long that takes.
    /// A second signal cuts it short.
    async fn until(mut self, mut stop: StopSignal) -> Result<(), ServerError> {
        let outcome = tokio::select! {
            signal = stop.received() => {
                tracing::info!(signal, "received signal; shutting down");
                Ok(())
            }
            reason = self.member.failed() => Err(ServerError::Stopped(reason)),
        };
        tracing::info!("closing etcd server");
        // While clients are still served: what they have under way goes to the next leader.
        self.member.hand_over().await;
        self.shutdown.cancel();
        tokio::select! {
            () = self.drain() => tracing::info!("closed etcd server"),
            signal = stop.received() => tracing::warn!(signal, "received a second signal; stopping at once"),
        }
        outcome
    }

    async fn drain(&mut self) {
        while self.listeners.join_next().await.is_some() {}
        self.member.shutdown().await;
        self.peers.close().await;
    }
}
