//! A member from its bound addresses to its end.

use std::future::Future;

use api::{ConnectionSettings, DoorSettings, Doors, PeerPages};
use axum::Router;
use flow::{Ending, Member};
use futures::future::{join_all, select_all};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::url::Url;
use crate::config::{Config, Door};
use crate::error::ServerError;
use crate::listeners::{Socket, Sockets, urls};
use crate::stop::StopSignal;
use crate::{member, tls};

/// TLS of each listener, where it has one.
struct Tls {
    client: Option<api::Tls>,
    peer: Option<api::Tls>,
    admin: Option<api::Tls>,
    metrics: Option<api::Tls>,
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
    tls: Option<api::Tls>,
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
        let routes = api::Routes::from(self.pages.behind(peers));
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
    tls: Option<&api::Tls>,
    routes: api::Routes,
    connections: ConnectionSettings,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let tls = tls.filter(|_| socket.url.is_tls()).cloned();
    api::serve(socket.listener, tls, routes, connections, shutdown)
}

/// A member whose addresses are bound, and that nobody is served by yet.
pub(crate) struct Starting {
    pub(crate) config: Config,
    pub(crate) sockets: Sockets,
    /// Where other members are listened for.
    pub(crate) peer_urls: Vec<Url>,
    tls: Tls,
    peers: Peers,
}

impl Starting {
    /// Loads the certificates and binds the addresses; what others are told is up to the caller.
    ///
    /// # Errors
    ///
    /// [`ServerError`]: what cannot be used, or is in use.
    pub(crate) async fn bind(config: Config) -> Result<Self, ServerError> {
        let tls = Tls::load(&config)?;
        let mut sockets = Sockets::bind(&config).await?;
        let peer_urls = urls(&sockets.peer);
        let peers = Peers::new(&config, &mut sockets, &tls);
        Ok(Self { config, sockets, peer_urls, tls, peers })
    }

    /// Starts the member, which the others may ask from then on.
    ///
    /// # Errors
    ///
    /// As for [`member::start`].
    pub(crate) async fn start_member(&mut self) -> Result<Member, ServerError> {
        let peers = &mut self.peers;
        member::start(&self.config, |routes| peers.serve(routes)).await
    }

    /// Opens the doors of the member.
    pub(crate) fn serve(self, member: Member) -> Running {
        Running::start(&self.config, member, self.sockets, self.tls, self.peers)
    }
}

/// A member that serves.
pub(crate) struct Running {
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
            hashes_take_administrator: config.hashes_take_administrator,
            second_within: config.second_within,
            ..DoorSettings::new(config.administrators.clone(), shutdown.clone())
        };
        let doors = Doors::new(member.clone(), settings);
        peers.pages.open(&doors);
        let connections = config.connections;
        let mut listeners = JoinSet::new();
        for (sockets, tls, routes) in [
            (sockets.client, tls.client, doors.client_routes()),
            (sockets.admin, tls.admin, doors.admin_routes()),
            (sockets.metrics, tls.metrics, doors.metrics_routes().into()),
        ] {
            for socket in sockets {
                listeners.spawn(serve_socket(socket, tls.as_ref(), routes.clone(), connections, shutdown.clone()));
            }
        }
        Self { member, peers, listeners, shutdown }
    }

    /// Lets open requests end; `api` bounds how long that takes.
    async fn close(&mut self, hands_over: bool) {
        if hands_over {
            // While clients are still served: what they have under way goes to the next leader.
            self.member.hand_over().await;
        }
        self.shutdown.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.member.shutdown().await;
        self.peers.close().await;
    }
}

/// Serves until a signal comes or a member can go on no longer, then stops all members. A second signal cuts it short.
///
/// # Errors
///
/// [`ServerError::Stopped`]: why a member failed. [`ServerError::Rebuild`]: why it needs another state.
pub(crate) async fn until_stopped(mut running: Vec<Running>, stop: &mut StopSignal) -> Result<(), ServerError> {
    let ended = select_all(running.iter().map(|running| Box::pin(running.member.ended())));
    let outcome = tokio::select! {
        signal = stop.received() => {
            tracing::info!(signal, "received signal; shutting down");
            Ok(())
        }
        (ending, ..) = ended => match ending {
            // As in etcd that is a good end: nobody is to start it again.
            Ending::Removed(reason) => {
                tracing::warn!(reason, "the member stops");
                Ok(())
            }
            Ending::Rebuild(reason) => Err(ServerError::Rebuild(reason)),
            Ending::Failed(reason) => Err(ServerError::Stopped(reason)),
        },
    };
    tracing::info!("closing etcd server");
    // Members that stop together have nobody to hand anything over to.
    let hands_over = running.len() == 1;
    let closed = join_all(running.iter_mut().map(|running| running.close(hands_over)));
    tokio::select! {
        _ = closed => tracing::info!("closed etcd server"),
        signal = stop.received() => tracing::warn!(signal, "received a second signal; stopping at once"),
    }
    outcome
}
