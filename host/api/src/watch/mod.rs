//! The watch service: one session for each stream.
//!
//! The session owns everything of its stream: the [`flow::Follower`], which watches exist, who wants to hear of progress.
//! It goes on when its client can take more: a client that does not read holds up itself and nothing else.

mod fragment;
mod progress;
mod session;

use std::time::Duration;

use flow::Member;
use futures::stream::BoxStream;
use proto::etcdserverpb::{WatchRequest, WatchResponse, watch_server::Watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::request::opened;
use session::Session;

pub(crate) struct WatchDoor {
    pub(crate) member: Member,
    pub(crate) progress_interval: Duration,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Watch for WatchDoor {
    type WatchStream = BoxStream<'static, Result<WatchResponse, Status>>;

    async fn watch(&self, request: Request<Streaming<WatchRequest>>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, requests) = opened(request);
        let (member, shutdown) = (self.member.clone(), self.shutdown.clone());
        let session = Session::new(member, &caller, requests, self.progress_interval, shutdown);
        Ok(Response::new(session.responses()))
    }
}
