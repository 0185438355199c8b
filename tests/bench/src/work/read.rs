//! Reads.

use harness::Program;

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

pub(super) const GET: &[Row] = &[
    Row::new("linearizable point range, 1000 clients: throughput", Unit::PerSecond, Goal::AtLeast(1.5)),
    Row::new("the same: p99 of reads", Unit::Milliseconds, Goal::None),
    Row::new("the same: processor time of the server per range", Unit::Microseconds, Goal::None),
];

pub(super) const LIST: &[Row] = &[
    Row::new("list of 10,000 keys of 1 KiB, 8 clients: throughput", Unit::PerSecond, Goal::AtLeast(2.0)),
    Row::new("the same: most memory", Unit::Mebibytes, Goal::AtMost(1.0)),
];

pub(super) async fn get(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let mut subject = Subject::alone(program, identity).await;
    subject.prepare(10_000, 256).await;
    // A burst of writes slows reads of an etcd for as long as it runs.
    subject.restart().await;
    let keys = "range --kind point --keys 10000 --value-bytes 256 --keep --timeout 60s --clients 1000 --conns 100";
    subject.load(&format!("{keys} {}", scale.warm_up())).await;
    let before = subject.usage();
    let report = subject.load(&format!("{keys} {}", scale.measured())).await;
    let (get, used) = (report.of("get"), subject.usage().since(before));
    vec![get.per_second, get.p99_ms(), used.cpu_seconds * 1e6 / get.count]
}

pub(super) async fn list(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let mut subject = Subject::alone(program, identity).await;
    subject.prepare(10_000, 1024).await;
    subject.restart().await;
    let keys = "range --kind list --limit 10000 --keys 10000 --value-bytes 1024 --keep --timeout 60s";
    let report = subject.load(&format!("{keys} --clients 8 --conns 8 {}", scale.time())).await;
    let (_, most) = subject.resident_mib();
    vec![report.of("list").per_second, most]
}
