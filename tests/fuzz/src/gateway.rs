//! The JSON gateway and the pages beside it, over HTTP/1.1.

use std::time::Duration;

use harness::Random;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Target,
    call::ANSWER_MAX,
    dictionary::{damage, noise, number},
    report::{Outcome, Tally},
};

/// How long an answer without an end is listened to.
const LISTEN: Duration = Duration::from_millis(60);

/// Paths of the gateway and their calls.
const ROUTES: [(&str, &str); 22] = [
    ("kv/range", "KV/Range"),
    ("kv/put", "KV/Put"),
    ("kv/deleterange", "KV/DeleteRange"),
    ("kv/txn", "KV/Txn"),
    ("kv/compaction", "KV/Compact"),
    ("watch", "Watch/Watch"),
    ("lease/grant", "Lease/LeaseGrant"),
    ("lease/revoke", "Lease/LeaseRevoke"),
    ("lease/keepalive", "Lease/LeaseKeepAlive"),
    ("lease/timetolive", "Lease/LeaseTimeToLive"),
    ("cluster/member/list", "Cluster/MemberList"),
    ("cluster/member/update", "Cluster/MemberUpdate"),
    ("maintenance/alarm", "Maintenance/Alarm"),
    ("maintenance/status", "Maintenance/Status"),
    ("maintenance/hashkv", "Maintenance/HashKV"),
    ("auth/user/add", "Auth/UserAdd"),
    ("auth/role/grant", "Auth/RoleGrantPermission"),
    ("auth/authenticate", "Auth/Authenticate"),
    ("lock/lock", "Lock/Lock"),
    ("lock/unlock", "Lock/Unlock"),
    ("election/campaign", "Election/Campaign"),
    ("election/observe", "Election/Observe"),
];

/// Pages without a body.
const PAGES: [&str; 6] =
    ["/health", "/version", "/livez?verbose", "/readyz?exclude=", "/metrics", "/health?serializable=%ff&&=&x"];

/// One request on a connection of its own.
pub(crate) async fn case(random: &mut Random, target: &Target, tally: &mut Tally) {
    let (path, request, waits) = request(random, target);
    let outcome = exchange(target.plain, &request, waits).await;
    if outcome == Outcome::Silent {
        tally.silent(&path);
    }
    tally.count("gateway", outcome);
}

fn request(random: &mut Random, target: &Target) -> (String, Vec<u8>, bool) {
    if random.below(20) == 0 {
        let page = PAGES[random.below(PAGES.len() as u64) as usize];
        let verb = ["GET", "POST", "HEAD", "DELETE"][random.below(4) as usize];
        return (
            page.to_owned(),
            format!("{verb} {page} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes(),
            false,
        );
    }
    let (path, call) = ROUTES[random.below(ROUTES.len() as u64) as usize];
    let method =
        target.schema.methods.iter().find(|method| method.path.ends_with(call)).expect("the call is described");
    let body = body(random, &method.request);
    let kind = if random.below(30) == 0 { "text/\u{e9}" } else { "application/json" };
    let mut request = format!("POST /v3/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n").into_bytes();
    request.extend(format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()).bytes());
    if random.below(10) == 0 {
        request.extend(format!("authorization: {}\r\ngrpc-timeout: {}S\r\n", random.word(20), number(random)).bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    (path.to_owned(), request, method.waits)
}

async fn exchange(port: u16, request: &[u8], waits: bool) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return Outcome::Refused };
    let (mut answered, mut served, mut chunk) = (false, false, [0; 8192]);
    let exchange = async {
        // A server may refuse by the head and close before it has read the body.
        drop(stream.write_all(request).await);
        while let Ok(count) = stream.read(&mut chunk).await {
            if count == 0 {
                break;
            }
            served |= !answered && chunk.starts_with(b"HTTP/1.1 200 ");
            answered = true;
        }
    };
    match timeout(if waits { LISTEN } else { ANSWER_MAX }, exchange).await {
        Ok(()) if served => Outcome::Served,
        Ok(()) if answered => Outcome::Answered,
        Ok(()) => Outcome::Closed,
        Err(_) if waits => Outcome::GivenUp,
        Err(_) => Outcome::Silent,
    }
}

fn body(random: &mut Random, descriptor: &MessageDescriptor) -> Vec<u8> {
    let mut body = match random.below(40) {
        0 => nested(random),
        1 => noise(random, 200),
        _ => {
            let mut text = String::new();
            object(random, descriptor, 4, &mut text);
            text.into_bytes()
        }
    };
    if random.below(3) == 0 {
        damage(random, &mut body);
    }
    body
}

/// Brackets, or transactions, deeper than any parser should follow.
fn nested(random: &mut Random) -> Vec<u8> {
    let depth = random.below(100_000) as usize;
    match random.below(3) {
        0 => "[".repeat(depth).into_bytes(),
        1 => "{\"a\":".repeat(depth).into_bytes(),
        _ => {
            let depth = depth / 20;
            let [open, close] = ["{\"success\":[{\"request_txn\":", "}]}"].map(|part| part.repeat(depth));
            format!("{open}{{}}{close}").into_bytes()
        }
    }
}

fn object(random: &mut Random, descriptor: &MessageDescriptor, depth: u64, out: &mut String) {
    out.push('{');
    for field in descriptor.fields() {
        if random.below(2) == 0 {
            continue;
        }
        if !out.ends_with('{') {
            out.push(',');
        }
        let name = if random.below(2) == 0 { field.json_name() } else { field.name() };
        *out += &format!("\"{name}\":");
        let list = field.is_list() && random.below(20) != 0;
        out.push_str(if list { "[" } else { "" });
        value(random, &field, depth, out);
        out.push_str(if list { "]" } else { "" });
    }
    out.push('}');
}

fn value(random: &mut Random, field: &FieldDescriptor, depth: u64, out: &mut String) {
    if random.below(15) == 0 {
        const ABSURD: [&str; 12] = [
            "null",
            "1e400",
            "-0",
            "1.5",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "true",
            "[]",
            "{}",
            "\"NaN\"",
            "-9223372036854775809",
            "\"18446744073709551616\"",
        ];
        *out += ABSURD[random.below(12) as usize];
        return;
    }
    match field.kind() {
        Kind::Message(inner) if depth > 0 => object(random, &inner, depth - 1, out),
        Kind::Message(_) => *out += "{}",
        Kind::Bool => *out += ["true", "false"][random.below(2) as usize],
        Kind::Enum(kind) if random.below(2) == 0 => {
            let names: Vec<_> = kind.values().map(|value| value.name().to_owned()).collect();
            *out += &format!("\"{}\"", names[random.below(names.len() as u64) as usize]);
        }
        Kind::Bytes => {
            *out += ["\"YQ==\"", "\"Yg==\"", "\"AA==\"", "\"_-_-\"", "\"Y\"", "\"\""][random.below(6) as usize];
        }
        Kind::String => *out += &format!("\"{}\"", random.word(8)),
        _ if random.below(2) == 0 => *out += &format!("\"{}\"", number(random) as i64),
        _ => *out += &(number(random) as i64).to_string(),
    }
}
