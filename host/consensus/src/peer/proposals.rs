//! Proposals to another member over one stream, many under way at a time.
//!
//! A call for each would cost both members more than the write itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
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
const WAITING_MAX: usize = 64;

/// Most that a member carries out for another at a time.
pub(super) const UNDER_WAY_MAX: usize = 16 * 1024;

/// How long a member of an older version is asked by a call each, before it is looked whether it still is of that version.
const CALLS_FOR: Duration = Duration::from_secs(60);

const POISONED: &str = "no code that can panic runs while the unanswered proposals are locked";

type Asker = oneshot::Sender<Fate>;

/// Those that were sent, by their numbers.
type Unanswered = Arc<Mutex<HashMap<u64, Asker>>>;

/// A way to one member for proposals. Cheap to clone. Broken for good when its stream is.
#[derive(Clone)]
pub(crate) struct Proposals {
    waiting: mpsc::Sender<(ProposeRequest, Asker)>,
    /// Since when the member is known to take proposals by a call each.
    takes_calls: Arc<OnceLock<Instant>>,
    client: Client,
}

impl Proposals {
    pub(super) fn over(client: Client) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let takes_calls = Arc::default();
        tokio::spawn(carry(client.clone(), queue, Arc::clone(&takes_calls)));
        Self { waiting, takes_calls, client }
    }

    /// Whether another is to take its place.
    pub(super) fn is_broken(&self) -> bool {
        self.waiting.is_closed() && self.takes_calls.get().is_none_or(|since| since.elapsed() > CALLS_FOR)
    }

    /// What became of a proposal. Nobody can say of one that was handed to the stream when that breaks.
    pub(crate) async fn propose(mut self, request: &Request) -> Fate {
        let message = ProposeRequest { request: request.encode_to_vec().into(), number: 0 };
        let (asker, answer) = oneshot::channel();
        let fate = match self.waiting.send((message.clone(), asker)).await {
            Ok(()) => answer.await.unwrap_or(Fate::Unknown),
            // It found no room before the stream broke: it was not sent.
            Err(_) => Fate::NotLeader,
        };
        if fate != Fate::NotLeader || self.takes_calls.get().is_none() {
            return fate;
        }
        match self.client.propose(message).await {
            Ok(response) => wire::read_fate(response.into_inner()),
            Err(status) if never_arrived(&status) => Fate::NotLeader,
            Err(_) => Fate::Unknown,
        }
    }
}

/// Whether a call was refused before anything came of it: by the check of its introduction. A connection that could
/// not be made looks like one that broke, so it is not counted.
pub(crate) fn never_arrived(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument | Code::Unimplemented)
}

async fn carry(
    mut client: Client,
    queue: mpsc::Receiver<(ProposeRequest, Asker)>,
    takes_calls: Arc<OnceLock<Instant>>,
) {
    let unanswered = Unanswered::default();
    let (sent, mut number) = (Arc::clone(&unanswered), 0);
    let requests = ReceiverStream::new(queue).map(move |(request, asker)| {
        number += 1;
        sent.lock().expect(POISONED).insert(number, asker);
        ProposeRequest { number, ..request }
    });
    match client.propose_all(requests).await {
        Ok(answers) => {
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                let asker = unanswered.lock().expect(POISONED).remove(&answer.number);
                // Whoever gave up needs no answer.
                let _ = asker.map(|asker| asker.send(wire::read_fate(answer)));
            }
        }
        Err(status) if never_arrived(&status) => {
            if status.code() == Code::Unimplemented {
                takes_calls.get_or_init(Instant::now);
            }
            for (_, asker) in unanswered.lock().expect(POISONED).drain() {
                let _ = asker.send(Fate::NotLeader);
            }
        }
        Err(status) => tracing::debug!(%status, "a stream of proposals was not begun"),
    }
}
