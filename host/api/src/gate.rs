//! The gate before every RPC: is there such a call, may this caller make it, how did it end.

use std::sync::Arc;

use auth::{Administrators, Caller};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use tonic::{Code, Status};

use crate::ApiError;
use crate::class::{self, CallKind, Method};
use crate::counted::Counted;
use crate::deadline;
use crate::leadership::{self, Leadership};
use crate::metrics::Metrics;

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody, but administrators only for what the table of classes reserves for them.
    Clients,
    /// Administrators only, whatever the call.
    Administrators,
}

/// What the gate decides with.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) audience: Audience,
    pub(crate) administrators: Arc<Administrators>,
    pub(crate) leadership: Leadership,
    pub(crate) metrics: Metrics,
}

/// The middleware. Whatever is not classified does not pass.
pub(crate) async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Some(method) = class::method(request.uri().path()) else { return unknown() };
    gate.metrics.count_started(method);
    let response = match gate.admit(method, &mut request) {
        Ok(()) => gate.call(method, request, next).await,
        Err(error) => Status::from(error).into_http(),
    };
    let (parts, body) = response.into_parts();
    let counted = Counted::new(body, &parts.headers, method, gate.metrics);
    Response::from_parts(parts, Body::new(counted))
}

impl Gate {
    /// Leaves the evidence in the request, where the handlers that need it look for it.
    fn admit(&self, method: Method, request: &mut Request) -> Result<(), ApiError> {
        check_client_version(request.headers())?;
        self.leadership.admit(request.headers())?;
        if self.audience == Audience::Clients && !method.class.needs_administrator() {
            return Ok(());
        }
        let anonymous = Caller::anonymous(None);
        let caller = request.extensions().get::<Caller>().unwrap_or(&anonymous);
        let admitted = self.administrators.admit(caller).inspect_err(|error| {
            tracing::warn!(service = method.service, method = method.name, %error, "admin call refused");
        });
        request.extensions_mut().insert(Arc::new(admitted?));
        Ok(())
    }
}

impl Gate {
    async fn call(&self, method: Method, request: Request, next: Next) -> Response {
        let needs_leader = method.kind != CallKind::Unary && leadership::is_required(request.headers());
        let deadline = deadline::of_request(request.headers());
        let response = match deadline {
            Some(deadline) => match tokio::time::timeout(deadline, next.run(request)).await {
                Ok(response) => response,
                Err(_) => return Status::from(ApiError::DeadlineExceeded).into_http(),
            },
            None => next.run(request).await,
        };
        let response = with_etcds_size_error(response);
        if needs_leader { response.map(|body| self.leadership.bound(body)) } else { response }
    }
}

/// Client libraries tell their version; etcd refuses one that is no text.
fn check_client_version(headers: &HeaderMap) -> Result<(), ApiError> {
    let version = headers.get("client-api-version").map(|version| std::str::from_utf8(version.as_bytes()));
    if let Some(Err(_)) = version { Err(ApiError::BadClientVersion) } else { Ok(()) }
}

/// The answer to a call of no service.
pub(crate) fn unknown() -> Response {
    Status::from(ApiError::Unserved("there is no such service or method")).into_http()
}

/// tonic refuses a message over the limit with a code and a text of its own; etcd's clients know those of Go's gRPC.
fn with_etcds_size_error(response: Response) -> Response {
    const TONICS: &str = "Error, decoded message length too large: found ";
    // A call that did not fail has its status in the trailers, and costs nothing here.
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() != Code::OutOfRange || !status.message().starts_with(TONICS) {
        return response;
    }
    let mut numbers = status.message().split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let (found, limit) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    Status::resource_exhausted(format!("grpc: received message larger than max ({found} vs. {limit})")).into_http()
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
