//! The JSON gateway over TLS, end to end: requests, streams, and who may do what. What each route answers is compared
//! with etcd elsewhere.

use std::{io, time::Duration};

use harness::{ANSWER_SECONDS_MAX, Certificates, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

async fn connect(server: &Server, certificates: &Certificates) -> TlsStream<TcpStream> {
    connect_to(server.ports().client, certificates).await
}

async fn connect_to(port: u16, certificates: &Certificates) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(certificates.for_rustls(false)).connect(name, stream).await.unwrap()
}

/// Sends all of it; TLS keeps what the socket did not take until it is flushed.
async fn send(stream: &mut TlsStream<TcpStream>, bytes: &str) -> io::Result<()> {
    stream.write_all(bytes.as_bytes()).await?;
    stream.flush().await
}

/// Reads until `end` has come or the server closes.
async fn read_until(stream: &mut TlsStream<TcpStream>, end: &str) -> String {
    let mut answer = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains(end) {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(bytes) => answer.extend_from_slice(&piece[..bytes]),
            }
        }
    };
    let in_time = timeout(Duration::from_secs(ANSWER_SECONDS_MAX), reading).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(in_time.is_ok(), "{end:?} does not come, but {answer:?}");
    answer
}

/// Posts `body`; the status and the body of the answer.
async fn post(server: &Server, path: &str, body: &str) -> (u16, String) {
    let certificates = server.environment().client_certificates().expect("strongroom dev serves over TLS");
    post_as(server, &certificates, path, body).await
}

async fn post_as(server: &Server, certificates: &Certificates, path: &str, body: &str) -> (u16, String) {
    post_to(server.ports().client, certificates, path, body).await
}

pub(crate) async fn post_to(port: u16, certificates: &Certificates, path: &str, body: &str) -> (u16, String) {
    let mut stream = connect_to(port, certificates).await;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    // A server that refuses the first part of it answers, and does not take the rest.
    drop(send(&mut stream, &(head + body)).await);
    let answer = read_until(&mut stream, "\0").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("the answer is HTTP");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_written_and_read() {
    let server = Server::strongroom().await;
    let (status, put) = post(&server, "/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#).await;
    assert!(status == 200 && put.contains(r#""revision":"2""#), "{status} {put}");
    let (status, range) = post(&server, "/v3/kv/range", r#"{"key":"Zm9v"}"#).await;
    let expected =
        r#""kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}],"count":"1"}"#;
    assert!(status == 200 && range.ends_with(expected), "{status} {range}");
    let refused = post(&server, "/v3/kv/range", r#"{"key":"Zm9v","revision":"9"}"#).await;
    let future = r#"{"code":11,"message":"etcdserver: mvcc: required revision is a future revision"}"#;
    assert_eq!(refused, (400, future.to_owned()));
    // etcd's own client goes through the same services.
    assert_eq!(server.etcdctl().ok(&["get", "foo", "--print-value-only"]).await.trim(), "bar");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_call_needs_an_administrator_here_as_well() {
    let server = Server::strongroom().await;
    for path in ["/v3/maintenance/defragment", "/v3/cluster/member/add", "/v3/auth/enable"] {
        let (status, body) = post(&server, path, "{}").await;
        assert!(status == 403 && body.contains(r#""code":7"#), "{path}: {status} {body}");
    }
    let administrator = server.environment().administrator_certificates();
    let (status, body) = post_as(&server, &administrator, "/v3/maintenance/defragment", "{}").await;
    assert_eq!(status, 200, "the certificate counts here, too: {body}");
    // A stream that is refused says so in its first line.
    let (status, body) = post(&server, "/v3/maintenance/snapshot", "{}").await;
    assert!(status == 403 && body.contains(r#"{"error":{"code":7,"#), "{status} {body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_after_its_request_and_takes_more_requests() {
    let server = Server::strongroom().await;
    let certificates = server.environment().client_certificates().unwrap();
    let mut stream = connect(&server, &certificates).await;
    let first = r#"{"create_request":{"key":"Zm9v"}}"#;
    let head = "POST /v3/watch HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    send(&mut stream, &format!("{head}{:x}\r\n{first}\r\n", first.len())).await.unwrap();
    let created = read_until(&mut stream, "\"created\":true}}\n").await;
    assert!(created.starts_with("HTTP/1.1 200"), "{created}");
    post(&server, "/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#).await;
    let event = read_until(&mut stream, "]}}\n").await;
    assert!(event.contains(r#"{"result":{"header":"#) && event.contains(r#""value":"YmFy""#), "{event}");
    let second = r#"{"cancel_request":{}}"#;
    send(&mut stream, &format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len())).await.unwrap();
    read_until(&mut stream, r#""canceled":true"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_answered_and_harms_nobody() {
    let server = Server::strongroom().await;
    let nested = r#"{"success":[{"request_txn":"#.repeat(200) + "{}" + &"}]}".repeat(200);
    for (body, text) in [
        ("{", "unexpected EOF"),
        ("\u{1}", "invalid character"),
        (&"[".repeat(100_000), "exceeded max depth"),
        (&nested, "exceeded max recursion depth"),
        (r#"{"max":"\ud800"}"#, "proto: "),
    ] {
        let (status, answer) = post(&server, "/v3/kv/txn", body).await;
        assert!(status == 400 && answer.contains(text), "{status} {answer}");
    }
    let large = format!(r#"{{"key":"Zm9v","value":"{}"}}"#, "A".repeat(4 * 1024 * 1024));
    let (status, answer) = post(&server, "/v3/kv/put", &large).await;
    assert!(status == 429 && answer.contains("grpc: received message larger than max"), "{status} {answer}");
    assert_eq!(post(&server, "/v3/kv/range", r#"{"key":"Zm9v"}"#).await.0, 200);
}
