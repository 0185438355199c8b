//! gRPC calls: sound and unsound messages, frames and headers over sound HTTP/2.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{
    RecvStream,
    client::{ResponseFuture, SendRequest},
};
use harness::Random;
use http::{HeaderName, HeaderValue, Request};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    Target,
    dictionary::{bytes, damage, noise, number},
    message::{nested_txn, request},
    report::{Outcome, Tally},
    schema::Method,
};

/// Longest wait for the answer to a call that was sent whole. Far above what any takes, so that only a hang runs into it.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How long a call that waits by its nature is listened to.
const LISTEN: Duration = Duration::from_millis(60);

/// Some calls over one connection.
pub(crate) async fn case(random: &mut Random, target: &Target, tally: &mut Tally) {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", target.plain)).await else {
        tally.count("call", Outcome::Refused);
        return;
    };
    let Ok((mut client, connection)) = h2::client::handshake(stream).await else {
        tally.count("call", Outcome::Closed);
        return;
    };
    let connection = tokio::spawn(connection);
    for _ in 0..=random.below(30) {
        let method = &target.schema.methods[random.below(target.schema.methods.len() as u64) as usize];
        let outcome = match call(random, &mut client, method).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_reset() => Outcome::Reset,
            // The server or the client's own HTTP/2 closed the connection, as it should after some of these.
            Err(_) => {
                tally.count("call", Outcome::Closed);
                break;
            }
        };
        if outcome == Outcome::Silent {
            tally.silent(&method.path);
        }
        tally.count("call", outcome);
    }
    connection.abort();
}

async fn call(random: &mut Random, client: &mut SendRequest<Bytes>, method: &Method) -> Result<Outcome, h2::Error> {
    let Some(head) = head(random, method) else { return Ok(Outcome::Unsendable) };
    let body = body(random, method);
    let whole = random.below(20) != 0;
    let ready = timeout(ANSWER_MAX, client.clone().ready()).await;
    let Ok(ready) = ready else { return Ok(Outcome::Silent) };
    *client = ready?;
    let (answer, mut sender) = client.send_request(head, false)?;
    // Fails when the server has reset the stream by its head alone, which the answer tells of.
    drop(sender.send_data(body, whole));
    if method.waits || !whole {
        return match timeout(LISTEN, finished(answer)).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(Outcome::GivenUp),
        };
    }
    timeout(ANSWER_MAX, finished(answer)).await.unwrap_or(Ok(Outcome::Silent))
}

async fn finished(answer: ResponseFuture) -> Result<Outcome, h2::Error> {
    let (head, mut body): (_, RecvStream) = answer.await?.into_parts();
    while let Some(chunk) = body.data().await {
        body.flow_control().release_capacity(chunk?.len())?;
    }
    // An answer without a body has its status in its head.
    let status = body.trailers().await?.and_then(|trailers| trailers.get("grpc-status").cloned());
    let served = status.or_else(|| head.headers.get("grpc-status").cloned()).is_some_and(|status| status == "0");
    Ok(if served { Outcome::Served } else { Outcome::Answered })
}

fn head(random: &mut Random, method: &Method) -> Option<Request<()>> {
    let path = match random.below(50) {
        0 => format!("{}/{}", method.path, random.word(5)),
        1 => format!("/{}", random.word(300)),
        2 => "/etcdserverpb.KV/".to_owned(),
        _ => method.path.clone(),
    };
    let verb = if random.below(50) == 0 { ["GET", "PUT", "OPTIONS", "FUZZ"][random.below(4) as usize] } else { "POST" };
    let kind = ["application/grpc+json", "application/grpc-web", "text/html", "application/grpc+proto", ""];
    let kind = if random.below(20) == 0 { kind[random.below(5) as usize] } else { "application/grpc" };
    let mut head = Request::builder().method(verb).uri(format!("http://127.0.0.1{path}")).header("te", "trailers");
    head = head.header("content-type", kind);
    for _ in 0..random.below(4) {
        let (name, value) = header(random);
        head = head.header(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value).ok()?);
    }
    head.body(()).ok()
}

/// Metadata that means something to a server, with a value that means nothing.
fn header(random: &mut Random) -> (String, Vec<u8>) {
    const NAMES: [&str; 9] = [
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "token",
        "authorization",
        "hasleader",
        "client-api-version",
        "content-length",
        "fuzz-bin",
    ];
    let name = NAMES[random.below(9) as usize].to_owned();
    let value = match random.below(6) {
        0 => format!("{}S", number(random)).into_bytes(),
        1 => format!("{}n", random.below(1000)).into_bytes(),
        2 => b"gzip".to_vec(),
        3 => vec![b'h'; random.below(40_000) as usize],
        4 => number(random).to_string().into_bytes(),
        _ => noise(random, 40).into_iter().filter(|byte| (32..127).contains(byte)).collect(),
    };
    (name, value)
}

/// Frames of gRPC: a flag, a length, a message.
fn body(random: &mut Random, method: &Method) -> Bytes {
    let mut body = BytesMut::new();
    let frames = if random.below(10) == 0 { random.below(5) } else { 1 };
    for _ in 0..frames {
        let message = match random.below(60) {
            0 => nested_txn(random.below(20_000) as usize),
            1 => bytes(random),
            _ => request(random, &method.request),
        };
        body.put_u8(if random.below(30) == 0 { random.next() as u8 } else { 0 });
        let length = if random.below(30) == 0 { number(random) as u32 } else { message.len() as u32 };
        body.put_u32(length);
        body.put_slice(&message);
    }
    let mut body = body.to_vec();
    if random.below(20) == 0 {
        damage(random, &mut body);
    }
    body.into()
}
