//! Appending to the log of another member: requests go ahead of the answers, within a bound.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream};
use openraft::{
    base::BoxStream,
    errors::RPCError,
    raft::{AppendEntriesRequest, StreamAppendResult},
};
use prost::Message as _;
use proto::peer;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{link::unreachable, peers::Client, wire};
use crate::{metrics::PeerMetrics, raft_types::TypeConfig};

/// Most bytes of entries to one member that it has not answered: what its disk takes in a fraction of a second.
pub(super) const IN_FLIGHT_BYTES_MAX: usize = 32 << 20;

/// Most requests that it has not answered.
const IN_FLIGHT_REQUESTS_MAX: usize = 64;

/// What one permit of the bound stands for.
const PERMIT_BYTES: usize = 1024;

const POISONED: &str = "no code that can panic runs while the unanswered requests are locked";

type Answer = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

/// When each unanswered request was sent, in order, and its share of the bound.
type Unanswered = Arc<Mutex<VecDeque<(Instant, OwnedSemaphorePermit)>>>;

/// What is counted of the requests to a member.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) member: u64,
    pub(super) metrics: PeerMetrics,
}

/// A stream of requests under way.
struct Session {
    counts: Counts,
    answers: Streaming<peer::AppendResponse>,
    unanswered: Unanswered,
    patience: Duration,
    feed: JoinHandle<()>,
}

impl Drop for Session {
    /// openraft's stream of requests holds what the next session needs; it must go with this one.
    fn drop(&mut self) {
        self.feed.abort();
    }
}

/// Sends `requests` over one stream; a request that is not answered within `patience` ends it.
pub(super) async fn append<S>(
    mut client: Client,
    mut requests: S,
    patience: Duration,
    counts: Counts,
) -> Result<BoxStream<'static, Answer>, RPCError<TypeConfig>>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    // openraft waits before it tries a member again that was not reached, but within its stream: whoever does not wait for
    // the first request never waits.
    let Some(first) = requests.next().await else { return Ok(Box::pin(stream::empty())) };
    let requests = stream::once(async move { first }).chain(requests).boxed();
    let unanswered = Unanswered::default();
    let (sender, receiver) = mpsc::channel(1);
    let feed = AbortOnDrop(Some(tokio::spawn(feed(requests, sender, unanswered.clone(), counts.clone()))));
    let begun = tokio::time::timeout(patience, client.append(ReceiverStream::new(receiver))).await;
    let answers = begun.map_err(|_| unreachable("no answer"))?.map_err(unreachable)?.into_inner();
    let session = Session { counts, answers, unanswered, patience, feed: feed.keep() };
    Ok(Box::pin(stream::unfold(Some(session), next)))
}

/// Ends the feed if the stream never comes about.
struct AbortOnDrop(Option<JoinHandle<()>>);

impl AbortOnDrop {
    fn keep(mut self) -> JoinHandle<()> {
        self.0.take().expect("it is taken once, here")
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

async fn feed<S>(mut requests: S, sender: mpsc::Sender<peer::AppendRequest>, unanswered: Unanswered, counts: Counts)
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    let bound = Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX / PERMIT_BYTES));
    while let Some(request) = requests.next().await {
        let request = wire::append_request(request);
        counts.metrics.sent(counts.member, request.encoded_len());
        // A request weighs at least its share of their number, and never more than all there is.
        let least = IN_FLIGHT_BYTES_MAX / PERMIT_BYTES / IN_FLIGHT_REQUESTS_MAX;
        let permits = (request.encoded_len() / PERMIT_BYTES).clamp(least, IN_FLIGHT_BYTES_MAX / PERMIT_BYTES);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let Ok(permit) = bound.clone().acquire_many_owned(permits).await else { return };
        unanswered.lock().expect(POISONED).push_back((Instant::now(), permit));
        if sender.send(request).await.is_err() {
            return;
        }
    }
}

/// The next answer; none after an error or a refusal.
async fn next(session: Option<Session>) -> Option<(Answer, Option<Session>)> {
    let mut session = session?;
    match session.answer().await {
        Ok(None) => None,
        Ok(Some(answer)) => match wire::read_append_response(answer) {
            Ok(Ok(matching)) => Some((Ok(Ok(matching)), Some(session))),
            Ok(refused) => Some((Ok(refused), None)),
            Err(status) => Some((Err(unreachable(status)), None)),
        },
        Err(status) => Some((Err(unreachable(status)), None)),
    }
}

impl Session {
    async fn answer(&mut self) -> Result<Option<peer::AppendResponse>, Status> {
        loop {
            let oldest = self.unanswered.lock().expect(POISONED).front().map(|(sent, _)| *sent);
            let until = oldest.unwrap_or_else(Instant::now) + self.patience;
            match timeout_at(until, self.answers.message()).await {
                Ok(answer) => {
                    let answered = self.unanswered.lock().expect(POISONED).pop_front();
                    if let (Ok(Some(_)), Some((sent, _))) = (&answer, &answered) {
                        self.counts.metrics.round_trip(self.counts.member, sent.elapsed());
                    }
                    return match answer {
                        // A member that stops ends the stream without a word; openraft has to be told.
                        Ok(None) if answered.is_some() => Err(Status::unavailable("the member ended the stream")),
                        answer => answer,
                    };
                }
                // Without a request there is nothing to answer.
                Err(_) if oldest.is_none() => {}
                Err(_) => return Err(Status::deadline_exceeded("no answer")),
            }
        }
    }
}
