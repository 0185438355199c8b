//! The threads on which a plugin reviews: few at once, and each goes on with what waits before it sleeps.
//!
//! Handing a review to a thread of its own costs more than most reviews: under load a lane does many for one awakening. One that
//! takes no longer than the awakening is done where it is asked for, and counts as a lane at work.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Cause;

type Work = Box<dyn FnOnce() + Send>;

/// Lanes of one plugin.
pub(crate) struct Lanes(Arc<Shared>);

struct Shared {
    count: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Lanes that are at work.
    busy: usize,
    next: u64,
    /// By the order in which they came.
    waiting: BTreeMap<u64, Work>,
}

impl Lanes {
    /// So many of them.
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Shared { count, state: Mutex::default() }))
    }

    /// Does `work` on a lane, in the order in which it was asked for. What was not begun is forgotten when this is dropped.
    ///
    /// # Errors
    /// [`Cause::Busy`] when it was not begun in time; [`Cause::Abandoned`] when it was begun and came to no end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        wait_max: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Cause> {
        let (sender, mut receiver) = oneshot::channel();
        // Nobody may be there any more to hear of it.
        let ticket = self.ask(Box::new(move || drop(sender.send(work()))));
        let done = match tokio::time::timeout(wait_max, &mut receiver).await {
            Ok(done) => done,
            Err(_) if ticket.withdraw() => return Err(Cause::Busy),
            Err(_) => receiver.await,
        };
        done.map_err(|_| Cause::Abandoned)
    }

    /// Does `work` at once, on this thread, which counts as one of the lanes meanwhile; `None` when none is free.
    ///
    /// # Errors
    /// [`Cause::Abandoned`] when it came to no end.
    pub(crate) fn run_here<T>(&self, work: impl FnOnce() -> T) -> Option<Result<T, Cause>> {
        let mut lane = self.free()?;
        let done = catch_unwind(AssertUnwindSafe(work)).map_err(|_| Cause::Abandoned);
        if !lane.rests() {
            // What has come meanwhile counts on it.
            tokio::task::spawn_blocking(move || lane.work());
        }
        Some(done)
    }

    fn free(&self) -> Option<Lane> {
        let mut state = self.0.state();
        (state.busy < self.0.count).then(|| {
            state.busy += 1;
            Lane { shared: Arc::clone(&self.0), busy: true }
        })
    }

    fn ask(&self, work: Work) -> Ticket {
        let mut state = self.0.state();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, work);
        let one_is_free = state.busy < self.0.count;
        state.busy += usize::from(one_is_free);
        // Where the runtime is shutting down the lane is dropped at once, which takes the lock.
        drop(state);
        if one_is_free {
            let lane = Lane { shared: Arc::clone(&self.0), busy: true };
            tokio::task::spawn_blocking(move || lane.work());
        }
        Ticket { shared: Arc::clone(&self.0), number }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane at work. It may be dropped without having worked: when the member shuts down.
struct Lane {
    shared: Arc<Shared>,
    /// Whether it counts as busy.
    busy: bool,
}

impl Lane {
    /// Until nothing waits.
    fn work(mut self) {
        while let Some(work) = self.next() {
            // Whoever waits for it sees that it came to no end.
            drop(catch_unwind(AssertUnwindSafe(work)));
        }
    }

    /// In one step with the look that finds nothing it stops being busy: what is asked for after that gets a lane of its own.
    fn next(&mut self) -> Option<Work> {
        let mut state = self.shared.state();
        let work = state.waiting.pop_first().map(|(_, work)| work);
        if work.is_none() {
            state.busy -= 1;
            self.busy = false;
        }
        work
    }

    /// Stops being busy if nothing waits, in one step with that look, too.
    fn rests(&mut self) -> bool {
        let mut state = self.shared.state();
        if state.waiting.is_empty() {
            state.busy -= 1;
            self.busy = false;
        }
        !self.busy
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.busy {
            self.shared.state().busy -= 1;
        }
    }
}

/// A place in the queue.
struct Ticket {
    shared: Arc<Shared>,
    number: u64,
}

impl Ticket {
    /// Whether it was not begun, and will not be.
    fn withdraw(&self) -> bool {
        let work = self.shared.state().waiting.remove(&self.number);
        work.is_some()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.withdraw();
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
