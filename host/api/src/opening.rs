//! The first bytes of a connection, which must come in time.
//!
//! hyper waits without end for the bytes by which it tells HTTP/2 from HTTP/1.1. [`Opening`] bounds that wait: until
//! the preface of HTTP/2 is whole, or a byte shows that it is none and hyper's limit for a head of HTTP/1.1 holds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What every connection of HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose reads fail with [`io::ErrorKind::TimedOut`] when its opening takes too long.
pub(crate) struct Opening<S> {
    inner: S,
    /// Bytes of the preface that are still to come.
    left: usize,
    /// Goes off when they are late; `None` once the opening is over.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> Opening<S> {
    /// Wraps `inner`, whose opening may take as long as `limit` from now.
    pub(crate) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, left: PREFACE.len(), alarm: Some(Box::pin(sleep(limit))) }
    }

    fn take_note(&mut self, came: &[u8]) {
        let expected = &PREFACE[PREFACE.len() - self.left..];
        let both = came.len().min(expected.len());
        self.left = if came[..both] == expected[..both] { self.left - both } else { 0 };
        if self.left == 0 {
            self.alarm = None;
        }
    }

    /// Ready when the bytes are late. Otherwise the task wakes when they become so.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buffer) {
            Poll::Pending => self.poll_late(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                if self.alarm.is_some() {
                    self.take_note(&buffer.filled()[before..]);
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
