//! Reads while the disk takes long for each sync.

use std::time::Duration;

use harness::Program;

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

/// What each sync takes longer. With etcd's flush every 100 ms the disk is then never at rest.
const SYNC: Duration = Duration::from_millis(200);

pub(super) const ROWS: &[Row] = &[
    Row::new("p99 of reads, 500 a second, disk at rest", Unit::Milliseconds, Goal::None),
    Row::new("the same, while each fsync takes 200 ms", Unit::Milliseconds, Goal::None),
    Row::new("the second to the first", Unit::Times, Goal::AloneAtMost(2.0)),
];

pub(super) async fn measure(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::on_slow_disk(program, identity, SYNC).await;
    subject.prepare(1000, 256).await;
    let keys = "--keys 1000 --value-bytes 256 --keep --timeout 60s";
    let reads = format!("range --kind point {keys} --rate 500 --clients 64 --conns 8 {}", scale.time());
    // What was written to begin with is on the disk by then.
    tokio::time::sleep(10 * SYNC).await;
    let idle = subject.load(&reads).await.of("get").p99_ms();
    let writes = subject.start_load(&format!("put {keys} --prefix other/ --clients 8 --conns 8 --duration 1h"));
    tokio::time::sleep(2 * SYNC).await;
    let stalled = subject.load(&reads).await.of("get").p99_ms();
    writes.interrupt().await;
    vec![idle, stalled, stalled / idle]
}
