//! One watch stream from its first request to its end.

use std::collections::HashMap;
use std::time::Duration;

use auth::Caller;
use flow::{Delivery, DeliveryBody, FlowError, Follower, Header, Member, Progress, WatchSpec};
use proto::etcdserverpb::{
    WatchCreateRequest, WatchRequest, WatchResponse, watch_create_request::FilterType, watch_request::RequestUnion,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::fragment::fragments;
use super::progress::{RETRY, ticks};
use crate::{ApiError, MESSAGE_OVERHEAD_BYTES, convert, header, status};

/// The id in answers that belong to no watch, or to all of them.
const NO_WATCH: i64 = -1;

type Responses = mpsc::Sender<Result<WatchResponse, Status>>;

/// The stream is over: the client is gone, or was told why.
struct Ended;

/// What the client asked for beside the events.
struct Options {
    fragment: bool,
    progress_notify: bool,
    /// Whether nothing was sent since the last tick, so that the next one tells of progress.
    quiet: bool,
}

pub(super) struct Session {
    member: Member,
    follower: Follower,
    responses: Responses,
    watches: HashMap<i64, Options>,
    next_id: i64,
    progress_requested: bool,
    progress_interval: Duration,
}

enum Happening {
    Request(WatchRequest),
    RequestsEnded,
    Failed(Status),
    Delivery(Delivery),
    Tick,
    ProgressRetry,
    ClientGone,
    Shutdown,
}

impl Session {
    pub(super) fn new(member: Member, caller: &Caller, responses: Responses, progress_interval: Duration) -> Self {
        let follower = member.follow(caller);
        let watches = HashMap::new();
        Self { member, follower, responses, watches, next_id: 0, progress_requested: false, progress_interval }
    }

    pub(super) async fn run(mut self, requests: Streaming<WatchRequest>, shutdown: CancellationToken) {
        // As in etcd, a client that stops asking still listens.
        let mut requests = Some(requests);
        let mut ticks = ticks(self.progress_interval);
        loop {
            let happening = tokio::select! {
                () = shutdown.cancelled() => Happening::Shutdown,
                () = self.responses.closed() => Happening::ClientGone,
                request = next_request(&mut requests) => request,
                _ = ticks.tick() => Happening::Tick,
                () = tokio::time::sleep(RETRY), if self.progress_requested => Happening::ProgressRetry,
                delivery = self.follower.next() => Happening::Delivery(delivery),
            };
            let done = match happening {
                Happening::Request(request) => self.request(request).await,
                Happening::RequestsEnded => {
                    requests = None;
                    Ok(())
                }
                Happening::Delivery(delivery) => self.deliver(delivery).await,
                Happening::Tick => self.notify().await,
                Happening::ProgressRetry => self.report_progress().await,
                Happening::Failed(status) => self.end(status).await,
                Happening::Shutdown => self.end(status::of_flow(&FlowError::Stopped)).await,
                Happening::ClientGone => Err(Ended),
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn request(&mut self, request: WatchRequest) -> Result<(), Ended> {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(request).await,
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id).await,
            Some(RequestUnion::ProgressRequest(_)) => {
                self.progress_requested = true;
                self.report_progress().await
            }
            // A request that asks for nothing does no harm to the watches beside it.
            None => Ok(()),
        }
    }

    async fn create(&mut self, request: WatchCreateRequest) -> Result<(), Ended> {
        let options = Options { fragment: request.fragment, progress_notify: request.progress_notify, quiet: true };
        let response = match self.open(request) {
            Ok((watch_id, header)) => {
                self.watches.insert(watch_id, options);
                WatchResponse { header: header::full(header), watch_id, created: true, ..Default::default() }
            }
            Err(error) => WatchResponse {
                header: header::full(self.member.header()),
                watch_id: NO_WATCH,
                created: true,
                canceled: true,
                cancel_reason: cancel_reason(error),
                ..Default::default()
            },
        };
        self.send(response).await
    }

    fn open(&mut self, request: WatchCreateRequest) -> Result<(i64, Header), ApiError> {
        if request.start_revision < 0 {
            return Err(FlowError::Compacted.into());
        }
        let filtered = |filter: FilterType| request.filters.contains(&i32::from(filter));
        let (puts, deletes) = (!filtered(FilterType::Noput), !filtered(FilterType::Nodelete));
        let range = convert::watch_range(request.key, request.range_end)?;
        let watch_id = self.choose_id(request.watch_id)?;
        let spec = WatchSpec { range, start_revision: request.start_revision, prev_kv: request.prev_kv, puts, deletes };
        Ok((watch_id, self.follower.open(watch_id, spec)?))
    }

    /// The client's own id, or the next free one when it leaves the choice to the server by sending zero.
    fn choose_id(&mut self, wanted: i64) -> Result<i64, ApiError> {
        if wanted != 0 {
            return if self.watches.contains_key(&wanted) { Err(ApiError::DuplicateWatch) } else { Ok(wanted) };
        }
        while self.watches.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        Ok(self.next_id - 1)
    }

    async fn cancel(&mut self, watch_id: i64) -> Result<(), Ended> {
        if self.watches.remove(&watch_id).is_none() {
            return Ok(());
        }
        self.follower.close(watch_id);
        let header = header::full(self.member.header());
        self.send(WatchResponse { header, watch_id, canceled: true, ..Default::default() }).await
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<(), Ended> {
        let Delivery { watch_id, header, body } = delivery;
        let response = WatchResponse { header: header::full(header), watch_id, ..Default::default() };
        match body {
            DeliveryBody::Events(events) => {
                let events = events.into_iter().map(convert::event).collect();
                self.send_events(WatchResponse { events, ..response }).await?;
            }
            DeliveryBody::Compacted { compact_revision } => {
                self.forget(watch_id);
                self.send(WatchResponse { canceled: true, compact_revision, ..response }).await?;
            }
            DeliveryBody::Failed(error @ FlowError::Stopped) => return self.end(status::of_flow(&error)).await,
            DeliveryBody::Failed(error) => {
                self.forget(watch_id);
                let cancel_reason = cancel_reason(error.into());
                self.send(WatchResponse { canceled: true, cancel_reason, ..response }).await?;
            }
        }
        self.report_progress().await
    }

    async fn send_events(&mut self, response: WatchResponse) -> Result<(), Ended> {
        let Some(options) = self.watches.get_mut(&response.watch_id) else { return Ok(()) };
        options.quiet = false;
        if !options.fragment {
            return self.send(response).await;
        }
        // As in etcd, what is larger than the largest message that a client may send is sent in pieces.
        let whole_bytes_max = self.member.max_request_bytes().saturating_add(MESSAGE_OVERHEAD_BYTES);
        for piece in fragments(response, whole_bytes_max) {
            self.send(piece).await?;
        }
        Ok(())
    }

    fn forget(&mut self, watch_id: i64) {
        self.watches.remove(&watch_id);
        self.follower.close(watch_id);
    }

    /// Answers a progress request once every watch of the stream is caught up. Without a watch there is nothing to
    /// tell, and as in etcd while one waits for a start that is still to come.
    async fn report_progress(&mut self) -> Result<(), Ended> {
        self.progress_requested &= !self.watches.is_empty();
        if !self.progress_requested {
            return Ok(());
        }
        let progress = self.follower.progress();
        self.progress_requested = progress == Progress::Behind;
        match progress {
            Progress::Reached(revision) => self.send_progress(NO_WATCH, revision).await,
            Progress::Behind | Progress::NotStarted => Ok(()),
        }
    }

    /// Tells the watches that asked for it and heard nothing since the last tick how far they are.
    async fn notify(&mut self) -> Result<(), Ended> {
        let mut due = Vec::new();
        for (id, options) in self.watches.iter_mut().filter(|(_, options)| options.progress_notify) {
            if std::mem::replace(&mut options.quiet, true) {
                due.push(*id);
            }
        }
        // As in etcd, a watch that is still behind waits for the next tick.
        let (revision, there) = self.follower.up_to_date(&due);
        for id in there {
            self.send_progress(id, revision).await?;
        }
        Ok(())
    }

    async fn send_progress(&self, watch_id: i64, revision: i64) -> Result<(), Ended> {
        let header = Header { revision, ..self.member.header() };
        self.send(WatchResponse { header: header::full(header), watch_id, ..Default::default() }).await
    }

    async fn send(&self, response: WatchResponse) -> Result<(), Ended> {
        self.responses.send(Ok(response)).await.map_err(|_| Ended)
    }

    async fn end(&self, status: Status) -> Result<(), Ended> {
        // When the client is gone already there is nobody left to tell.
        let _ = self.responses.send(Err(status)).await;
        Err(Ended)
    }
}

/// The text of an error; of a refusal for want of rights etcd tells the code as well.
fn cancel_reason(error: ApiError) -> String {
    let refused = matches!(error, ApiError::Flow(FlowError::Auth(_)));
    let status = Status::from(error);
    match refused {
        true => format!("rpc error: code = {:?} desc = {}", status.code(), status.message()),
        false => status.message().to_owned(),
    }
}

async fn next_request(requests: &mut Option<Streaming<WatchRequest>>) -> Happening {
    let Some(open) = requests else { return std::future::pending().await };
    match open.message().await {
        Ok(Some(request)) => Happening::Request(request),
        Ok(None) => Happening::RequestsEnded,
        Err(status) => Happening::Failed(status),
    }
}
