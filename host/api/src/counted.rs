//! A response body that tells with which code its call ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Code, Status};

use crate::class::Method;
use crate::metrics::Metrics;

/// Counts the call exactly once: by the trailers, or as cancelled when it is dropped before they came.
pub(crate) struct Counted {
    inner: Body,
    method: Method,
    metrics: Option<Metrics>,
}

impl Counted {
    /// Wraps `inner`. `headers` decide when they already carry the status, as those of a failed call do.
    pub(crate) fn new(inner: Body, headers: &HeaderMap, method: Method, metrics: Metrics) -> Self {
        let mut counted = Self { inner, method, metrics: Some(metrics) };
        counted.count_from(headers);
        counted
    }

    fn count_from(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.count(status.code());
        }
    }

    fn count(&mut self, code: Code) {
        if let Some(metrics) = self.metrics.take() {
            metrics.count_handled(self.method, code);
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            self.count_from(trailers);
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

impl Drop for Counted {
    fn drop(&mut self) {
        self.count(Code::Cancelled);
    }
}
