//! The pages for probes: `/health`, `/livez`, `/readyz`, and `/version`, as etcd answers them, down to the content types.

use std::fmt::Write as _;
use std::time::Duration;

use auth::AdminAccess;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use flow::{CLUSTER_ID_HEADER, Member, REMOVED_HEADER};
use proto::etcdserverpb::AlarmType;
use serde::Serialize;

use crate::front::plain;
use crate::metrics::ProbeMetrics;

pub use flow::ETCD_VERSION;

/// How long a probe's read may take: etcd's own request timeout with its default election timeout.
const READ_TIMEOUT: Duration = Duration::from_secs(7);

type Parameters = Query<Vec<(String, String)>>;

/// Who is asked, and where it is counted.
#[derive(Clone)]
pub(crate) struct Probed {
    pub(crate) member: Member,
    pub(crate) metrics: ProbeMetrics,
    /// How much an admin call asks of its caller on the client listener.
    pub(crate) admin_access: AdminAccess,
}

/// The pages that the peer listener has as well.
pub(crate) fn public_routes() -> Router<Probed> {
    Router::new().route("/health", page_of(any(health))).route("/version", page_of(any(version)))
}

/// The page that only the peer listener has: who the members are, for one that is to join them.
pub(crate) fn members_route() -> Router<Probed> {
    Router::new().route("/members", page_of(any(members)))
}

async fn members(State(probed): State<Probed>) -> Response {
    match probed.member.members_page() {
        Ok(page) => {
            let removed: Vec<_> = page.removed.iter().map(|id| format!("{id:x}")).collect();
            let headers = [
                (CLUSTER_ID_HEADER, format!("{:x}", page.cluster_id)),
                (REMOVED_HEADER, removed.join(",")),
                ("content-type", "application/json".to_owned()),
            ];
            (headers, json(&page.members)).into_response()
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// All pages of this file.
pub(crate) fn routes() -> Router<Probed> {
    let router = public_routes().merge(checked("/livez", LIVEZ));
    router.merge(checked("/readyz", READYZ))
}

/// A page that can be read, and nothing else done with it; as in etcd, not even `HEAD`.
pub(crate) fn page_of<S: Clone + Send + Sync + 'static>(page: MethodRouter<S>) -> MethodRouter<S> {
    page.layer(from_fn(async |request: Request, next: Next| {
        if request.method() == Method::GET {
            return next.run(request).await;
        }
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        refused
    }))
}

#[derive(Serialize)]
struct Health {
    health: &'static str,
    reason: String,
}

async fn health(State(probed): State<Probed>, Query(parameters): Parameters) -> Response {
    let asked = |name: &str, value: &str| parameters.iter().any(|(n, v)| n == name && v == value);
    let first = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let local = first("serializable") == Some("true");
    let member = &probed.member;
    let checked = no_alarm(member, |alarm| asked("exclude", alarm.as_str_name()));
    let checked = checked.and_then(|()| if local { Ok(()) } else { has_leader(member) });
    let checked = match checked {
        Ok(()) => read(member, local).await.map_err(|error| format!("RANGE ERROR:{error}")),
        Err(reason) => Err(reason),
    };
    probed.metrics.count_health(checked.is_ok());
    match checked {
        Ok(()) => {
            let page = json(&Health { health: "true", reason: String::new() });
            // etcd leaves the type to Go, which takes it for text.
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], page).into_response()
        }
        Err(reason) => {
            tracing::warn!(reason, "health probe answered with a failure");
            plain(StatusCode::SERVICE_UNAVAILABLE, json(&Health { health: "false", reason }))
        }
    }
}

#[derive(Serialize)]
struct Version {
    etcdserver: &'static str,
    etcdcluster: String,
    storage: String,
}

async fn version(State(probed): State<Probed>) -> Response {
    match probed.member.cluster_version() {
        Ok(cluster) => {
            let version = Version { etcdserver: ETCD_VERSION, etcdcluster: cluster.clone(), storage: cluster };
            ([(header::CONTENT_TYPE, "application/json")], json(&version)).into_response()
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn json(page: &impl Serialize) -> String {
    serde_json::to_string(page).expect("a few strings are JSON")
}

/// One named condition of `/livez` or `/readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    SerializableRead,
    LinearizableRead,
    DataCorruption,
    NonLearner,
}

const LIVEZ: &[Check] = &[Check::SerializableRead];
const READYZ: &[Check] = &[Check::DataCorruption, Check::SerializableRead, Check::LinearizableRead, Check::NonLearner];

/// A page that makes every check, and one below it for each of them.
fn checked(path: &'static str, checks: &'static [Check]) -> Router<Probed> {
    checks.iter().enumerate().fold(Router::new().route(path, page(path, checks)), |router, (at, check)| {
        router.route(&format!("{path}/{}", check.name()), page(path, &checks[at..=at]))
    })
}

fn page(path: &'static str, checks: &'static [Check]) -> MethodRouter<Probed> {
    page_of(any(async move |State(probed): State<Probed>, Query(parameters): Parameters| {
        let excluded =
            |check: &Check| parameters.iter().any(|(name, value)| name == "exclude" && value == check.name());
        let verbose = parameters.iter().any(|(name, _)| name == "verbose");
        let (healthy, mut details) = run(path, checks.iter().filter(|check| !excluded(check)), &probed).await;
        // What is wrong and does not keep the member from being ready.
        if checks == READYZ {
            let mut complaints = probed.member.key_complaints();
            complaints.extend(probed.admin_access.danger().map(str::to_owned));
            details.extend(complaints.iter().map(|complaint| format!("[!]{complaint}\n")));
        }
        report(healthy, verbose, details)
    }))
}

async fn run(path: &str, checks: impl Iterator<Item = &Check>, probed: &Probed) -> (bool, String) {
    let mut details = String::new();
    let mut healthy = true;
    for check in checks {
        let passed = check.passes(&probed.member).await;
        probed.metrics.count_check(path.trim_start_matches('/'), check.name(), passed.is_ok());
        // Writing to a string does not fail.
        let _ = match passed {
            Ok(()) => writeln!(details, "[+]{} ok", check.name()),
            Err(reason) => {
                healthy = false;
                writeln!(details, "[-]{} failed: {reason}", check.name())
            }
        };
    }
    (healthy, details)
}

/// As in etcd, a failure is always told in detail, a success only when asked.
fn report(healthy: bool, verbose: bool, details: String) -> Response {
    if !healthy {
        tracing::warn!(details, "probe answered with a failure");
        return plain(StatusCode::SERVICE_UNAVAILABLE, details);
    }
    let shown = if verbose { details } else { String::new() };
    plain(StatusCode::OK, format!("{shown}ok"))
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::SerializableRead => "serializable_read",
            Self::LinearizableRead => "linearizable_read",
            Self::DataCorruption => "data_corruption",
            Self::NonLearner => "non_learner",
        }
    }

    async fn passes(self, member: &Member) -> Result<(), String> {
        match self {
            Self::SerializableRead => read(member, true).await,
            Self::LinearizableRead => read(member, false).await,
            Self::DataCorruption => no_alarm(member, |alarm| alarm != AlarmType::Corrupt)
                .map_err(|_| format!("alarm activated: {}", AlarmType::Corrupt.as_str_name())),
            Self::NonLearner if member.status().body.is_learner => Err("not supported for learner".to_owned()),
            Self::NonLearner => Ok(()),
        }
    }
}

async fn read(member: &Member, serializable: bool) -> Result<(), String> {
    let read = tokio::time::timeout(READ_TIMEOUT, member.ready(serializable)).await;
    read.map_err(|_| "the read timed out".to_owned())?.map_err(|error| error.to_string())
}

fn has_leader(member: &Member) -> Result<(), String> {
    if member.has_leader() { Ok(()) } else { Err("RAFT NO LEADER".to_owned()) }
}

fn no_alarm(member: &Member, excluded: impl Fn(AlarmType) -> bool) -> Result<(), String> {
    let kind = |alarm| AlarmType::try_from(alarm).unwrap_or(AlarmType::None);
    let raised = member.alarms().body.into_iter().map(|(_, alarm)| kind(alarm)).find(|alarm| !excluded(*alarm));
    match raised {
        None => Ok(()),
        Some(AlarmType::None) => Err("ALARM UNKNOWN".to_owned()),
        Some(alarm) => Err(format!("ALARM {}", alarm.as_str_name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_detail_and_a_success_only_when_asked() {
        let code = |healthy| report(healthy, false, String::new()).status();
        assert_eq!((code(true), code(false)), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    }

    #[test]
    fn readiness_is_more_than_liveness() {
        assert!(LIVEZ.iter().all(|check| READYZ.contains(check)));
        assert!(READYZ.contains(&Check::LinearizableRead) && !LIVEZ.contains(&Check::LinearizableRead));
    }
}
