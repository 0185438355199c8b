//! Work that keeps a processor busy, of which few do a step at a time.
//!
//! A runtime takes what is ready in order. Where a thousand handshakes are ready, whoever was let in long ago waits behind all of
//! them; when those take turns, behind one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// Work whose every step waits for its turn. While it waits for something else, others have theirs.
pub(crate) struct InTurn<F> {
    work: F,
    turns: PollSemaphore,
}

impl<F> InTurn<F> {
    /// As many do a step at a time as there are `turns`, which is never closed.
    pub(crate) fn new(work: F, turns: Arc<Semaphore>) -> Self {
        Self { work, turns: PollSemaphore::new(turns) }
    }
}

impl<F: Future + Unpin> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _turn = ready!(self.turns.poll_acquire(cx));
        Pin::new(&mut self.work).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn as_many_do_a_step_as_there_are_turns_and_who_waits_takes_none() {
        let (turns, at_work, most) =
            (Arc::new(Semaphore::new(2)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let waiting = tokio::spawn(InTurn::new(Box::pin(std::future::pending::<()>()), turns.clone()));
        let work = (0..20).map(|_| {
            let (at_work, most) = (at_work.clone(), most.clone());
            let steps = async move {
                for _ in 0..5 {
                    most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            };
            tokio::spawn(InTurn::new(Box::pin(steps), turns.clone()))
        });
        for done in work.collect::<Vec<_>>() {
            done.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        waiting.abort();
    }
}
