//! One plain HTTP GET, for health and metrics.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What a server answered.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Everything behind the header.
    pub body: String,
}

/// Gets `path` from a port of this machine. Speaks HTTP/1.0, so that the body comes in one piece and ends with the connection.
///
/// # Errors
/// When nobody listens, nothing comes within [`crate::ANSWER_SECONDS_MAX`], or what comes is not HTTP.
pub async fn get(port: u16, path: &str) -> io::Result<Response> {
    timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), exchange(port, path)).await?
}

async fn exchange(port: u16, path: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let (header, body) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let status = header.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(not_http)?;
    Ok(Response { status, body: body.to_owned() })
}
