//! Writes.

use harness::Program;

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

/// Keys that are written, over and over.
const KEYS: &str = "--keys 100000 --value-bytes 256 --keep --timeout 60s";

const FASTER: Goal = Goal::AtLeast(2.0);
const SOONER: Goal = Goal::AtMost(0.5);

pub(super) const ONE: &[Row] = &[Row::new("put, 256 B, 1 client: p50", Unit::Milliseconds, Goal::AtMost(0.8))];

pub(super) const SOME: &[Row] = &[
    Row::new("put, 256 B, 64 clients, 1 connection: throughput", Unit::PerSecond, FASTER),
    Row::new("put, 256 B, 64 clients, 1 connection: p99", Unit::Milliseconds, SOONER),
    Row::new("put, 256 B, 64 clients, 64 connections: throughput", Unit::PerSecond, FASTER),
    Row::new("put, 256 B, 64 clients, 64 connections: p99", Unit::Milliseconds, SOONER),
];

pub(super) const MANY: &[Row] = &[
    Row::new("put, 256 B, 1000 clients, 1 connection: throughput", Unit::PerSecond, FASTER),
    Row::new("put, 256 B, 1000 clients, 1 connection: p99", Unit::Milliseconds, SOONER),
    Row::new("put, 256 B, 1000 clients, 100 connections: throughput", Unit::PerSecond, FASTER),
    Row::new("put, 256 B, 1000 clients, 100 connections: p99", Unit::Milliseconds, SOONER),
    Row::new("the same: processor time of the server per put", Unit::Microseconds, Goal::None),
    Row::new("the same: written to the disk per put", Unit::Bytes, Goal::None),
];

pub(super) const THREE_MEMBERS: &[Row] =
    &[Row::new("put on three members, 256 B, 1000 clients: throughput", Unit::PerSecond, FASTER)];

pub(super) const TXN: &[Row] = &[
    Row::new("txn, update pattern, 100 clients: throughput", Unit::PerSecond, FASTER),
    Row::new("the same: p99 of updates", Unit::Milliseconds, Goal::None),
];

pub(super) async fn one(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let report = subject.load(&format!("put {KEYS} --clients 1 {}", scale.time())).await;
    vec![report.of("put").p50_ms()]
}

pub(super) async fn some(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let mut figures = Vec::new();
    for connections in [1, 64] {
        figures.extend(put(&subject, 64, connections, scale).await);
    }
    figures
}

pub(super) async fn many(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let mut figures = put(&subject, 1000, 1, scale).await;
    let puts = format!("put {KEYS} --clients 1000 --conns 100");
    subject.load(&format!("{puts} {}", scale.warm_up())).await;
    let before = subject.usage();
    let report = subject.load(&format!("{puts} {}", scale.measured())).await;
    let (put, used) = (report.of("put"), subject.usage().since(before));
    figures.extend([put.per_second, put.p99_ms(), used.cpu_seconds * 1e6 / put.count, used.written_bytes / put.count]);
    figures
}

pub(super) async fn three_members(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::three(program, identity).await;
    vec![put(&subject, 1000, 99, scale).await[0]]
}

pub(super) async fn txn(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let line =
        format!("txn --keys 10000 --value-bytes 1024 --keep --timeout 60s --clients 100 --conns 10 {}", scale.time());
    let report = subject.load(&line).await;
    let update = report.of("update");
    vec![update.per_second, update.p99_ms()]
}

/// Throughput and p99.
async fn put(subject: &Subject, clients: usize, connections: usize, scale: &Scale) -> Vec<f64> {
    let line = format!("put {KEYS} --clients {clients} --conns {connections} {}", scale.time());
    let report = subject.load(&line).await;
    let put = report.of("put");
    vec![put.per_second, put.p99_ms()]
}
