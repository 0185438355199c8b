//! Plain HTTP: the pages for health and metrics, and the JSON gateway.

use std::{io, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::Certificates;

/// What a client asks.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Everything behind the header.
    pub body: Vec<u8>,
    /// Ends the exchange after so many lines of the body, for answers that have no end.
    pub lines: Option<usize>,
}

/// What a server answered.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What it says the body is; empty when it does not say.
    pub content_type: String,
    /// Everything behind the header.
    pub body: String,
}

/// Gets `path` from a port of this machine.
///
/// # Errors
/// When nobody listens, nothing comes within [`crate::ANSWER_SECONDS_MAX`], or what comes is not HTTP.
pub async fn get(port: u16, path: &str) -> io::Result<Response> {
    send(port, None, &Request { method: "GET".to_owned(), path: path.to_owned(), ..Request::default() }).await
}

/// Asks a port of this machine, over mTLS when certificates are given. Speaks HTTP/1.0, so that the body comes in one piece and
/// ends with the connection.
///
/// # Errors
/// As [`get`], and when the handshake is refused.
pub async fn send(port: u16, certificates: Option<&Certificates>, request: &Request) -> io::Result<Response> {
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let Some(files) = certificates else { return exchange(stream, request).await };
        let mut config = (*files.for_rustls(false)).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
        exchange(TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await?, request).await
    };
    timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), exchange).await?
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &Request) -> io::Result<Response> {
    stream.write_all(&head(request)).await?;
    stream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await?;
        answer.extend_from_slice(&chunk[..count]);
        if count == 0 || request.lines.is_some_and(|lines| has_lines(&answer, lines)) {
            return parse(&String::from_utf8_lossy(&answer));
        }
    }
}

fn head(request: &Request) -> Vec<u8> {
    let Request { method, path, headers, body, .. } = request;
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n");
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}

fn has_lines(answer: &[u8], lines: usize) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.matches('\n').count() >= lines)
}

fn parse(answer: &str) -> io::Result<Response> {
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let (header, body) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let status = header.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(not_http)?;
    let fields = header.lines().filter_map(|line| line.split_once(':'));
    let mut content_type =
        fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, value)| value.trim());
    Ok(Response {
        status,
        content_type: content_type.next_back().unwrap_or_default().to_owned(),
        body: body.to_owned(),
    })
}
