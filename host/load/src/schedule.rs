//! When requests begin: as soon as a client is free, or at their time.
//!
//! With a rate the schedule is an open loop: request n is due n / rate after the beginning, whether or not the server has answered
//! those before. The times are kept by a thread of its own, because tokio's timers are a millisecond coarse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Shortest sleep of the pacer. What becomes due meanwhile begins late by up to this; shorter ones would cost a core.
const PACE: Duration = Duration::from_micros(100);

/// Longest sleep of the pacer, after which it looks whether it is stopped.
const PACE_MAX: Duration = Duration::from_millis(50);

/// Gives out the beginnings of requests, each once.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) begun: Instant,
    end: Option<Instant>,
    total: u64,
    rate: Option<f64>,
    /// Requests given out.
    taken: AtomicU64,
    /// Requests that were due; with a rate only.
    released: AtomicU64,
    due: Semaphore,
    stopped: AtomicBool,
}

impl Schedule {
    /// Begins now, and lasts until the time is over or the total is reached.
    pub(crate) fn begin(duration: Option<Duration>, total: Option<u64>, rate: Option<f64>) -> Arc<Self> {
        let begun = Instant::now();
        let schedule = Arc::new(Self {
            begun,
            end: duration.and_then(|duration| begun.checked_add(duration)),
            total: total.unwrap_or(u64::MAX),
            rate,
            taken: AtomicU64::new(0),
            released: AtomicU64::new(0),
            due: Semaphore::new(0),
            stopped: AtomicBool::new(false),
        });
        if let Some(rate) = rate {
            let paced = Arc::clone(&schedule);
            thread::spawn(move || paced.pace(rate));
        }
        schedule
    }

    /// When the next request begins: now, or a little ago when it is late. Waits until one is due; none when it is over.
    pub(crate) async fn next(&self) -> Option<Instant> {
        let Some(rate) = self.rate else {
            let now = Instant::now();
            let over = self.is_stopped() || self.end.is_some_and(|end| now >= end);
            return (!over && self.taken.fetch_add(1, Ordering::Relaxed) < self.total).then_some(now);
        };
        self.due.acquire().await.ok()?.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.total).then(|| self.begun + Duration::from_secs_f64(number as f64 / rate))
    }

    /// Gives out no more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.due.close();
    }

    /// Whether it was ended before its time.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Its whole length, when that is known and passed.
    pub(crate) fn completed(&self) -> Option<Duration> {
        self.end.filter(|end| Instant::now() >= *end).map(|end| end - self.begun)
    }

    /// Requests that were due and that no client was free to send.
    pub(crate) fn unsent(&self) -> u64 {
        self.released.load(Ordering::Relaxed).saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// The thread that lets requests go when they are due.
    fn pace(&self, rate: f64) {
        while !self.is_stopped() {
            let elapsed = self.begun.elapsed();
            let is_over = self.end.is_some_and(|end| self.begun + elapsed >= end);
            let elapsed = self.end.map_or(elapsed, |end| elapsed.min(end - self.begun));
            let due = due(elapsed, rate).min(self.total);
            let released = self.released.swap(due, Ordering::Relaxed);
            self.due.add_permits(usize::try_from(due - released).unwrap_or(Semaphore::MAX_PERMITS / 2));
            if is_over {
                return self.due.close();
            }
            if due == self.total {
                // Enough that every client comes by once more and sees that it is over.
                return self.due.add_permits(Semaphore::MAX_PERMITS / 2);
            }
            let next = Duration::from_secs_f64(due as f64 / rate);
            thread::sleep(next.saturating_sub(self.begun.elapsed()).clamp(PACE, PACE_MAX));
        }
    }
}

/// Requests that are due after a time: the first at once, and none at the very end.
fn due(elapsed: Duration, rate: f64) -> u64 {
    ((elapsed.as_secs_f64() * rate).ceil() as u64).max(1)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
