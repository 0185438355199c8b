//! The gateway as a whole, before a service that answers what it is told to.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::any;
use http_body_util::BodyExt as _;
use prost::Message as _;
use proto::etcdserverpb::{LeaseKeepAliveRequest, LeaseKeepAliveResponse, RangeRequest, RangeResponse};
use tower::ServiceExt as _;

use super::super::messages::framed;
use super::super::{ThroughGateway, routes};
use super::*;

/// A response of gRPC: `answers`, then `status`.
fn grpc(answers: &[impl prost::Message], status: &Status) -> Response {
    let frames: Vec<_> = answers.iter().map(|answer| framed(&answer.encode_to_vec()).unwrap()).collect();
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    let data = frames.into_iter().map(hyper::body::Frame::data);
    let frames = data.chain([hyper::body::Frame::trailers(trailers)]).map(Ok::<_, Infallible>);
    Response::new(Body::new(http_body_util::StreamBody::new(futures::stream::iter(frames))))
}

async fn ask(services: Router, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::post(path).body(Body::from(body.to_owned())).unwrap();
    let response = routes(services, 1000, None).oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Counts the keys asked for by the length of the key.
async fn count(request: Request) -> Response {
    assert!(request.extensions().get::<ThroughGateway>().is_some());
    assert_eq!(request.uri().path(), "/etcdserverpb.KV/Range");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let asked = RangeRequest::decode(&body[5..]).unwrap();
    grpc(&[RangeResponse { count: asked.key.len() as i64, ..Default::default() }], &Status::new(Code::Ok, ""))
}

#[tokio::test]
async fn a_call_goes_through_the_services_and_back() {
    let services = Router::new().fallback(any(count));
    for path in ["/v3/kv/range", "/v3beta/kv/range"] {
        let (status, body) = ask(services.clone(), path, r#"{"key":"Zm9v"} and more"#).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"count":"3"}"#));
    }
    assert_eq!(ask(services, "/v3/kv/range", "").await.1, "{}");
}

#[tokio::test]
async fn metadata_of_our_own_is_shown_and_other_metadata_is_not() {
    let answer = || async {
        let mut response = grpc(&[RangeResponse::default()], &Status::new(Code::Ok, ""));
        for (name, value) in
            [("strongroom-damaged-key-bin", "YQ"), ("strongroom-damaged-key-bin", "Yg"), ("x-other", "x")]
        {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response
    };
    let services = Router::new().fallback(any(answer));
    let request = Request::post("/v3/kv/range").body(Body::from("{}")).unwrap();
    let response = routes(services, 1000, None).oneshot(request).await.unwrap();
    let named = response.headers().get_all("grpc-metadata-strongroom-damaged-key-bin").iter().collect::<Vec<_>>();
    assert_eq!(named, ["YQ", "Yg"]);
    assert!(response.headers().keys().all(|name| !name.as_str().contains("x-other")));
}

#[tokio::test]
async fn failures_are_told_as_grpc_gateway_tells_them() {
    let refuse = || async { Status::out_of_range("etcdserver: mvcc: a \"<future>\" revision").into_http::<Body>() };
    let services = Router::new().fallback(any(refuse));
    for (path, body, status, answer) in [
        ("/v3/kv/range", "{", 400, r#"{"code":3,"message":"unexpected EOF"}"#),
        ("/v3/kv/rang", "{}", 404, r#"{"code":5,"message":"Not Found"}"#),
        ("/v3/", "{}", 404, r#"{"code":5,"message":"Not Found"}"#),
        ("/v3/kv/range", "{}", 400, r#"{"code":11,"message":"etcdserver: mvcc: a \"<future>\" revision"}"#),
    ] {
        assert_eq!(ask(services.clone(), path, body).await, (StatusCode::from_u16(status).unwrap(), answer.into()));
    }
    let streamed = ask(services.clone(), "/v3/maintenance/snapshot", "{}").await;
    let line = "{\"error\":{\"code\":11,\"message\":\"etcdserver: mvcc: a \\\"\\u003cfuture\\u003e\\\" revision\"}}\n";
    assert_eq!(streamed, (StatusCode::BAD_REQUEST, line.to_owned()));
    let got =
        routes(services, 1000, None).oneshot(Request::get("/v3/kv/range").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(got.status(), StatusCode::NOT_IMPLEMENTED);
}

/// Answers each request of a stream with its own id.
async fn echo(request: Request) -> Response {
    let mut body = request.into_body().collect().await.unwrap().to_bytes();
    let mut answers = Vec::new();
    while !body.is_empty() {
        let length = body[4] as usize;
        let asked = LeaseKeepAliveRequest::decode(&body[5..5 + length]).unwrap();
        answers.push(LeaseKeepAliveResponse { id: asked.id, ..Default::default() });
        body = body.slice(5 + length..);
    }
    grpc(&answers, &Status::unavailable("etcdserver: no leader"))
}

#[tokio::test]
async fn streams_are_lines_and_end_with_their_error() {
    let services = Router::new().fallback(any(echo));
    let (status, body) = ask(services.clone(), "/v3/lease/keepalive", r#"{"ID":"5"}{"ID":6} nonsense {"ID":7}"#).await;
    assert_eq!(status, StatusCode::OK);
    let expected = concat!(
        "{\"result\":{\"ID\":\"5\"}}\n",
        "{\"result\":{\"ID\":\"6\"}}\n",
        "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}\n"
    );
    assert_eq!(body, expected);
    assert_eq!(ask(services, "/v3/lease/keepalive", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
}
