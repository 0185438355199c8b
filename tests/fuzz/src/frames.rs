//! Bytes on a connection: HTTP/2 frames that nobody should send, floods of those that one may, and what is no HTTP at all.

use std::time::Duration;

use harness::Random;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Target,
    dictionary::{noise, number},
    report::{Outcome, Tally},
};

/// How an HTTP/2 client begins (RFC 9113, section 3.4), with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// How long the server may take to read it all and to say something.
const LISTEN: Duration = Duration::from_millis(150);

/// A header block in HPACK without Huffman codes: `POST http /etcdserverpb.KV/Range`.
const HEAD: &[u8] = b"\x83\x86\x04\x16/etcdserverpb.KV/Range\x0f\x10\x10application/grpc";

/// One connection.
pub(crate) async fn case(random: &mut Random, target: &Target, tally: &mut Tally) {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", target.plain)).await else {
        tally.count("frames", Outcome::Refused);
        return;
    };
    let bytes = bytes(random);
    tally.count("frames", send(stream, &bytes).await);
}

/// Sends it all, listens for a moment, goes away.
pub(crate) async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Outcome {
    let mut answer = [0; 4096];
    let exchange = async {
        stream.write_all(bytes).await?;
        stream.read(&mut answer).await
    };
    match timeout(LISTEN, exchange).await {
        Ok(Ok(count)) if count > 0 => Outcome::Answered,
        Ok(_) => Outcome::Closed,
        Err(_) => Outcome::GivenUp,
    }
}

/// What is sent on a connection, from its first byte on.
pub(crate) fn bytes(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => noise(random, 4000),
        1 => plain_http(random),
        kind => {
            let mut bytes = PREFACE.to_vec();
            for _ in 0..=random.below(4) {
                match kind {
                    2 => flood(random, &mut bytes),
                    3 => continuation(random, &mut bytes),
                    _ => any(random, &mut bytes),
                }
            }
            bytes
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A frame of any kind, with any flags, on any stream.
fn any(random: &mut Random, out: &mut Vec<u8>) {
    let begun = out.len();
    let payload = if random.below(3) == 0 { HEAD.to_vec() } else { noise(random, 200) };
    let stream = if random.below(2) == 0 { number(random) as u32 } else { random.below(9) as u32 };
    frame(random.below(14) as u8, random.next() as u8, stream, &payload, out);
    if random.below(6) == 0 {
        // Another length than that of the payload.
        out[begun..begun + 3].copy_from_slice(&(number(random) as u32).to_be_bytes()[1..]);
    }
}

/// A thousand of one frame that costs the sender nothing.
fn flood(random: &mut Random, out: &mut Vec<u8>) {
    let kind = random.below(6);
    for turn in 0..1000_u32 {
        let stream = turn * 2 + 1;
        match kind {
            0 => frame(4, 0, 0, &[0, 3, 0, 0, 0, turn as u8], out),
            1 => frame(6, 0, 0, &[turn as u8; 8], out),
            // Opened and reset at once (CVE-2023-44487).
            2 => {
                frame(1, 4, stream, HEAD, out);
                frame(3, 0, stream, &[0, 0, 0, 8], out);
            }
            3 => frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff], out),
            4 => frame(0, 0, stream, &[], out),
            _ => frame(2, 0, stream, &[0, 0, 0, 1, 0], out),
        }
    }
}

/// Headers without an end (CVE-2024-27316).
fn continuation(random: &mut Random, out: &mut Vec<u8>) {
    frame(1, 0, 1, HEAD, out);
    for _ in 0..random.below(500) {
        frame(9, 0, 1, &field(126), out);
    }
}

/// A thousand streams that are opened and reset at once.
pub(crate) fn rapid_resets() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    for stream in (1..2000).step_by(2) {
        frame(1, 4, stream, HEAD, &mut bytes);
        frame(3, 0, stream, &[0, 0, 0, 8], &mut bytes);
    }
    bytes
}

/// Headers that go on for a thousand frames.
pub(crate) fn endless_headers() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    frame(1, 0, 1, HEAD, &mut bytes);
    for _ in 0..1000 {
        frame(9, 0, 1, &field(126), &mut bytes);
    }
    bytes
}

/// Requests with headers of a megabyte.
pub(crate) fn large_headers() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    for stream in [1, 3, 5] {
        frame(1, 0, stream, HEAD, &mut bytes);
        for _ in 0..8000 {
            frame(9, 0, stream, &field(126), &mut bytes);
        }
        frame(9, 4, stream, &field(1), &mut bytes);
    }
    bytes
}

/// A head whose end does not come.
pub(crate) fn unfinished_head() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    frame(1, 0, 1, HEAD, &mut bytes);
    bytes
}

/// A header called `x` with a value of so many bytes, not to be remembered.
fn field(bytes: u8) -> Vec<u8> {
    [&b"\x00\x01x"[..], &[bytes], &vec![b'y'; bytes.into()]].concat()
}

fn plain_http(random: &mut Random) -> Vec<u8> {
    let mut bytes = match random.below(7) {
        0 => b"POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_vec(),
        1 => b"POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        2 => {
            b"POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}".to_vec()
        }
        3 => b"GET /health HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\n\r\n".to_vec(),
        4 => format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(random.below(200_000) as usize)).into_bytes(),
        5 => format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(random.below(3000) as usize)).into_bytes(),
        _ => b"GET /health HTTP/9.9\r\n\r\n\r\n\r\n".to_vec(),
    };
    bytes.extend(noise(random, 100));
    bytes
}

#[test]
fn a_frame_is_as_the_standard_says() {
    let mut bytes = Vec::new();
    frame(6, 1, 5, b"12345678", &mut bytes);
    assert_eq!(bytes, b"\0\0\x08\x06\x01\0\0\0\x0512345678");
}
