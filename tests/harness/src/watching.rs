//! One watch stream, and the answers on it.

use std::time::Duration;

use proto::{
    etcdserverpb::{
        WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
        watch_client::WatchClient, watch_request::RequestUnion,
    },
    mvccpb::Event,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataValue, transport::Channel};

/// Requests that may wait to be sent. Tests send a handful.
const REQUESTS_MAX: usize = 16;

/// A watch stream.
#[derive(Debug)]
pub struct Watching {
    requests: mpsc::Sender<WatchRequest>,
    answers: Answers,
}

/// etcd sends the stream's header together with its first answer, so a stream is being opened until a watch was asked for.
#[derive(Debug)]
enum Answers {
    Opening(JoinHandle<Result<Streaming<WatchResponse>, Status>>),
    Open(Box<Streaming<WatchResponse>>),
}

impl Answers {
    async fn message(&mut self) -> Result<Option<WatchResponse>, Status> {
        if let Self::Opening(task) = self {
            *self = Self::Open(Box::new(task.await.expect("opening a stream does not panic")?));
        }
        match self {
            Self::Open(stream) => stream.message().await,
            Self::Opening(_) => unreachable!("it was opened above"),
        }
    }
}

impl Watching {
    pub(crate) fn open(mut client: WatchClient<Channel>, with_leader: bool) -> Self {
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let mut request = Request::new(ReceiverStream::new(waiting));
        if with_leader {
            request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        }
        let opening = async move { client.watch(request).await.map(Response::into_inner) };
        Self { requests, answers: Answers::Opening(tokio::spawn(opening)) }
    }

    /// Asks for a watch; its answer is the next message with `created`.
    pub async fn create(&self, request: WatchCreateRequest) {
        self.send(RequestUnion::CreateRequest(request)).await;
    }

    /// Ends a watch.
    pub async fn cancel(&self, watch_id: i64) {
        self.send(RequestUnion::CancelRequest(WatchCancelRequest { watch_id })).await;
    }

    /// Asks how far the stream is.
    pub async fn ask_progress(&self) {
        self.send(RequestUnion::ProgressRequest(WatchProgressRequest {})).await;
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes within [`crate::ANSWER_SECONDS_MAX`] or the stream ends.
    pub async fn next(&mut self) -> WatchResponse {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next message, or what ended the stream.
    ///
    /// # Errors
    /// The stream's status.
    ///
    /// # Panics
    /// When nothing comes within [`crate::ANSWER_SECONDS_MAX`], or the stream ends without a status.
    pub async fn try_next(&mut self) -> Result<WatchResponse, Status> {
        let answer = timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), self.answers.message()).await;
        answer.expect("an answer comes in time").map(|message| message.expect("the stream goes on"))
    }

    /// A message within so many milliseconds, if one comes.
    pub async fn next_within(&mut self, milliseconds: u64) -> Option<WatchResponse> {
        let answer = timeout(Duration::from_millis(milliseconds), self.answers.message()).await.ok()?;
        answer.ok().flatten()
    }

    /// Messages until `count` events are there; their events.
    ///
    /// # Panics
    /// As [`Watching::next`], and when a watch is cancelled meanwhile.
    pub async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let answer = self.next().await;
            assert!(!answer.canceled, "cancelled: {:?}", answer.cancel_reason);
            events.extend(answer.events);
        }
        events
    }

    async fn send(&self, union: RequestUnion) {
        self.requests.send(WatchRequest { request_union: Some(union) }).await.expect("the stream takes requests");
    }
}
