//! The JSON gateway: etcd's API over plain HTTP, as grpc-gateway serves it for etcd.
//!
//! ```text
//!  POST /v3/kv/put -> route -> decode: JSON -> message -> the very same services, behind their gate
//!                              encode: JSON <- message <-
//! ```
//!
//! A call goes through the gate that gRPC passes, so that classes, administrators, users, metrics and limits hold for
//! it unchanged; there is no code for a single call here. It is marked with [`ThroughGateway`].
//!
//! Streams of requests are JSON values one after another; streams of answers are lines of `{"result":...}`, the last
//! one `{"error":...}` if the call failed.

mod answer;
mod call;
mod decode;
mod encode;
mod input;
mod json;
mod messages;
mod metadata;
mod route;
mod schema;

use auth::{Caller, Identity, Warden};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use tonic::Status;

use crate::front::plain;

pub(crate) use schema::method as described_method;

/// Marks a request that came through the gateway. As in etcd, the name in its connection's certificate does not say
/// which user calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThroughGateway;

/// How much longer than its message a JSON text may be: a message is half as long again in base64, and may be escaped
/// and indented.
const JSON_PER_MESSAGE: usize = 4;

/// What the gateway calls.
#[derive(Clone)]
struct Gateway {
    services: Router,
    /// Largest JSON text of one message.
    json_bytes_max: usize,
    /// There when a certificate's common name elsewhere says which user calls.
    warden: Option<Warden>,
}

/// etcd's words to a client whose certificate names a user in vain.
const NAME_IGNORED: &str =
    "CommonName of client sending a request against gateway will be ignored and not used as expected";

/// The routes of the gateway, which call `services` with messages of at most `message_bytes_max`. With a `warden` whose
/// rules are in force, a client whose certificate has a common name is refused, for it would not be who it thinks.
/// `/v3beta/` is another name of `/v3/`, as in etcd.
pub(crate) fn routes(services: Router, message_bytes_max: usize, warden: Option<Warden>) -> Router {
    let json_bytes_max = message_bytes_max.saturating_mul(JSON_PER_MESSAGE);
    let serve = any(serve).with_state(Gateway { services, json_bytes_max, warden });
    Router::new()
        .route("/v3", any(redirected))
        .route("/v3/", serve.clone())
        .route("/v3/{*path}", serve.clone())
        .route("/v3beta/{*path}", serve)
}

impl Gateway {
    fn ignores_name(&self, request: &Request) -> bool {
        let caller = request.extensions().get::<Caller>();
        let name = caller.and_then(Caller::identity).and_then(Identity::common_name);
        name.is_some_and(|name| !name.is_empty())
            && self.warden.as_ref().is_some_and(|warden| warden.realm().is_enabled())
    }
}

async fn serve(State(gateway): State<Gateway>, request: Request) -> Response {
    if gateway.ignores_name(&request) {
        return plain(StatusCode::BAD_REQUEST, NAME_IGNORED);
    }
    let path = request.uri().path();
    let path = path.strip_prefix("/v3/").or_else(|| path.strip_prefix("/v3beta/")).unwrap_or_default();
    let Some(route) = route::find(path) else { return answer::refusal(&Status::not_found("Not Found")) };
    if request.method() != Method::POST {
        return answer::refusal(&Status::unimplemented("Method Not Allowed"));
    }
    let Some(method) = schema::method(route.service, route.method) else {
        return answer::refusal(&Status::not_found("Not Found"));
    };
    match call::make(gateway, &method, request).await {
        Ok(messages) if method.is_server_streaming() => answer::stream(messages, method.output()).await,
        Ok(messages) => answer::single(messages, &method.output()).await,
        Err(status) if method.is_server_streaming() => answer::stream_refusal(&status),
        Err(status) => answer::refusal(&status),
    }
}

/// The page that Go's router redirects a tree of paths with.
async fn redirected() -> (StatusCode, [(HeaderName, &'static str); 2], &'static str) {
    let headers = [(header::LOCATION, "/v3/"), (header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::TEMPORARY_REDIRECT, headers, "<a href=\"/v3/\">Temporary Redirect</a>.\n\n")
}
