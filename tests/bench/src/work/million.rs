//! A million keys of 1 KiB.

use std::time::Instant;

use harness::Program;
use proto::etcdserverpb::SnapshotRequest;

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

pub(super) const ROWS: &[Row] = &[
    Row::new("1,000,000 keys of 1 KiB: memory (RSS)", Unit::Mebibytes, Goal::AtMost(0.5)),
    Row::new("the same: data on the disk", Unit::Mebibytes, Goal::None),
    Row::new("the same: time to take a snapshot", Unit::Seconds, Goal::None),
    Row::new("the same: restart to serving", Unit::Seconds, Goal::AtMost(0.2)),
    Row::new("count of a prefix of 1,000,000 keys: throughput", Unit::PerSecond, Goal::AtLeast(3.0)),
];

pub(super) async fn measure(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let mut subject = Subject::alone(program, identity).await;
    subject.prepare(scale.keys, 1024).await;
    let ((resident, _), size) = (subject.resident_mib(), subject.disk_mib());
    let snapshot = snapshot_seconds(&subject, scale).await;
    let restart = subject.restart().await.as_secs_f64();
    let keys = format!("range --kind count --keys {} --value-bytes 1024 --keep --timeout 60s", scale.keys);
    let report = subject.load(&format!("{keys} --clients 8 --conns 8 {}", scale.time())).await;
    vec![resident, size, snapshot, restart, report.of("count").per_second]
}

/// How long it is until a snapshot is received whole.
async fn snapshot_seconds(subject: &Subject, scale: &Scale) -> f64 {
    let mut client = subject.client().await;
    let begun = Instant::now();
    let mut stream = client.maintenance.snapshot(SnapshotRequest {}).await.expect("a snapshot begins").into_inner();
    let mut bytes = 0;
    while let Some(piece) = stream.message().await.expect("a snapshot goes on") {
        bytes += piece.blob.len() as u64;
    }
    assert!(bytes > scale.keys * 1024, "random values do not become smaller: {bytes} bytes");
    begun.elapsed().as_secs_f64()
}
