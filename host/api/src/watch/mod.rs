//! The watch service: one task for each stream.
//!
//! The task owns everything of its stream: the [`flow::Follower`], which watches exist, who wants to hear of progress.
//! A client that does not read blocks its own task and nothing else.

mod fragment;
mod progress;
mod session;

use std::time::Duration;

use flow::Member;
use proto::etcdserverpb::{WatchRequest, WatchResponse, watch_server::Watch};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use crate::request::opened;
use session::Session;

/// Responses that wait for a client to read them. Each may be large, and the transport has a window of its own, so few.
const RESPONSES_WAITING_MAX: usize = 8;

pub(crate) struct WatchDoor {
    pub(crate) member: Member,
    pub(crate) progress_interval: Duration,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Watch for WatchDoor {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;

    async fn watch(&self, request: Request<Streaming<WatchRequest>>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, requests) = opened(request);
        let (responses, receiver) = mpsc::channel(RESPONSES_WAITING_MAX);
        let session = Session::new(self.member.clone(), &caller, responses, self.progress_interval);
        let span = tracing::debug_span!("watch stream", caller = caller.display_name());
        tokio::spawn(session.run(requests, self.shutdown.clone()).instrument(span));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
