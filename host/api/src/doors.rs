//! Which services stand behind which listener.

use std::sync::Arc;
use std::time::Duration;

use auth::Administrators;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flow::Member;
use proto::admin::{keys_server::KeysServer, plugins_server::PluginsServer};
use proto::etcdserverpb::{
    auth_server::AuthServer, cluster_server::ClusterServer, kv_server::KvServer, lease_server::LeaseServer,
    maintenance_server::MaintenanceServer, watch_server::WatchServer,
};
use proto::v3electionpb::election_server::ElectionServer;
use proto::v3lockpb::lock_server::LockServer;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::admin::{KeysDoor, PluginsDoor};
use crate::cluster::ClusterDoor;
use crate::gate::{Audience, Gate, guard, unknown};
use crate::health;
use crate::kv::KvDoor;
use crate::lease::LeaseDoor;
use crate::maintenance::MaintenanceDoor;
use crate::metrics::{self, Metrics};
use crate::unserved::{AuthDoor, ElectionDoor, LockDoor};
use crate::watch::WatchDoor;

/// What a message may be larger than the largest request, as in etcd. A request between the two is read, and answered
/// with etcd's own error.
pub const MESSAGE_OVERHEAD_BYTES: usize = 512 * 1024;

/// Largest message that an administrator may send. It is above [`admission::limits::COMPONENT_BYTES_MAX`], so that a
/// component which is too large is refused with the sentence that says so.
pub const ADMIN_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often a watch that asked for it hears of progress when nothing else happens: etcd's default.
pub const WATCH_PROGRESS_INTERVAL: Duration = Duration::from_secs(600);

/// What the doors are told by the server.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// Who may change the cluster, by way of the admin listener.
    pub administrators: Administrators,
    /// Who counts as one of them on the client listener. Its authority may be another, whose certificates say nothing
    /// about administrators: then nobody.
    pub client_administrators: Administrators,
    /// How often a watch that asked for it hears of progress.
    pub watch_progress_interval: Duration,
    /// Ends the streams, which would never end by themselves, when the member shuts down.
    pub shutdown: CancellationToken,
}

impl DoorSettings {
    /// The usual settings. On the client listener nobody is an administrator.
    #[must_use]
    pub fn new(administrators: Administrators, shutdown: CancellationToken) -> Self {
        let client_administrators = Administrators::default();
        Self { administrators, client_administrators, watch_progress_interval: WATCH_PROGRESS_INTERVAL, shutdown }
    }
}

/// All doors of one member. Each method gives the routes of one listener, for [`crate::serve`].
#[derive(Clone)]
pub struct Doors {
    member: Member,
    administrators: Arc<Administrators>,
    client_administrators: Arc<Administrators>,
    watch_progress_interval: Duration,
    shutdown: CancellationToken,
    metrics: Metrics,
}

impl Doors {
    /// The doors of `member`.
    #[must_use]
    pub fn new(member: Member, settings: DoorSettings) -> Self {
        Self {
            member,
            administrators: Arc::new(settings.administrators),
            client_administrators: Arc::new(settings.client_administrators),
            watch_progress_interval: settings.watch_progress_interval,
            shutdown: settings.shutdown,
            metrics: Metrics::new(),
        }
    }

    /// Where the other owners register what they count.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The client listener: etcd's services, `/health` and `/version`.
    pub fn client_routes(&self) -> Router {
        let pages = health::public_routes().with_state(self.member.clone());
        self.guarded(self.etcd_services(Audience::Clients), Audience::Clients).merge(pages).fallback(no_such_page)
    }

    /// The admin listener: the admin services and everything that the client listener has, for administrators only.
    pub fn admin_routes(&self) -> Router {
        let plugins = PluginsServer::new(PluginsDoor { member: self.member.clone() });
        let keys = KeysServer::new(KeysDoor { member: self.member.clone() });
        let services = self
            .etcd_services(Audience::Administrators)
            .add_service(plugins.max_decoding_message_size(ADMIN_MESSAGE_BYTES_MAX))
            .add_service(keys.max_decoding_message_size(self.message_bytes_max()));
        self.guarded(services, Audience::Administrators).fallback(no_such_page)
    }

    /// The metrics listener: `/metrics`, `/health`, `/livez`, `/readyz`, `/version`. No service.
    pub fn metrics_routes(&self) -> Router {
        let page = Router::new().route("/metrics", get(show_metrics)).with_state(self.clone());
        health::routes().with_state(self.member.clone()).merge(page).fallback(no_such_page)
    }

    /// The peer listener: `/health` and `/version`. A member alone has no peer to speak Raft with.
    pub fn peer_routes(&self) -> Router {
        health::public_routes().with_state(self.member.clone()).fallback(no_such_page)
    }

    fn administrators(&self, audience: Audience) -> Arc<Administrators> {
        match audience {
            Audience::Clients => self.client_administrators.clone(),
            Audience::Administrators => self.administrators.clone(),
        }
    }

    fn etcd_services(&self, audience: Audience) -> Routes {
        let member = || self.member.clone();
        let (shutdown, progress_interval) = (self.shutdown.clone(), self.watch_progress_interval);
        let watch = WatchDoor { member: member(), progress_interval, shutdown: shutdown.clone() };
        let maintenance = MaintenanceDoor { member: member(), administrators: self.administrators(audience) };
        let lease = LeaseDoor { member: member(), shutdown };
        let largest = self.message_bytes_max();
        Routes::new(KvServer::new(KvDoor { member: member() }).max_decoding_message_size(largest))
            .add_service(WatchServer::new(watch).max_decoding_message_size(largest))
            .add_service(LeaseServer::new(lease).max_decoding_message_size(largest))
            .add_service(ClusterServer::new(ClusterDoor { member: member() }))
            .add_service(MaintenanceServer::new(maintenance))
            .add_service(AuthServer::new(AuthDoor))
            .add_service(LockServer::new(LockDoor))
            .add_service(ElectionServer::new(ElectionDoor))
    }

    /// Largest message that a client may send.
    fn message_bytes_max(&self) -> usize {
        self.member.max_request_bytes().saturating_add(MESSAGE_OVERHEAD_BYTES)
    }

    fn guarded(&self, services: Routes, audience: Audience) -> Router {
        let (administrators, metrics) = (self.administrators(audience), self.metrics.clone());
        let gate = Gate { audience, administrators, metrics };
        services.prepare().into_axum_router().layer(from_fn_with_state(gate, guard))
    }
}

async fn show_metrics(State(doors): State<Doors>) -> Response {
    match doors.metrics.page(&doors.member) {
        Ok(page) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What is behind no door: an answer in the caller's own protocol.
async fn no_such_page(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
        return unknown();
    }
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}
