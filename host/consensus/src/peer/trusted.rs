//! A connection to a member that ends when the certificate which that member has shown is not trusted any more.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Fails to read and to write once it is not trusted.
pub(super) struct Trusted<S> {
    inner: S,
    /// Returns when it is not; `None` from then on.
    untrusted: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Trusted<S> {
    pub(super) fn until(untrusted: impl Future<Output = ()> + Send + 'static, inner: S) -> Self {
        Self { inner, untrusted: Some(Box::pin(untrusted)) }
    }

    /// Whoever drives a connection always waits for something to read, so that is where it is looked.
    fn look(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.untrusted.as_mut().is_some_and(|untrusted| untrusted.as_mut().poll(cx).is_ready()) {
            self.untrusted = None;
        }
        self.check()
    }

    fn check(&self) -> io::Result<()> {
        let refused =
            || io::Error::new(io::ErrorKind::ConnectionAborted, "the member's certificate is not trusted any more");
        if self.untrusted.is_some() { Ok(()) } else { Err(refused()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Trusted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.look(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Trusted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        sync::oneshot,
    };

    use super::*;

    #[tokio::test]
    async fn who_waits_for_something_to_read_is_told_at_once() {
        let (near, mut far) = duplex(64);
        let (revoke, revoked) = oneshot::channel::<()>();
        let mut stream = Trusted::until(async { drop(revoked.await) }, near);
        far.write_all(b"a").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'a');
        let waiting = tokio::spawn(async move { (stream.read_u8().await, stream) });
        tokio::task::yield_now().await;
        revoke.send(()).unwrap();
        let (read, mut stream) = waiting.await.unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        far.write_all(b"b").await.unwrap();
        assert!(stream.read_u8().await.is_err() && stream.write_u8(1).await.is_err());
    }
}
