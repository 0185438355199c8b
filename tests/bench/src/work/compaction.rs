//! Compaction of a million superseded revisions, and what others notice of it.

use std::time::{Duration, Instant};

use harness::Program;
use proto::etcdserverpb::{CompactionRequest, RangeRequest};

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

pub(super) const ROWS: &[Row] = &[
    Row::new("compaction of 1,000,000 revisions: worst put meanwhile", Unit::Milliseconds, Goal::AtMost(0.3)),
    Row::new("the same: until it is done", Unit::Seconds, Goal::None),
];

pub(super) async fn measure(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let keys = "put --keys 10000 --value-bytes 256 --keep --timeout 60s";
    subject.load(&format!("{keys} --clients 256 --conns 16 --warm-up 0s --total {}", scale.revisions)).await;
    let mut client = subject.client().await;
    let newest = client.kv.range(RangeRequest { key: "a".into(), ..RangeRequest::default() }).await;
    let revision = newest.expect("a get succeeds").into_inner().header.expect("there is a header").revision;
    let puts = subject.start_load(&format!("{keys} --rate 500 --clients 64 --conns 8 --warm-up 1s --duration 1h"));
    // Past the warm-up of the puts.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    let request = CompactionRequest { revision, physical: true };
    client.kv.compact(request).await.expect("a compaction succeeds");
    let took = begun.elapsed();
    // What is left to be cleared up weighs on puts, too.
    tokio::time::sleep(Duration::from_secs(1)).await;
    vec![puts.interrupt().await.of("put").max_ms(), took.as_secs_f64()]
}
