//! What every request but calls of gRPC passes on the client listener, as in etcd: is its host one of ours, and may a
//! page of another origin read the answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Marks a request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encrypted;

/// A list of `--cors` or `--host-whitelist`. An empty list and one that holds `*` allow everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Arc<BTreeSet<String>>);

impl<S: Into<String>> FromIterator<S> for AllowList {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(Arc::new(names.into_iter().map(Into::into).collect()))
    }
}

impl AllowList {
    fn allows_all(&self) -> bool {
        self.0.is_empty() || self.0.contains("*")
    }

    fn allows(&self, name: &str) -> bool {
        self.allows_all() || self.0.contains(name)
    }
}

/// What the front door decides with.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) origins: AllowList,
    pub(crate) hosts: AllowList,
}

/// Whether a request speaks gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Whether a request is a call of gRPC, which is for the gate. As in etcd, what is below the gateway's paths is for the gateway,
/// whatever type its content claims to be.
pub(crate) fn is_call(request: &Request) -> bool {
    is_grpc(request.headers()) && !request.uri().path().starts_with("/v3/")
}

/// The middleware.
pub(crate) async fn receive(State(front): State<Front>, request: Request, next: Next) -> Response {
    let host = host_of(&request).to_owned();
    if request.extensions().get::<Encrypted>().is_none() && !front.hosts.allows(&host) {
        tracing::warn!(host, "rejecting HTTP request to prevent DNS rebinding attacks");
        return plain(StatusCode::MISDIRECTED_REQUEST, unknown_host(&host));
    }
    let allowed = front.cors(request.headers());
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::OK.into_response(),
        _ => next.run(request).await,
    };
    response.headers_mut().extend(allowed);
    response
}

impl Front {
    fn cors(&self, asked: &HeaderMap) -> HeaderMap {
        let origin = match asked.get(header::ORIGIN) {
            _ if self.origins.allows_all() => HeaderValue::from_static("*"),
            Some(origin) if origin.to_str().is_ok_and(|origin| self.origins.allows(origin)) => origin.clone(),
            _ => return HeaderMap::new(),
        };
        let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        HeaderMap::from_iter([
            fixed(header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, OPTIONS, PUT, DELETE"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
            fixed(header::ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, authorization"),
        ])
    }
}

/// An answer in plain text, as Go's `http.Error` gives it.
pub(crate) fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, text.into() + "\n").into_response()
}

/// The host that a request names, without its port.
fn host_of(request: &Request) -> &str {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') => name,
        Some((name, _)) => name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(host),
        None => host,
    }
}

/// etcd's words for it.
fn unknown_host(host: &str) -> String {
    format!(
        "\netcd received your request, but the Host header was unrecognized.\n\n\
         To fix this, choose one of the following options:\n\
         - Enable TLS, then any HTTPS request will be allowed.\n\
         - Add the hostname you want to use to the whitelist in settings.\n  \
         - e.g. etcd --host-whitelist {host:?}\n\n\
         This requirement has been added to help prevent \"DNS Rebinding\" attacks (CVE-2018-5702).\n"
    )
}

#[cfg(test)]
#[path = "front_tests.rs"]
mod tests;
