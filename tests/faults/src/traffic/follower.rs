//! A client that watches, and begins again where it stopped whenever its stream is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use harness::Random;
use proto::etcdserverpb::{
    WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse, watch_request::RequestUnion,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{
    field::{Field, PATIENCE, below},
    wire,
};
use crate::verdict::{
    call::Span,
    watches::{Delivered, Watched},
};

/// How often a watch asks how far it is.
const PROGRESS: Duration = Duration::from_millis(300);

/// How long after the last write a watch has to be told of it.
const TOLD_SECONDS_MAX: u64 = 15;

/// Pause before a lost stream is opened again.
const AGAIN: Duration = Duration::from_millis(150);

/// What the watches of one member follow: everything, a prefix, one key.
pub(super) fn spans(field: &Field, random: &mut Random) -> [Span; 3] {
    let prefixes = [field.registers(), field.sealed(), field.leased()];
    let prefix = &prefixes[below(random, prefixes.len())];
    [Span::everything(), Span::prefix(prefix), Span::key(&format!("{}0", field.registers()))]
}

/// Follows from a revision on until the round's last revision.
pub(super) async fn work(field: Arc<Field>, member: usize, span: Span, from: i64) -> Vec<Watched> {
    let mut follower = Follower { field, member, next: from, finished: None };
    let mut watched = Vec::new();
    loop {
        let mut watch =
            Watched { member, span: span.clone(), from: follower.next, delivered: Vec::new(), to_the_end: false };
        // However it ended: what it was told counts.
        drop(follower.follow(&mut watch).await);
        watch.to_the_end = follower.is_over();
        let over = watch.to_the_end;
        watched.push(watch);
        if over {
            return watched;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

struct Follower {
    field: Arc<Field>,
    member: usize,
    /// The first revision that was not told.
    next: i64,
    /// When it was told which revision is the last.
    finished: Option<Instant>,
}

impl Follower {
    /// One stream, until it breaks or everything was told.
    async fn follow(&mut self, watch: &mut Watched) -> Result<(), Status> {
        let (requests, mut answers) =
            timeout(PATIENCE, self.open(watch)).await.map_err(|_| Status::cancelled("slow"))??;
        let mut asked = Instant::now();
        loop {
            if self.is_over() {
                return Ok(());
            }
            if asked.elapsed() > PROGRESS {
                asked = Instant::now();
                let progress =
                    WatchRequest { request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})) };
                // A full queue asks often enough already.
                drop(requests.try_send(progress));
            }
            if let Ok(answer) = timeout(PROGRESS, answers.message()).await {
                self.take(answer?.ok_or_else(|| Status::cancelled("the stream ended"))?, watch)?;
            }
        }
    }

    async fn open(&self, watch: &Watched) -> Result<(mpsc::Sender<WatchRequest>, Streaming<WatchResponse>), Status> {
        let (requests, waiting) = mpsc::channel(4);
        let create = WatchCreateRequest {
            key: watch.span.from.clone().into(),
            range_end: watch.span.to.clone().into(),
            start_revision: watch.from,
            progress_notify: true,
            prev_kv: true,
            ..WatchCreateRequest::default()
        };
        let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        requests.send(create).await.map_err(|_| Status::cancelled("the stream ended"))?;
        let mut client = self.field.doors.clients[self.member].watch.clone();
        let answers = client.watch(ReceiverStream::new(waiting)).await?.into_inner();
        Ok((requests, answers))
    }

    fn take(&mut self, answer: WatchResponse, watch: &mut Watched) -> Result<(), Status> {
        if answer.canceled {
            return Err(Status::cancelled(answer.cancel_reason));
        }
        if answer.created {
            return Ok(());
        }
        let (revision, fragment) = (answer.header.as_ref().map_or(0, |header| header.revision), answer.fragment);
        let changes = wire::changes(answer);
        let told = changes.last().map_or(revision, |change| change.record.mod_revision);
        self.next = self.next.max(told + 1);
        watch.delivered.push(Delivered { at: self.field.now(), revision, changes, fragment });
        Ok(())
    }

    /// Whether everything was told, or should have been by now.
    fn is_over(&mut self) -> bool {
        let Some(last) = self.field.last_revision() else { return false };
        let finished = *self.finished.get_or_insert_with(Instant::now);
        self.next > last || finished.elapsed() > Duration::from_secs(TOLD_SECONDS_MAX)
    }
}
