//! From a listening socket to requests with a caller.
//!
//! ```text
//!  accept -> [TLS handshake -> verified certificate -> Identity] -> Caller -> HTTP/1.1 or HTTP/2 -> Router
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::{AuthError, Caller, Identity};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Longest TLS handshake, so that a silent peer gives its place back.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes at a time. Each costs a signature; the rest wait in the kernel's queue.
pub const HANDSHAKES_MAX: usize = 256;

/// Longest wait for open requests when the member shuts down; what is left is cut off.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for the head of an HTTP/1.1 request, so that a slow sender does not hold a connection for ever.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams in one connection. etcd sets no bound; this one is above what any client library opens, watches included.
const STREAMS_MAX: u32 = 16_384;

/// HTTP/2 windows: a stream may have 1 MiB under way and a connection 4 MiB, so that one large request does not stall
/// the small ones beside it.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// A silent connection is asked for a sign of life this often, and has this long to give one.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Pause after a failed accept, such as when file descriptors have run out, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown`, then lets open requests end for [`DRAIN_TIMEOUT`].
///
/// With `tls`, whether a client needs a certificate is up to the configuration, which must also offer `h2` and
/// `http/1.1` by ALPN. The certificate was verified by it before an [`Identity`] is read. Every request carries its
/// [`Caller`] as an extension.
///
/// A failing connection ends alone. Only `shutdown` ends this future.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    router: Router,
    shutdown: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let entrance =
        Entrance { tls: tls.map(TlsAcceptor::from), router, handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)) };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = entrance.accept(&listener) => {
                let Some((stream, remote, place)) = accepted else { continue };
                connections.spawn(entrance.clone().connection(stream, remote, place, graceful.watcher()));
            }
        }
    }
    drop(listener);
    drain(graceful, connections).await;
}

async fn drain(graceful: GracefulShutdown, mut connections: JoinSet<()>) {
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at shutdown");
    }
    connections.shutdown().await;
}

/// A place among the handshakes.
type Place = OwnedSemaphorePermit;

#[derive(Clone)]
struct Entrance {
    tls: Option<TlsAcceptor>,
    router: Router,
    handshakes: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the handshake took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Slow,
    #[error("the handshake failed: {0}")]
    Handshake(#[from] io::Error),
    #[error(transparent)]
    Certificate(#[from] AuthError),
}

impl Entrance {
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr, Place)> {
        // The semaphore is never closed.
        let place = self.handshakes.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, remote)) => Some((stream, remote, place)),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn connection(self, stream: TcpStream, remote: SocketAddr, place: Place, watcher: Watcher) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%remote, %error, "the connection was gone at once");
            return;
        }
        let Some(tls) = &self.tls else {
            drop(place);
            return converse(stream, self.router, Caller::anonymous(Some(remote)), watcher).await;
        };
        let shaken = handshake(tls, stream, remote).await;
        drop(place);
        match shaken {
            Ok((stream, caller)) => converse(stream, self.router, caller, watcher).await,
            Err(refused) => tracing::info!(%remote, reason = %refused, "connection refused"),
        }
    }
}

async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    remote: SocketAddr,
) -> Result<(tokio_rustls::server::TlsStream<TcpStream>, Caller), Refused> {
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await.map_err(|_| Refused::Slow)??;
    let certificates = stream.get_ref().1.peer_certificates();
    let caller = match certificates.and_then(<[_]>::first) {
        Some(certificate) => Caller::certified(Identity::from_der(certificate)?, Some(remote)),
        None => Caller::anonymous(Some(remote)),
    };
    Ok((stream, caller))
}

async fn converse<S>(stream: S, router: Router, caller: Caller, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let remote = caller.remote();
    let named = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        request
    });
    let builder = http();
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(named));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(?remote, error, "connection ended");
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
