//! The bar on standard error, when that is a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::series::Point;
use crate::table::latency;

/// How a bar looks.
const TEMPLATE: &str = "{prefix:9} {bar:40} {percent:>3}% {msg}";

/// A bar of so many steps; it shows nothing when standard error is no terminal.
pub(crate) fn bar(name: &'static str, steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).expect("a template of this program");
    ProgressBar::new(steps).with_style(style).with_prefix(name)
}

/// How far a run is: by its time or by its total, whichever is nearer to the end.
pub(crate) struct Progress {
    bar: ProgressBar,
    duration: Option<Duration>,
    total: Option<u64>,
}

/// Steps of a bar for a run: as fine as a terminal shows.
const STEPS: u64 = 1000;

impl Progress {
    /// At the beginning.
    pub(crate) fn new(name: &'static str, duration: Option<Duration>, total: Option<u64>) -> Self {
        Self { bar: bar(name, STEPS), duration, total }
    }

    /// After some time and answers, of which `points` are the newest.
    pub(crate) fn show(&self, elapsed: Duration, answered: u64, points: &[Point]) {
        let by_time = self.duration.map_or(0.0, |duration| elapsed.as_secs_f64() / duration.as_secs_f64().max(0.001));
        let by_total = self.total.map_or(0.0, |total| answered as f64 / total.max(1) as f64);
        self.bar.set_position((by_time.max(by_total).min(1.0) * STEPS as f64) as u64);
        let mut text = String::new();
        for point in points.iter().filter(|point| point.count > 0) {
            let (rate, p99) = (point.per_second, latency(point.latency.p99_us as f64));
            _ = write!(text, "{} {rate:.0}/s p99 {p99} ms  ", point.operation);
        }
        self.bar.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
