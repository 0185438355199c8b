//! Watches and leases.

use harness::Program;

use crate::{
    identity::Identity,
    row::{Goal, Row, Unit},
    scale::Scale,
    subject::Subject,
};

/// Puts in a second for which latencies are compared: both servers keep up with so many.
const PUTS_PER_SECOND: u64 = 5;

pub(super) const WATCH: &[Row] = &[
    Row::new("10,000 watchers of one key: events", Unit::PerSecond, Goal::AtLeast(2.0)),
    Row::new(
        "10,000 watchers of one key, 5 puts a second: p99 from put to event",
        Unit::Milliseconds,
        Goal::AtMost(0.5),
    ),
];

pub(super) const LEASE: &[Row] =
    &[Row::new("lease keep-alive, 100 clients, 1000 leases: throughput", Unit::PerSecond, Goal::AtLeast(1.5))];

pub(super) async fn watch(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let watchers = format!("watch --watchers {} --streams 100 --conns 10 --keep --timeout 60s", scale.watchers);
    // One client puts as fast as it is answered. So many puts, and not so much time: a server that answers puts sooner than it
    // tells watchers would only pile up more.
    let most = subject.load(&format!("{watchers} --total {} --warm-up 0s", scale.watched_puts)).await;
    let paced = subject.load(&format!("{watchers} --rate {PUTS_PER_SECOND} {}", scale.time())).await;
    vec![most.of("event").per_second, paced.of("event").p99_ms()]
}

pub(super) async fn lease(scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
    let subject = Subject::alone(program, identity).await;
    let line = format!("lease --leases 1000 --clients 100 --conns 10 --timeout 60s {}", scale.time());
    vec![subject.load(&line).await.of("keep-alive").per_second]
}
