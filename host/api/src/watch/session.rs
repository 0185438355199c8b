//! One watch stream from its first request to its end.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use auth::Caller;
use flow::{Delivery, DeliveryBody, FlowError, Follower, Header, Member, Progress, WatchSpec};
use futures::stream::{self, BoxStream, StreamExt as _};
use proto::etcdserverpb::{
    WatchCreateRequest, WatchRequest, WatchResponse, watch_create_request::FilterType, watch_request::RequestUnion,
};
use tokio::time::Interval;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, Streaming};

use super::fragment::fragments;
use super::progress::{RETRY, ticks};
use crate::{ApiError, MESSAGE_OVERHEAD_BYTES, convert, header, status};

/// The id in answers that belong to no watch, or to all of them.
const NO_WATCH: i64 = -1;

/// What is taken at once of deliveries that are ready, so that one frame carries many: bytes of their keys and values, after which
/// no more are, and most of them. Then the stream looks whether something else has happened.
const READY_BYTES: usize = 32 * 1024;
const READY_MAX: usize = 256;

/// What the client asked for beside the events.
struct Options {
    fragment: bool,
    progress_notify: bool,
    /// Whether nothing was sent since the last tick, so that the next one tells of progress.
    quiet: bool,
}

/// A stream. Dropped when its client is gone.
pub(super) struct Session {
    member: Member,
    follower: Follower,
    /// `None` once the client has ended them. As in etcd, a client that stops asking still listens.
    requests: Option<Streaming<WatchRequest>>,
    /// Responses that are to be sent before anything else happens.
    due: VecDeque<Result<WatchResponse, Status>>,
    ended: bool,
    watches: HashMap<i64, Options>,
    next_id: i64,
    progress_requested: bool,
    ticks: Pin<Box<Interval>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Happening {
    Request(WatchRequest),
    RequestsEnded,
    Failed(Status),
    Delivery(Delivery),
    Tick,
    ProgressRetry,
    Shutdown,
}

impl Session {
    pub(super) fn new(
        member: Member,
        caller: &Caller,
        requests: Streaming<WatchRequest>,
        progress_interval: Duration,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            follower: member.follow(caller),
            member,
            requests: Some(requests),
            due: VecDeque::new(),
            ended: false,
            watches: HashMap::new(),
            next_id: 0,
            progress_requested: false,
            ticks: Box::pin(ticks(progress_interval)),
            shutdown: Box::pin(shutdown.cancelled_owned()),
        }
    }

    /// What the client is told, made when it can take it.
    pub(super) fn responses(self) -> BoxStream<'static, Result<WatchResponse, Status>> {
        stream::unfold(Box::new(self), async |mut session| Some((session.next().await?, session))).boxed()
    }

    async fn next(&mut self) -> Option<Result<WatchResponse, Status>> {
        loop {
            if let Some(response) = self.due.pop_front() {
                return Some(response);
            }
            if self.ended {
                return None;
            }
            match self.happening().await {
                Happening::Request(request) => self.request(request),
                Happening::RequestsEnded => self.requests = None,
                Happening::Delivery(delivery) => self.deliver_all_from(delivery),
                Happening::Tick => self.notify(),
                Happening::ProgressRetry => self.report_progress(),
                Happening::Failed(status) => self.end(status),
                Happening::Shutdown => self.end(status::of_flow(&FlowError::Stopped)),
            }
        }
    }

    async fn happening(&mut self) -> Happening {
        tokio::select! {
            () = &mut self.shutdown => Happening::Shutdown,
            request = next_request(&mut self.requests) => request,
            _ = self.ticks.tick() => Happening::Tick,
            () = retry(self.progress_requested) => Happening::ProgressRetry,
            delivery = self.follower.next() => Happening::Delivery(delivery),
        }
    }

    /// Delivers this, and what is ready behind it.
    fn deliver_all_from(&mut self, delivery: Delivery) {
        let (mut next, mut bytes) = (Some(delivery), 0);
        while let Some(delivery) = next {
            bytes += delivery.bytes();
            self.deliver(delivery);
            let goes_on = bytes < READY_BYTES && self.due.len() < READY_MAX && !self.ended;
            next = if goes_on { self.follower.next_ready() } else { None };
        }
        if !self.ended {
            self.report_progress();
        }
    }

    fn request(&mut self, request: WatchRequest) {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(request),
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id),
            Some(RequestUnion::ProgressRequest(_)) => {
                self.progress_requested = true;
                self.report_progress();
            }
            // A request that asks for nothing does no harm to the watches beside it.
            None => {}
        }
    }

    fn create(&mut self, request: WatchCreateRequest) {
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
        self.send(response);
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

    fn cancel(&mut self, watch_id: i64) {
        if self.watches.remove(&watch_id).is_none() {
            return;
        }
        self.follower.close(watch_id);
        let header = header::full(self.member.header());
        self.send(WatchResponse { header, watch_id, canceled: true, ..Default::default() });
    }

    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { watch_id, header, body } = delivery;
        let response = WatchResponse { header: header::full(header), watch_id, ..Default::default() };
        match body {
            DeliveryBody::Events(events) => {
                let events = events.into_iter().map(convert::event).collect();
                self.send_events(WatchResponse { events, ..response });
            }
            DeliveryBody::Compacted { compact_revision } => {
                self.forget(watch_id);
                self.send(WatchResponse { canceled: true, compact_revision, ..response });
            }
            DeliveryBody::Failed(error @ FlowError::Stopped) => self.end(status::of_flow(&error)),
            DeliveryBody::Failed(error) => {
                self.forget(watch_id);
                let cancel_reason = cancel_reason(error.into());
                self.send(WatchResponse { canceled: true, cancel_reason, ..response });
            }
        }
    }

    fn send_events(&mut self, response: WatchResponse) {
        let Some(options) = self.watches.get_mut(&response.watch_id) else { return };
        options.quiet = false;
        if !options.fragment {
            return self.send(response);
        }
        // As in etcd, what is larger than the largest message that a client may send is sent in pieces.
        let whole_bytes_max = self.member.max_request_bytes().saturating_add(MESSAGE_OVERHEAD_BYTES);
        fragments(response, whole_bytes_max).into_iter().for_each(|piece| self.send(piece));
    }

    fn forget(&mut self, watch_id: i64) {
        self.watches.remove(&watch_id);
        self.follower.close(watch_id);
    }

    /// Answers a progress request once every watch of the stream is caught up. Without a watch there is nothing to
    /// tell, and as in etcd while one waits for a start that is still to come.
    fn report_progress(&mut self) {
        self.progress_requested &= !self.watches.is_empty();
        if !self.progress_requested {
            return;
        }
        let progress = self.follower.progress();
        self.progress_requested = progress == Progress::Behind;
        match progress {
            Progress::Reached(revision) => self.send_progress(NO_WATCH, revision),
            Progress::Behind | Progress::NotStarted => {}
        }
    }

    /// Tells the watches that asked for it and heard nothing since the last tick how far they are.
    fn notify(&mut self) {
        let mut due = Vec::new();
        for (id, options) in self.watches.iter_mut().filter(|(_, options)| options.progress_notify) {
            if std::mem::replace(&mut options.quiet, true) {
                due.push(*id);
            }
        }
        // As in etcd, a watch that is still behind waits for the next tick.
        let (revision, there) = self.follower.up_to_date(&due);
        there.into_iter().for_each(|id| self.send_progress(id, revision));
    }

    fn send_progress(&mut self, watch_id: i64, revision: i64) {
        let header = Header { revision, ..self.member.header() };
        self.send(WatchResponse { header: header::full(header), watch_id, ..Default::default() });
    }

    fn send(&mut self, response: WatchResponse) {
        self.due.push_back(Ok(response));
    }

    fn end(&mut self, status: Status) {
        self.due.push_back(Err(status));
        self.ended = true;
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

/// Comes when progress that was asked for is to be looked at again.
async fn retry(requested: bool) {
    match requested {
        true => tokio::time::sleep(RETRY).await,
        false => std::future::pending().await,
    }
}
