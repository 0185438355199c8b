//! Where clients note how their calls went.
//!
//! Clients share a few histograms rather than having one each: thousands of clients would need hundreds of megabytes. A note is
//! one uncontended lock and an addition.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tonic::Status;

use crate::error::{code_name, reason};
use crate::report::Failure;

/// Histograms of each operation that clients are spread over. A few for each core are enough that two rarely meet.
const SHARDS: usize = 16;

/// Longest latency that is told from longer ones, in microseconds: an hour.
const LATENCY_MICROS_MAX: u64 = 3_600_000_000;

/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, DIGITS).expect("these bounds are constants that go together")
}

/// The notes of all clients since they were last collected.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// What is measured, by the number that clients use for it.
    pub(crate) operations: &'static [&'static str],
    epoch: Instant,
    /// Notes of what began before are dropped.
    since_nanos: AtomicU64,
    shards: Vec<Mutex<Shard>>,
    failures: Mutex<BTreeMap<String, Failure>>,
    missed: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    latencies: Vec<Histogram<u64>>,
    last: Option<Instant>,
}

impl Recorder {
    /// Nothing noted yet.
    pub(crate) fn new(operations: &'static [&'static str]) -> Arc<Self> {
        let shard = || Shard { latencies: operations.iter().map(|_| histogram()).collect(), last: None };
        Arc::new(Self {
            operations,
            epoch: Instant::now(),
            since_nanos: AtomicU64::new(0),
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            failures: Mutex::default(),
            missed: AtomicU64::new(0),
        })
    }

    /// Forgets all that was noted, and what is still to be noted of calls that began before now.
    pub(crate) fn restart(&self) {
        let since = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.since_nanos.store(since, Ordering::Relaxed);
        self.collect(&mut self.empty());
        self.shards.iter().for_each(|shard| held(shard).last = None);
        held(&self.failures).clear();
        self.missed.store(0, Ordering::Relaxed);
    }

    /// An empty histogram for each operation.
    pub(crate) fn empty(&self) -> Vec<Histogram<u64>> {
        self.operations.iter().map(|_| histogram()).collect()
    }

    /// Moves what was noted into `into`.
    pub(crate) fn collect(&self, into: &mut [Histogram<u64>]) {
        for shard in &self.shards {
            for (noted, sum) in held(shard).latencies.iter_mut().zip(&mut *into).filter(|(noted, _)| !noted.is_empty())
            {
                sum.add(&*noted).expect("all histograms have the same bounds");
                noted.reset();
            }
        }
    }

    /// When the last call was answered.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.shards.iter().filter_map(|shard| held(shard).last).max()
    }

    /// Failed calls by their code.
    pub(crate) fn failures(&self) -> BTreeMap<String, Failure> {
        held(&self.failures).clone()
    }

    /// Reads that found nothing.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn since(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.since_nanos.load(Ordering::Relaxed))
    }
}

/// What one client notes with.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    recorder: Arc<Recorder>,
    shard: usize,
}

impl Notes {
    /// The notes of the client with this number.
    pub(crate) fn of(recorder: &Arc<Recorder>, client: usize) -> Self {
        Self { recorder: Arc::clone(recorder), shard: client % SHARDS }
    }

    /// A call that began then was answered now.
    pub(crate) fn answered(&self, operation: usize, begun: Instant) {
        self.all_answered(operation, std::iter::once(begun));
    }

    /// Calls that began then were all answered now.
    pub(crate) fn all_answered(&self, operation: usize, begun: impl Iterator<Item = Instant>) {
        let (now, since) = (Instant::now(), self.recorder.since());
        let mut shard = held(&self.recorder.shards[self.shard]);
        for begun in begun.filter(|begun| *begun >= since) {
            shard.last = Some(now);
            shard.latencies[operation].saturating_record(micros(now.saturating_duration_since(begun)));
        }
    }

    /// A call failed.
    pub(crate) fn failed(&self, status: &Status) {
        let mut failures = held(&self.recorder.failures);
        let new = || Failure { count: 0, example: reason(status) };
        failures.entry(code_name(status)).or_insert_with(new).count += 1;
    }

    /// A read was answered, but found nothing.
    pub(crate) fn missed(&self) {
        self.recorder.missed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Rounded up: no call takes no time.
fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

/// Notes are whole whatever a client that panicked was doing.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(recorder: &Recorder) -> Vec<Histogram<u64>> {
        let mut sums = recorder.empty();
        recorder.collect(&mut sums);
        sums
    }

    #[test]
    fn notes_of_all_clients_are_summed_once() {
        let recorder = Recorder::new(&["put", "range"]);
        for client in 0..100 {
            Notes::of(&recorder, client).answered(client % 2, Instant::now());
        }
        let sums = collected(&recorder);
        assert_eq!((sums[0].len(), sums[1].len()), (50, 50));
        assert!(collected(&recorder).iter().all(|sum| sum.is_empty()));
        assert!(recorder.last().is_some());
    }

    #[test]
    fn failures_are_counted_by_code_and_never_as_answers() {
        let recorder = Recorder::new(&["put"]);
        let notes = Notes::of(&recorder, 0);
        for message in ["first", "second"] {
            notes.failed(&Status::unavailable(message));
        }
        notes.failed(&Status::resource_exhausted("full"));
        let failures = recorder.failures();
        assert_eq!(failures["Unavailable"], Failure { count: 2, example: "first".to_owned() });
        assert_eq!(failures["ResourceExhausted"].count, 1);
        assert!(collected(&recorder)[0].is_empty());
    }

    #[test]
    fn what_began_before_a_restart_is_not_noted() {
        let recorder = Recorder::new(&["put"]);
        let (notes, early) = (Notes::of(&recorder, 0), Instant::now());
        notes.answered(0, early);
        notes.failed(&Status::unavailable("early"));
        recorder.restart();
        notes.answered(0, early);
        assert!(collected(&recorder)[0].is_empty() && recorder.failures().is_empty() && recorder.last().is_none());
        notes.answered(0, Instant::now());
        assert_eq!(collected(&recorder)[0].len(), 1);
    }

    #[test]
    fn percentiles_are_those_of_what_was_noted() {
        let mut sum = histogram();
        (1..=10_000).for_each(|value| sum.saturating_record(value));
        for (quantile, expected) in [(0.5, 5000.0), (0.9, 9000.0), (0.99, 9900.0), (0.999, 9990.0)] {
            let value = sum.value_at_quantile(quantile) as f64;
            assert!((value / expected - 1.0).abs() < 0.001, "{quantile}: {value}");
        }
        sum.saturating_record(u64::MAX);
        assert!(sum.max() >= LATENCY_MICROS_MAX, "what is longer counts as the longest");
        assert_eq!((micros(Duration::ZERO), micros(Duration::from_nanos(1001))), (1, 2));
    }
}
