//! What became of a run, second by second and in all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::recorder::Recorder;
use crate::report::Latency;

/// Length of what one point stands for.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A shorter rest at the end of a run is no point of its own: its rate would be noise. It is in the totals.
const INTERVAL_MIN: Duration = Duration::from_millis(500);

/// One operation in one second of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Which operation.
    pub operation: &'static str,
    /// End of the second, in seconds since measuring began.
    pub at_seconds: f64,
    /// Calls answered in it.
    pub count: u64,
    /// The same for each second.
    pub per_second: f64,
    /// How long they took.
    #[serde(flatten)]
    pub latency: Latency,
}

/// The points so far, and their sum.
pub(crate) struct Series {
    recorder: Arc<Recorder>,
    begun: Instant,
    since: Instant,
    pub(crate) points: Vec<Point>,
    pub(crate) totals: Vec<Histogram<u64>>,
}

impl Series {
    /// Begins now.
    pub(crate) fn new(recorder: &Arc<Recorder>) -> Self {
        let now = Instant::now();
        let totals = recorder.empty();
        Self { recorder: Arc::clone(recorder), begun: now, since: now, points: Vec::new(), totals }
    }

    /// Adds a point for each operation, of what was noted since the last ones.
    pub(crate) fn advance(&mut self) -> &[Point] {
        let now = Instant::now();
        let mut latencies = self.recorder.empty();
        self.recorder.collect(&mut latencies);
        let length = now - self.since;
        let before = self.points.len();
        for ((noted, total), operation) in latencies.iter().zip(&mut self.totals).zip(self.recorder.operations) {
            total.add(noted).expect("all histograms have the same bounds");
            if length >= INTERVAL_MIN {
                self.points.push(Point {
                    operation,
                    at_seconds: (now - self.begun).as_secs_f64(),
                    count: noted.len(),
                    per_second: noted.len() as f64 / length.as_secs_f64(),
                    latency: Latency::of(noted),
                });
            }
        }
        self.since = now;
        &self.points[before..]
    }

    /// Calls answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.totals.iter().map(Histogram::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Notes;

    #[test]
    fn what_is_too_short_for_a_point_is_in_the_total() {
        let recorder = Recorder::new(&["put"]);
        let (notes, mut series) = (Notes::of(&recorder, 0), Series::new(&recorder));
        notes.answered(0, Instant::now());
        assert!(series.advance().is_empty());
        notes.answered(0, Instant::now());
        std::thread::sleep(INTERVAL_MIN);
        assert_eq!(series.advance().iter().map(|point| point.count).collect::<Vec<_>>(), [1]);
        assert_eq!(series.answered(), 2);
    }
}
