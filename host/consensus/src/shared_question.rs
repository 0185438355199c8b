//! A question that is asked once for all who wait for its answer: whoever arrives while it is under way waits for the next.

use tokio::sync::{mpsc, oneshot};

/// Most of those whom one answer serves.
const ASKERS_MAX: usize = 4096;

/// Where those wait who ask. Cheap to clone; asking ends with the last clone.
#[derive(Clone)]
pub(crate) struct SharedQuestion<T> {
    waiting: mpsc::Sender<oneshot::Sender<T>>,
}

impl<T: Copy + Send + 'static> SharedQuestion<T> {
    pub(crate) fn new<F>(question: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = T> + Send,
    {
        let (waiting, mut askers) = mpsc::channel(ASKERS_MAX);
        tokio::spawn(async move {
            let mut waiting: Vec<oneshot::Sender<T>> = Vec::new();
            while askers.recv_many(&mut waiting, ASKERS_MAX).await > 0 {
                let answer = question().await;
                for asker in waiting.drain(..) {
                    // One that has gone away needs no answer.
                    let _ = asker.send(answer);
                }
            }
        });
        Self { waiting }
    }

    /// The answer to a question that was asked after this call. Nothing when the runtime ends meanwhile.
    pub(crate) async fn ask(&self) -> Option<T> {
        let (asker, answer) = oneshot::channel();
        self.waiting.send(asker).await.ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

    use super::*;

    #[tokio::test]
    async fn who_arrives_while_it_is_asked_shares_the_next_answer_with_all_who_did() {
        let (asked, may_answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, gate) = (asked.clone(), may_answer.clone());
        let question = SharedQuestion::new(move || {
            let (number, gate) = (count.fetch_add(1, Ordering::SeqCst) + 1, gate.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                number
            }
        });
        let mut first = tokio::spawn({
            let question = question.clone();
            async move { question.ask().await }
        });
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let mut later = JoinSet::new();
        for _ in 0..10 {
            let question = question.clone();
            later.spawn(async move { question.ask().await });
        }
        assert!(timeout(Duration::from_millis(20), &mut first).await.is_err());
        may_answer.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(1));
        assert_eq!(later.join_all().await, [Some(2); 10], "they arrived after the first was asked");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
