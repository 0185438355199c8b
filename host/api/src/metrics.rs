//! What the doors count, and the page that shows what everybody counts.
//!
//! Every owner registers its own families with [`Metrics::register`]. No label ever holds a key, a value or a name that
//! a client chose: methods come from the table of classes, codes from gRPC.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use flow::Member;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info};
use prometheus_client::registry::Registry;
use tonic::Code;

use crate::class::Method;

/// The content type of the page.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry and the families of this crate. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    started: Family<CallLabels, Counter>,
    handled: Family<HandledLabels, Counter>,
    member: MemberGauges,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandledLabels {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: &'static str,
}

impl Metrics {
    /// A registry that holds the families of the doors.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let (started, handled) = (Family::default(), Family::default());
        registry.register("grpc_server_started", "RPCs that were started", started.clone());
        registry.register("grpc_server_handled", "RPCs that ended, by code", handled.clone());
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("strongroom_build", "The version that runs", build);
        let member = MemberGauges::registered_in(&mut registry);
        Self { registry: Arc::new(Mutex::new(registry)), started, handled, member }
    }

    /// Lets an owner register its families.
    pub fn register<T>(&self, owner: impl FnOnce(&mut Registry) -> T) -> T {
        owner(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn count_started(&self, method: Method) {
        let labels =
            CallLabels { grpc_type: method.kind.name(), grpc_service: method.service, grpc_method: method.name };
        self.started.get_or_create(&labels).inc();
    }

    pub(crate) fn count_handled(&self, method: Method, code: Code) {
        let grpc_code = code_name(code);
        let labels = HandledLabels {
            grpc_type: method.kind.name(),
            grpc_service: method.service,
            grpc_method: method.name,
            grpc_code,
        };
        self.handled.get_or_create(&labels).inc();
    }

    /// The page, with the gauges of the member as they are now.
    pub(crate) fn page(&self, member: &Member) -> Result<String, fmt::Error> {
        self.member.read(member);
        let mut page = String::new();
        text::encode(&mut page, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(page)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// etcd's gauges that dashboards and alerts read, taken from the member's status when the page is asked for.
#[derive(Clone, Default)]
struct MemberGauges {
    has_leader: Gauge,
    is_leader: Gauge,
    revision: Gauge,
    applied: Gauge<u64, AtomicU64>,
    size: Gauge,
    size_in_use: Gauge,
}

impl MemberGauges {
    fn registered_in(registry: &mut Registry) -> Self {
        let own = Self::default();
        registry.register("etcd_server_has_leader", "Whether there is a leader", own.has_leader.clone());
        registry.register("etcd_server_is_leader", "Whether this member leads", own.is_leader.clone());
        registry.register("etcd_debugging_mvcc_current_revision", "Revision of the store", own.revision.clone());
        registry.register("etcd_server_proposals_applied_total", "Last log index applied", own.applied.clone());
        registry.register("etcd_mvcc_db_total_size_in_bytes", "Size of the store on disk", own.size.clone());
        registry.register("etcd_mvcc_db_total_size_in_use_in_bytes", "Size of live data", own.size_in_use.clone());
        own
    }

    fn read(&self, member: &Member) {
        let status = member.status();
        self.has_leader.set(i64::from(status.body.leader != 0));
        self.is_leader.set(i64::from(status.body.leader == status.header.member_id));
        self.revision.set(status.header.revision);
        self.applied.set(status.body.raft_applied_index);
        self.size.set(status.body.db_size);
        self.size_in_use.set(status.body.db_size_in_use);
    }
}

/// The names that Go's gRPC uses, which etcd's dashboards expect.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let metrics = Metrics::new();
        let method = crate::class::method("/etcdserverpb.KV/Put").unwrap();
        metrics.count_handled(method, Code::Ok);
        metrics.count_handled(method, Code::Ok);
        let mut page = String::new();
        metrics.register(|registry| text::encode(&mut page, registry)).unwrap();
        let line = r#"grpc_server_handled_total{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="OK"} 2"#;
        assert!(page.contains(line), "{page}");
    }
}
