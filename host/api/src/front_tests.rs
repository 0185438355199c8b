//! Hosts, origins and preflights.

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use tower::ServiceExt as _;

use super::*;

fn list(names: &[&str]) -> AllowList {
    names.iter().copied().collect()
}

async fn send(front: &Front, request: Request) -> Response {
    let router = Router::new().fallback(any(async || StatusCode::IM_A_TEAPOT));
    router.layer(from_fn_with_state(front.clone(), receive)).oneshot(request).await.unwrap()
}

fn asking(host: &str) -> Request {
    Request::get("/version").header(header::HOST, host).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn without_tls_the_host_must_be_known() {
    let front = Front { origins: AllowList::default(), hosts: list(&["ours.example", "::1"]) };
    let status = async |request| send(&front, request).await.status();
    for host in ["ours.example", "ours.example:2379", "[::1]:2379"] {
        assert_eq!(status(asking(host)).await, StatusCode::IM_A_TEAPOT, "{host}");
    }
    for host in ["evil.example", "ours.example.evil.example:1", ""] {
        assert_eq!(status(asking(host)).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let mut encrypted = asking("evil.example");
    encrypted.extensions_mut().insert(Encrypted);
    assert_eq!(status(encrypted).await, StatusCode::IM_A_TEAPOT);
}

#[test]
fn calls_of_grpc_are_for_the_gate_whatever_their_host_and_the_gateways_paths_are_not() {
    let asking = |path: &str, content: &'static str| {
        let mut request = Request::post(path).header(header::HOST, "evil.example").body(Body::empty()).unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        request
    };
    assert!(is_call(&asking("/etcdserverpb.KV/Put", "application/grpc+proto")));
    assert!(!is_call(&asking("/etcdserverpb.KV/Put", "application/json")));
    assert!(!is_call(&asking("/v3/kv/put", "application/grpc")));
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let allowed = async |front: &Front, origin: &'static str| {
        let mut request = asking("a");
        request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static(origin));
        let response = send(front, request).await;
        let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        allowed.map(|origin| origin.to_str().unwrap().to_owned())
    };
    let some = Front { origins: list(&["http://a.example"]), hosts: AllowList::default() };
    assert_eq!(allowed(&some, "http://a.example").await.as_deref(), Some("http://a.example"));
    assert_eq!(allowed(&some, "http://b.example").await, None);
    let all = Front { origins: list(&["*"]), hosts: AllowList::default() };
    assert_eq!(allowed(&all, "http://b.example").await.as_deref(), Some("*"));
}

#[tokio::test]
async fn a_preflight_is_answered_at_the_door() {
    let front = Front { origins: AllowList::default(), hosts: AllowList::default() };
    let preflight = Request::options("/v3/kv/put").body(Body::empty()).unwrap();
    assert_eq!(send(&front, preflight).await.status(), StatusCode::OK);
}
