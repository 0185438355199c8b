//! The program `scale`: streams one long list, and fails when the server's memory grows with it.
//!
//! ```text
//! scale --keys 1000000 --value-bytes 1024
//! ```
//!
//! The server is started anew before the list is read, so that everything that it reads counts: RocksDB's blocks and indexes
//! as well as what waits for the client, which rests for a while in the middle of the list.

use std::{
    io::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use harness::{Client, Server};
use proto::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest, request_op::Request};
use tokio::task::JoinSet;

/// Most that the server's memory may grow while it streams the list.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Puts of one transaction, and transactions under way.
const TXN_PUTS: usize = 100;
const WRITERS: usize = 16;

/// Keys after which the reader rests.
const REST_AFTER: i64 = 100_000;

/// Streams one long list and watches the server's memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// Keys of the list
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// Bytes of each value
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
    /// How long the reader rests in the middle
    #[arg(long, default_value_t = 3)]
    rest_seconds: u64,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut server = Server::strongroom_logging("warn").await;
    let begun = Instant::now();
    write(&server.client().await, &arguments).await;
    let written = begun.elapsed();
    server.stop().await;
    server.start().await;
    let mut client = server.client().await;
    // What serving anything at all costs is there before.
    let one = RangeRequest { key: key(0).into(), ..RangeRequest::default() };
    assert_eq!(client.kv.range(one).await.expect("a get succeeds").into_inner().count, 1);
    let before = server.resident_bytes().0;
    let begun = Instant::now();
    let (keys, bytes) = read(&mut client, &arguments).await;
    let (elapsed, most) = (begun.elapsed(), server.resident_bytes().1);
    let grown = most.saturating_sub(before);
    let mut out = std::io::stdout();
    writeln!(out, "{keys} keys, {} MiB: written in {written:?}, streamed in {elapsed:?}", bytes >> 20)?;
    writeln!(out, "memory: {} MiB before, {} MiB at most, grown by {} MiB", before >> 20, most >> 20, grown >> 20)?;
    let begun = Instant::now();
    let request = RangeRequest { count_only: true, ..list() };
    let counted = client.kv.range(request).await.expect("a count succeeds").into_inner().count;
    writeln!(out, "counted {counted} in {:?}", begun.elapsed())?;
    if grown < GROWTH_BYTES_MAX {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "too much: at most {} MiB are allowed", GROWTH_BYTES_MAX >> 20)?;
    Ok(ExitCode::FAILURE)
}

fn key(number: usize) -> String {
    format!("/registry/pods/{number:09}")
}

async fn write(client: &Client, arguments: &Arguments) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut client = client.clone();
        let (keys, value) = (arguments.keys, "v".repeat(arguments.value_bytes));
        writers.spawn(async move {
            for first in (writer * TXN_PUTS..keys).step_by(WRITERS * TXN_PUTS) {
                let put = |number| {
                    Request::RequestPut(PutRequest {
                        key: key(number).into(),
                        value: value.clone().into(),
                        ..PutRequest::default()
                    })
                };
                let numbers = first..(first + TXN_PUTS).min(keys);
                let success = numbers.map(|number| RequestOp { request: Some(put(number)) }).collect();
                let request = TxnRequest { success, ..TxnRequest::default() };
                client.kv.txn(request).await.expect("a transaction succeeds");
            }
        });
    }
    writers.join_all().await;
}

fn list() -> RangeRequest {
    RangeRequest { key: "/registry/pods/".into(), range_end: "/registry/pods0".into(), ..RangeRequest::default() }
}

/// Reads the list to its end and checks that it is whole: how many keys, and how many bytes of them.
async fn read(client: &mut Client, arguments: &Arguments) -> (i64, usize) {
    let mut stream = client.kv.range_stream(list()).await.expect("the stream begins").into_inner();
    let (mut keys, mut bytes, mut rested) = (0_i64, 0, false);
    while let Some(piece) = stream.message().await.expect("the stream goes on") {
        let piece = piece.range_response.expect("a piece is a response");
        for kv in &piece.kvs {
            assert_eq!(kv.key, key(usize::try_from(keys).expect("it counts up")).as_bytes(), "in order, none missing");
            keys += 1;
            bytes += kv.key.len() + kv.value.len();
        }
        if keys >= REST_AFTER && !rested {
            rested = true;
            tokio::time::sleep(Duration::from_secs(arguments.rest_seconds)).await;
        }
        if piece.header.is_some() {
            assert_eq!((piece.count, piece.more), (keys, false), "the last piece tells how many there are");
        }
    }
    assert_eq!(usize::try_from(keys), Ok(arguments.keys));
    (keys, bytes)
}
