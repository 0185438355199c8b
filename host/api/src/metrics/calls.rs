//! What passes the gate: calls, their ends, their messages and how long they take.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use meters::{
    Doubling, HistogramVec, IntCounter, IntCounterVec, MILLISECONDS, Registry, counter, counters, histograms,
};
use tonic::Code;

use crate::class::{self, CallKind, Method};

/// Versions of clients that are told apart; further ones are `other`. A client may send any text.
const CLIENT_VERSIONS_MAX: usize = 64;

/// Longest version that is taken for one.
const CLIENT_VERSION_BYTES_MAX: usize = 32;

const METHOD_LABELS: [&str; 3] = ["grpc_method", "grpc_service", "grpc_type"];
const END_LABELS: [&str; 4] = ["grpc_code", "grpc_method", "grpc_service", "grpc_type"];

/// The families of the gate.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    started: IntCounterVec,
    handled: IntCounterVec,
    messages_in: IntCounterVec,
    messages_out: IntCounterVec,
    bytes_in: IntCounter,
    bytes_out: IntCounter,
    clients: IntCounterVec,
    request_seconds: HistogramVec,
    range_seconds: HistogramVec,
    /// With `--metrics=extensive`.
    handling_seconds: Option<HistogramVec>,
    client_versions: Mutex<HashSet<String>>,
}

/// Counts the messages of one direction of one call.
#[derive(Clone, Debug)]
pub(crate) struct MessageCounter {
    pub(crate) messages: IntCounter,
    pub(crate) bytes: IntCounter,
}

impl CallMetrics {
    pub(crate) fn registered_in(registry: &Registry, extensive: bool) -> Arc<Self> {
        let own = Self::new(extensive);
        for family in [&own.started, &own.handled, &own.messages_in, &own.messages_out, &own.clients] {
            registry.add(family);
        }
        registry.add(&own.bytes_in);
        registry.add(&own.bytes_out);
        registry.add(&own.request_seconds);
        registry.add(&own.range_seconds);
        if let Some(handling) = &own.handling_seconds {
            registry.add(handling);
        }
        class::all().for_each(|method| own.show_zeros(method));
        Arc::new(own)
    }

    fn new(extensive: bool) -> Self {
        let handled = "Total number of RPCs completed on the server, regardless of success or failure.";
        let request = "Response latency distribution in seconds for each type.";
        let range_bounds = Doubling { start: 0.0001, count: 20 };
        Self {
            started: counters(
                "grpc_server_started_total",
                "Total number of RPCs started on the server.",
                &METHOD_LABELS,
            ),
            handled: counters("grpc_server_handled_total", handled, &END_LABELS),
            messages_in: counters(
                "grpc_server_msg_received_total",
                "Total number of RPC stream messages received on the server.",
                &METHOD_LABELS,
            ),
            messages_out: counters(
                "grpc_server_msg_sent_total",
                "Total number of gRPC stream messages sent by the server.",
                &METHOD_LABELS,
            ),
            bytes_in: counter(
                "etcd_network_client_grpc_received_bytes_total",
                "The total number of bytes received from grpc clients.",
            ),
            bytes_out: counter(
                "etcd_network_client_grpc_sent_bytes_total",
                "The total number of bytes sent to grpc clients.",
            ),
            clients: counters(
                "etcd_server_client_requests_total",
                "The total number of client requests per client version.",
                &["client_api_version", "type"],
            ),
            request_seconds: histograms(
                "etcd_server_request_duration_seconds",
                request,
                &["success", "type"],
                MILLISECONDS,
            ),
            range_seconds: histograms(
                "etcd_server_range_duration_seconds",
                "The latency distributions of txn.Range",
                &["success"],
                range_bounds,
            ),
            handling_seconds: extensive.then(handling),
            client_versions: Mutex::default(),
        }
    }

    /// As in etcd, every call is on the page before it is made the first time.
    fn show_zeros(&self, method: Method) {
        let labels = labels(method);
        for family in [&self.started, &self.messages_in, &self.messages_out] {
            family.with_label_values(&labels);
        }
        for code in 0..=16 {
            self.handled.with_label_values(&end_labels(method, Code::from(code)));
        }
    }

    pub(crate) fn count_started(&self, method: Method, client_version: Option<&str>) {
        self.started.with_label_values(&labels(method)).inc();
        let kind = if method.kind == CallKind::Unary { "unary" } else { "stream" };
        self.clients.with_label_values(&[&self.known_version(client_version), kind]).inc();
    }

    pub(crate) fn count_handled(&self, method: Method, code: Code, took: Duration) {
        self.handled.with_label_values(&end_labels(method, code)).inc();
        let success = if code == Code::Ok { "true" } else { "false" };
        if let Some(name) = request_type(method) {
            self.request_seconds.with_label_values(&[success, name]).observe(took.as_secs_f64());
        }
        if method.name == "Range" {
            self.range_seconds.with_label_values(&[success]).observe(took.as_secs_f64());
        }
        if let Some(handling) = &self.handling_seconds {
            handling.with_label_values(&labels(method)).observe(took.as_secs_f64());
        }
    }

    pub(crate) fn received(&self, method: Method) -> MessageCounter {
        let messages = self.messages_in.with_label_values(&labels(method));
        MessageCounter { messages, bytes: self.bytes_in.clone() }
    }

    pub(crate) fn sent(&self, method: Method) -> MessageCounter {
        let messages = self.messages_out.with_label_values(&labels(method));
        MessageCounter { messages, bytes: self.bytes_out.clone() }
    }

    /// The version if it is one that the page may show.
    fn known_version(&self, version: Option<&str>) -> String {
        let Some(version) = version else { return "unknown".to_owned() };
        let of_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if version.len() > CLIENT_VERSION_BYTES_MAX || !version.chars().all(of_version) {
            return "other".to_owned();
        }
        let mut known = self.client_versions.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(version) && known.len() >= CLIENT_VERSIONS_MAX {
            return "other".to_owned();
        }
        known.insert(version.to_owned());
        version.to_owned()
    }
}

fn handling() -> HistogramVec {
    // The bounds of Go's gRPC, which double only roughly, would be a family of their own; these cover the same stretch.
    histograms(
        "grpc_server_handling_seconds",
        "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
        &METHOD_LABELS,
        MILLISECONDS,
    )
}

fn labels(method: Method) -> [&'static str; 3] {
    [method.name, method.service, method.kind.name()]
}

fn end_labels(method: Method, code: Code) -> [&'static str; 4] {
    [code_name(code), method.name, method.service, method.kind.name()]
}

/// What etcd calls a request in its own histogram; `None` for those that it does not time.
fn request_type(method: Method) -> Option<&'static str> {
    Some(match (method.service, method.name) {
        ("etcdserverpb.KV", "Compact") => "Compaction",
        ("etcdserverpb.KV", "RangeStream") => return None,
        ("etcdserverpb.Auth", "UserAdd") => "AuthUserAdd",
        ("etcdserverpb.Auth", "UserDelete") => "AuthUserDelete",
        ("etcdserverpb.Auth", "UserGet") => "AuthUserGet",
        ("etcdserverpb.Auth", "UserList") => "AuthUserList",
        ("etcdserverpb.Auth", "UserChangePassword") => "AuthUserChangePassword",
        ("etcdserverpb.Auth", "UserGrantRole") => "AuthUserGrantRole",
        ("etcdserverpb.Auth", "UserRevokeRole") => "AuthUserRevokeRole",
        ("etcdserverpb.Auth", "RoleAdd") => "AuthRoleAdd",
        ("etcdserverpb.Auth", "RoleDelete") => "AuthRoleDelete",
        ("etcdserverpb.Auth", "RoleGet") => "AuthRoleGet",
        ("etcdserverpb.Auth", "RoleList") => "AuthRoleList",
        ("etcdserverpb.Auth", "RoleGrantPermission") => "AuthRoleGrantPermission",
        ("etcdserverpb.Auth", "RoleRevokePermission") => "AuthRoleRevokePermission",
        ("etcdserverpb.KV" | "etcdserverpb.Auth", name) => name,
        (_, name @ ("LeaseGrant" | "LeaseRevoke" | "Alarm")) => name,
        _ => return None,
    })
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

    fn put() -> Method {
        class::method("/etcdserverpb.KV/Put").unwrap()
    }

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let registry = Registry::default();
        let calls = CallMetrics::registered_in(&registry, false);
        calls.count_handled(put(), Code::Ok, Duration::from_millis(3));
        calls.count_handled(put(), Code::Ok, Duration::from_millis(3));
        let page = registry.page().unwrap();
        for line in [
            r#"grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 2"#,
            r#"grpc_server_started_total{grpc_method="Snapshot",grpc_service="etcdserverpb.Maintenance",grpc_type="server_stream"} 0"#,
            r#"etcd_server_request_duration_seconds_bucket{success="true",type="Put",le="0.004"} 2"#,
        ] {
            assert!(page.contains(line), "{line}");
        }
    }

    #[test]
    fn a_client_does_not_choose_what_is_on_the_page() {
        let registry = Registry::default();
        let calls = CallMetrics::registered_in(&registry, false);
        for version in ["3.7.3", "a b", &"9".repeat(33)] {
            calls.count_started(put(), Some(version));
        }
        (0..1000).for_each(|minor| calls.count_started(put(), Some(&format!("4.{minor}"))));
        let page = registry.page().unwrap();
        let shown = page.lines().filter(|line| line.starts_with("etcd_server_client_requests_total{")).count();
        assert_eq!(shown, CLIENT_VERSIONS_MAX + 1);
        assert!(page.contains(r#"etcd_server_client_requests_total{client_api_version="3.7.3",type="unary"} 1"#));
    }
}
