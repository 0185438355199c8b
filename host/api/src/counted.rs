//! A call on its way through the gate: its messages in both directions, and with which code it ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Code, Status};

use crate::class::Method;
use crate::metrics::{CallMetrics, MessageCounter};

/// A call that has started.
pub(crate) struct Call {
    method: Method,
    metrics: Arc<CallMetrics>,
    started: Instant,
}

impl Call {
    /// Counts it.
    pub(crate) fn started(method: Method, headers: &HeaderMap, metrics: Arc<CallMetrics>) -> Self {
        let version = headers.get("client-api-version").and_then(|version| version.to_str().ok());
        metrics.count_started(method, version);
        Self { method, metrics, started: Instant::now() }
    }

    /// The body of its request, whose messages are counted.
    pub(crate) fn receiving(&self, body: Body) -> Body {
        Body::new(Received { inner: body, tally: Tally::new(self.metrics.received(self.method)) })
    }

    /// The body of its response. `headers` decide how it ended when they already carry the status, as those of a failed
    /// call do.
    pub(crate) fn answering(self, body: Body, headers: &HeaderMap) -> Body {
        let tally = Tally::new(self.metrics.sent(self.method));
        let mut answered = Answered { inner: body, tally, call: Some(self) };
        answered.end_from(headers);
        Body::new(answered)
    }
}

/// Counts messages by their frames: a byte that says whether the message is compressed, four of its length, the message. What a
/// head promises and never sends is not counted.
struct Tally {
    counter: MessageCounter,
    /// Bytes of the next frame's head that have come, and its length as far as it is known.
    head_bytes: usize,
    length: usize,
    /// Bytes of the message under way that are still to come.
    left: usize,
}

const HEAD_BYTES: usize = 5;

impl Tally {
    fn new(counter: MessageCounter) -> Self {
        Self { counter, head_bytes: 0, length: 0, left: 0 }
    }

    fn take(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(data.len());
                self.left -= passed;
                data = &data[passed..];
                self.counter.bytes.inc_by(passed as u64);
                self.counter.messages.inc_by(u64::from(self.left == 0));
                continue;
            }
            let (byte, rest) = (data[0], &data[1..]);
            if self.head_bytes > 0 {
                self.length = self.length << 8 | usize::from(byte);
            }
            self.head_bytes += 1;
            data = rest;
            if self.head_bytes == HEAD_BYTES {
                self.counter.messages.inc_by(u64::from(self.length == 0));
                (self.left, self.head_bytes, self.length) = (self.length, 0, 0);
            }
        }
    }
}

struct Received {
    inner: Body,
    tally: Tally,
}

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.tally.take(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Counts the end of its call exactly once: by the trailers, or as cancelled when it is dropped before they came.
struct Answered {
    inner: Body,
    tally: Tally,
    call: Option<Call>,
}

impl Answered {
    fn end_from(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.end(status.code());
        }
    }

    fn end(&mut self, code: Code) {
        if let Some(Call { method, metrics, started }) = self.call.take() {
            metrics.count_handled(method, code, started.elapsed());
        }
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            match (frame.data_ref(), frame.trailers_ref()) {
                (Some(data), _) => self.tally.take(data),
                (_, Some(trailers)) => self.end_from(trailers),
                _ => {}
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meters::counter;

    #[test]
    fn messages_are_counted_wherever_the_pieces_end() {
        let counter = MessageCounter { messages: counter("messages", "x"), bytes: counter("bytes", "x") };
        let mut tally = Tally::new(counter.clone());
        let cut_short = [0, 0xff, 0xff, 0xff, 0xff, 1];
        let wire = [&[0, 0, 0, 1, 1][..], &[7; 257], &[0; 5], &[0, 0, 0, 0, 2, 9, 9], &cut_short].concat();
        for piece in wire.chunks(3) {
            tally.take(piece);
        }
        assert_eq!((counter.messages.get(), counter.bytes.get()), (3, 260));
    }
}
