//! Proposals to another member over one stream: they go ahead of their answers, which come in their order.
//!
//! A call for each would cost both members more than the write itself.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::StreamExt as _;
use prost::Message as _;
use proto::peer::ProposeRequest;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{peers::Client, wire};
use crate::{lead::Fate, request::Request};

/// Proposals that wait to be sent; who has one more waits with it.
const WAITING_MAX: usize = 1024;

/// Most that a member carries out for another at a time.
pub(super) const UNDER_WAY_MAX: usize = 16 * 1024;

const POISONED: &str = "no code that can panic runs while the unanswered proposals are locked";

type Asker = oneshot::Sender<Fate>;

/// A way to one member for proposals. Cheap to clone. Broken for good when its stream is.
#[derive(Clone)]
pub(crate) struct Proposals {
    waiting: mpsc::Sender<(ProposeRequest, Asker)>,
    /// Whether the member is of a version that takes proposals by a call each.
    takes_calls: Arc<AtomicBool>,
    client: Client,
}

impl Proposals {
    pub(super) fn over(client: Client) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let takes_calls = Arc::new(AtomicBool::new(false));
        tokio::spawn(carry(client.clone(), queue, Arc::clone(&takes_calls)));
        Self { waiting, takes_calls, client }
    }

    /// Whether another is to take its place.
    pub(super) fn is_broken(&self) -> bool {
        self.waiting.is_closed() && !self.takes_calls.load(Ordering::Relaxed)
    }

    /// What became of a proposal. Nobody can say of one that was under way when the stream broke.
    pub(crate) async fn propose(mut self, request: &Request) -> Fate {
        let message = ProposeRequest { request: request.encode_to_vec().into() };
        let (asker, answer) = oneshot::channel();
        // One that waits to be sent when the stream breaks was not sent.
        let fate = match self.waiting.send((message, asker)).await {
            Ok(()) => answer.await.unwrap_or(Fate::Unknown),
            Err(_) => Fate::NotLeader,
        };
        if fate == Fate::NotLeader && self.takes_calls.load(Ordering::Relaxed) {
            let message = ProposeRequest { request: request.encode_to_vec().into() };
            return match self.client.propose(message).await {
                Ok(response) => wire::read_fate(response.into_inner()),
                Err(status) => {
                    // When it is there again it may be of another version.
                    self.takes_calls.store(false, Ordering::Relaxed);
                    if never_arrived(&status) { Fate::NotLeader } else { Fate::Unknown }
                }
            };
        }
        fate
    }
}

/// Whether a call was refused before anything came of it: by the check of its introduction. A connection that could
/// not be made looks like one that broke, so it is not counted.
pub(crate) fn never_arrived(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument | Code::Unimplemented)
}

async fn carry(mut client: Client, queue: mpsc::Receiver<(ProposeRequest, Asker)>, takes_calls: Arc<AtomicBool>) {
    let unanswered: Arc<Mutex<VecDeque<Asker>>> = Arc::default();
    let sent = Arc::clone(&unanswered);
    let requests = ReceiverStream::new(queue).map(move |(request, asker)| {
        sent.lock().expect(POISONED).push_back(asker);
        request
    });
    match client.propose_all(requests).await {
        Ok(answers) => {
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                let asker = unanswered.lock().expect(POISONED).pop_front();
                // Whoever gave up needs no answer.
                let _ = asker.map(|asker| asker.send(wire::read_fate(answer)));
            }
        }
        Err(status) if never_arrived(&status) => {
            takes_calls.store(status.code() == Code::Unimplemented, Ordering::Relaxed);
            for asker in unanswered.lock().expect(POISONED).drain(..) {
                let _ = asker.send(Fate::NotLeader);
            }
        }
        Err(status) => tracing::debug!(%status, "a stream of proposals was not begun"),
    }
}
