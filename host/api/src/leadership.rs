//! For callers that will not be served by a member which has lost its leader: `hasleader: true` in their metadata.
//!
//! As in etcd, a new call is refused at once, and a stream ends when there was no leader for three election timeouts.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use flow::FlowError;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ApiError;
use crate::status;

/// Looks without a leader after which streams end: opening one again costs more than to wait a little.
const LOOKS_MAX: u32 = 3;

/// Whether there is a leader, now and for a while.
#[derive(Clone)]
pub(crate) struct Leadership {
    has_leader: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Changes when the leader has been away for too long.
    lost: watch::Receiver<u64>,
}

impl Leadership {
    /// Looks at `has_leader` every `election_timeout` until `shutdown`.
    pub(crate) fn watched(
        has_leader: impl Fn() -> bool + Send + Sync + 'static,
        election_timeout: Duration,
        shutdown: CancellationToken,
    ) -> Self {
        let has_leader: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(has_leader);
        let (losses, lost) = watch::channel(0);
        let look = has_leader.clone();
        tokio::spawn(shutdown.run_until_cancelled_owned(async move {
            let mut looks = 0;
            loop {
                tokio::time::sleep(election_timeout).await;
                looks = if look() { 0 } else { looks + 1 };
                if looks >= LOOKS_MAX {
                    losses.send_modify(|count| *count += 1);
                }
            }
        }));
        Self { has_leader, lost }
    }

    /// Whether a call with these headers may start.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if is_required(headers) && !(self.has_leader)() { Err(FlowError::NoLeader.into()) } else { Ok(()) }
    }

    /// The body of a stream, which ends when the leader is lost.
    pub(crate) fn bound(&self, body: Body) -> Body {
        let mut lost = self.lost.clone();
        lost.mark_unchanged();
        let lost = async move {
            if lost.changed().await.is_err() {
                // The member shuts down, which ends its streams by itself.
                std::future::pending::<()>().await;
            }
        };
        Body::new(Led { inner: body, lost: Some(Box::pin(lost)) })
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").field("has_leader", &(self.has_leader)()).finish_non_exhaustive()
    }
}

/// Whether a call demands a leader.
pub(crate) fn is_required(headers: &HeaderMap) -> bool {
    headers.get("hasleader").is_some_and(|value| value.as_bytes() == b"true")
}

/// A body that ends with `no leader` when that is lost.
struct Led {
    inner: Body,
    /// `None` once it has happened.
    lost: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl HttpBody for Led {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(lost) = &mut self.lost else { return Poll::Ready(None) };
        if lost.as_mut().poll(cx).is_ready() {
            self.lost = None;
            self.inner = Body::empty();
            let mut trailers = HeaderMap::new();
            let status = status::of_flow(&FlowError::NoLeader);
            return Poll::Ready(match status.add_header(&mut trailers) {
                Ok(()) => Some(Ok(Frame::trailers(trailers))),
                Err(error) => Some(Err(axum::Error::new(error))),
            });
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use http_body_util::BodyExt as _;
    use tonic::{Code, Status};

    use super::*;

    fn demanding() -> HeaderMap {
        HeaderMap::from_iter([("hasleader".parse().unwrap(), "true".parse().unwrap())])
    }

    #[tokio::test]
    async fn without_a_leader_calls_are_refused_and_streams_end() {
        let led = Arc::new(AtomicBool::new(true));
        let look = led.clone();
        let (timeout, shutdown) = (Duration::from_millis(10), CancellationToken::new());
        let leadership = Leadership::watched(move || look.load(Ordering::Relaxed), timeout, shutdown);
        let mut stream = leadership.bound(Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>()));
        assert!(leadership.admit(&demanding()).is_ok());
        let early = tokio::time::timeout(timeout * 10, stream.frame()).await;
        assert!(early.is_err(), "ended while there was a leader");
        led.store(false, Ordering::Relaxed);
        assert!(leadership.admit(&demanding()).is_err() && leadership.admit(&HeaderMap::new()).is_ok());
        let ended = tokio::time::timeout(timeout * 500, stream.frame()).await.expect("the stream goes on");
        let status = Status::from_header_map(ended.unwrap().unwrap().trailers_ref().unwrap()).unwrap();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: no leader"));
        assert!(stream.frame().await.is_none());
    }
}
