//! Which services stand behind which listener.

use std::sync::Arc;
use std::time::Duration;

use auth::Administrators;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use flow::Member;
use proto::admin::audit_server::{AuditServer, SERVICE_NAME as AUDIT_SERVICE};
use proto::admin::keys_server::{KeysServer, SERVICE_NAME as KEYS_SERVICE};
use proto::admin::plugins_server::{PluginsServer, SERVICE_NAME as PLUGINS_SERVICE};
use proto::admin::seal_server::{SERVICE_NAME as SEAL_SERVICE, SealServer};
use proto::etcdserverpb::auth_server::{AuthServer, SERVICE_NAME as AUTH_SERVICE};
use proto::etcdserverpb::cluster_server::{ClusterServer, SERVICE_NAME as CLUSTER_SERVICE};
use proto::etcdserverpb::kv_server::{KvServer, SERVICE_NAME as KV_SERVICE};
use proto::etcdserverpb::lease_server::{LeaseServer, SERVICE_NAME as LEASE_SERVICE};
use proto::etcdserverpb::maintenance_server::{MaintenanceServer, SERVICE_NAME as MAINTENANCE_SERVICE};
use proto::etcdserverpb::watch_server::{SERVICE_NAME as WATCH_SERVICE, WatchServer};
use proto::health::health_server::{HealthServer, SERVICE_NAME as HEALTH_SERVICE};
use proto::v3electionpb::election_server::{ElectionServer, SERVICE_NAME as ELECTION_SERVICE};
use proto::v3lockpb::lock_server::{LockServer, SERVICE_NAME as LOCK_SERVICE};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes as TonicRoutes;

use crate::admin::{AuditDoor, KeysDoor, PluginsDoor, SealDoor};
use crate::cluster::ClusterDoor;
use crate::election::ElectionDoor;
use crate::front::{self, AllowList, Front};
use crate::gate::{Audience, Gate, unknown};
use crate::gateway;
use crate::health::{self, Probed};
use crate::kv::KvDoor;
use crate::leadership::Leadership;
use crate::lease::LeaseDoor;
use crate::lock::LockDoor;
use crate::maintenance::MaintenanceDoor;
use crate::metrics::Metrics;
use crate::reflection;
use crate::services::{Guarded, Routes, Services};
use crate::serving::ServingDoor;
use crate::users::AuthDoor;
use crate::variables;
use crate::watch::WatchDoor;

/// What a message may be larger than the largest request, as in etcd. A request between the two is read, and answered
/// with etcd's own error.
pub const MESSAGE_OVERHEAD_BYTES: usize = 512 * 1024;

/// Largest message that an administrator may send. It is above [`admission::limits::COMPONENT_BYTES_MAX`], so that a
/// component which is too large is refused with the sentence that says so.
pub const ADMIN_MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How often a watch that asked for it hears of progress when nothing else happens: etcd's default.
pub const WATCH_PROGRESS_INTERVAL: Duration = Duration::from_secs(600);

/// What reflection tells of on the client listener.
const ETCD_SERVICES: [&str; 9] = [
    KV_SERVICE,
    WATCH_SERVICE,
    LEASE_SERVICE,
    CLUSTER_SERVICE,
    MAINTENANCE_SERVICE,
    AUTH_SERVICE,
    LOCK_SERVICE,
    ELECTION_SERVICE,
    HEALTH_SERVICE,
];

/// What it tells of beside that on the admin listener.
const ADMIN_SERVICES: [&str; 4] = [PLUGINS_SERVICE, KEYS_SERVICE, SEAL_SERVICE, AUDIT_SERVICE];

/// What the doors are told by the server.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// Who may change the cluster, by way of the admin listener.
    pub administrators: Administrators,
    /// Who counts as one of them on the client listener. Its authority may be another, whose certificates say nothing
    /// about administrators: then nobody.
    pub client_administrators: Administrators,
    /// Whether the common name of a client certificate names a user (`--client-cert-auth`).
    pub common_name_counts: bool,
    /// How often a watch that asked for it hears of progress.
    pub watch_progress_interval: Duration,
    /// Whether the JSON gateway is served.
    pub gateway: bool,
    /// Origins whose pages may read what is answered over HTTP.
    pub cors: AllowList,
    /// Hosts by which the member may be addressed over HTTP without TLS.
    pub host_whitelist: AllowList,
    /// Whether `/metrics` also shows how long each kind of call takes.
    pub extensive_metrics: bool,
    /// Whether calls that make a hash of the whole state take an administrator.
    pub hashes_take_administrator: bool,
    /// How long what takes two administrators waits for the second; `None` where one is enough.
    pub second_within: Option<Duration>,
    /// Ends the streams, which would never end by themselves, when the member shuts down.
    pub shutdown: CancellationToken,
}

impl DoorSettings {
    /// The usual settings. On the client listener nobody is an administrator.
    #[must_use]
    pub fn new(administrators: Administrators, shutdown: CancellationToken) -> Self {
        Self {
            administrators,
            client_administrators: Administrators::default(),
            common_name_counts: false,
            watch_progress_interval: WATCH_PROGRESS_INTERVAL,
            gateway: true,
            cors: AllowList::default(),
            host_whitelist: AllowList::default(),
            extensive_metrics: false,
            hashes_take_administrator: false,
            second_within: None,
            shutdown,
        }
    }
}

/// All doors of one member. Each method gives the routes of one listener, for [`crate::serve`].
#[derive(Clone)]
pub struct Doors {
    member: Member,
    administrators: Arc<Administrators>,
    client_administrators: Arc<Administrators>,
    common_name_counts: bool,
    watch_progress_interval: Duration,
    gateway: bool,
    front: Front,
    leadership: Leadership,
    hashes_take_administrator: bool,
    second_within: Option<Duration>,
    shutdown: CancellationToken,
    metrics: Metrics,
}

impl Doors {
    /// The doors of `member`. To be called within a runtime, where they look after the leader until `shutdown`.
    #[must_use]
    pub fn new(member: Member, settings: DoorSettings) -> Self {
        let (led, election_timeout) = (member.clone(), member.election_timeout());
        let metrics = Metrics::new(settings.extensive_metrics);
        member.register_metrics(metrics.registry());
        let leadership = Leadership::watched(move || led.has_leader(), election_timeout, settings.shutdown.clone());
        Self {
            member,
            administrators: Arc::new(settings.administrators),
            client_administrators: Arc::new(settings.client_administrators),
            common_name_counts: settings.common_name_counts,
            watch_progress_interval: settings.watch_progress_interval,
            gateway: settings.gateway,
            front: Front { origins: settings.cors, hosts: settings.host_whitelist },
            leadership,
            hashes_take_administrator: settings.hashes_take_administrator,
            second_within: settings.second_within,
            shutdown: settings.shutdown,
            metrics,
        }
    }

    /// The client listener: etcd's services, the JSON gateway before them, and the pages.
    pub fn client_routes(&self) -> Routes {
        let services = reflection::add(self.etcd_services(), &ETCD_SERVICES);
        let calls = self.guarded(services, Audience::Clients);
        let gateway = match self.gateway {
            true => {
                let warden = self.common_name_counts.then(|| self.member.warden().clone());
                gateway::routes(calls.router(), self.message_bytes_max(), warden)
            }
            false => Router::new(),
        };
        let debug = Router::new().route("/debug/vars", health::page_of(any(variables::show)));
        let pages = gateway.merge(self.pages()).merge(self.probes(debug)).fallback(no_such_page);
        Routes::new(calls, pages.layer(from_fn_with_state(self.front.clone(), front::receive)))
    }

    /// The admin listener: the admin services and everything that the client listener has, each call for whoever holds the
    /// office that it takes.
    pub fn admin_routes(&self) -> Routes {
        let plugins = PluginsServer::new(PluginsDoor { member: self.member.clone(), shutdown: self.shutdown.clone() });
        let keys = KeysServer::new(KeysDoor { member: self.member.clone() });
        let seal = SealServer::new(SealDoor { member: self.member.clone() });
        let services = self
            .etcd_services()
            .add_service(plugins.max_decoding_message_size(ADMIN_MESSAGE_BYTES_MAX))
            .add_service(keys.max_decoding_message_size(self.message_bytes_max()))
            .add_service(seal.max_decoding_message_size(self.message_bytes_max()))
            .add_service(AuditServer::new(AuditDoor { member: self.member.clone(), shutdown: self.shutdown.clone() }));
        let services = reflection::add(services, &[&ETCD_SERVICES[..], &ADMIN_SERVICES].concat());
        Routes::new(self.guarded(services, Audience::Administrators), Router::new().fallback(no_such_page))
    }

    /// The metrics listener: `/metrics`, `/health`, `/livez`, `/readyz`, `/version`. No service.
    pub fn metrics_routes(&self) -> Router {
        self.pages().fallback(no_such_page)
    }

    /// The pages of the peer listener: `/health`, `/version` and `/members`.
    pub(crate) fn peer_routes(&self) -> Router {
        self.probes(health::public_routes().merge(health::members_route())).fallback(no_such_page)
    }

    fn pages(&self) -> Router {
        let page = Router::new().route("/metrics", any(show_metrics)).with_state(self.clone());
        self.probes(health::routes()).merge(page)
    }

    fn probes(&self, pages: Router<Probed>) -> Router {
        let admin_access = self.client_administrators.access();
        pages.with_state(Probed { member: self.member.clone(), metrics: self.metrics.probes.clone(), admin_access })
    }

    fn administrators(&self, audience: Audience) -> Arc<Administrators> {
        match audience {
            Audience::Clients => self.client_administrators.clone(),
            Audience::Administrators => self.administrators.clone(),
        }
    }

    /// All but the one for keys and values.
    fn etcd_services(&self) -> TonicRoutes {
        let member = || self.member.clone();
        let (shutdown, progress_interval) = (self.shutdown.clone(), self.watch_progress_interval);
        let watch = WatchDoor { member: member(), progress_interval, shutdown: shutdown.clone() };
        let maintenance = MaintenanceDoor { member: member(), shutdown: shutdown.clone() };
        let lock = LockDoor { member: member(), shutdown: shutdown.clone() };
        let election = ElectionDoor { member: member(), shutdown: shutdown.clone() };
        let lease = LeaseDoor { member: member(), shutdown };
        let serving = ServingDoor { shutdown: self.shutdown.clone() };
        let largest = self.message_bytes_max();
        TonicRoutes::new(WatchServer::new(watch).max_decoding_message_size(largest))
            .add_service(LeaseServer::new(lease).max_decoding_message_size(largest))
            .add_service(ClusterServer::new(ClusterDoor { member: member() }).max_decoding_message_size(largest))
            .add_service(MaintenanceServer::new(maintenance))
            .add_service(AuthServer::new(AuthDoor { member: member() }))
            .add_service(LockServer::new(lock).max_decoding_message_size(largest))
            .add_service(ElectionServer::new(election).max_decoding_message_size(largest))
            .add_service(HealthServer::new(serving))
    }

    /// Largest message that a client may send.
    fn message_bytes_max(&self) -> usize {
        self.member.max_request_bytes().saturating_add(MESSAGE_OVERHEAD_BYTES)
    }

    fn is_learner(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let member = self.member.clone();
        Arc::new(move || member.is_learner())
    }

    fn guarded(&self, others: TonicRoutes, audience: Audience) -> Guarded {
        let member = self.member.clone();
        let kv = KvServer::new(KvDoor { member: member.clone() }).max_decoding_message_size(self.message_bytes_max());
        let services = Services { kv, others: others.prepare().into_axum_router() };
        let gate = Gate {
            audience,
            administrators: self.administrators(audience),
            warden: self.member.warden().clone(),
            common_name_counts: self.common_name_counts,
            leadership: self.leadership.clone(),
            recorder: Arc::new(self.member.clone()),
            member_id: self.member.header().member_id,
            hashes_take_administrator: self.hashes_take_administrator,
            second_within: self.second_within,
            callers: self.member.identity_limits(),
            is_learner: self.is_learner(),
            slow_after: self.member.warning_unary_request_duration(),
            metrics: self.metrics.calls.clone(),
        };
        Guarded { gate: Arc::new(gate), services, member }
    }
}

async fn show_metrics(State(doors): State<Doors>) -> Response {
    doors.metrics.page(&doors.member)
}

/// What is behind no door: an answer in the caller's own protocol.
async fn no_such_page(request: Request) -> Response {
    if front::is_grpc(request.headers()) {
        return unknown();
    }
    front::plain(StatusCode::NOT_FOUND, "404 page not found")
}
