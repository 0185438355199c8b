//! From a listening socket to requests with a caller.
//!
//! ```text
//!  accept -> [ClientHello -> TLS handshake -> verified certificate -> Identity] -> Caller -> opening -> HTTP -> Routes
//! ```
//!
//! What costs the processor in handshakes is done by few of them at a time, so that whoever was let in before does not wait behind all
//! who want to be, and nobody in a handshake behind one that stalls.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use auth::{AuthError, Caller, Identity};
use axum::body::Body;
use axum::http::Request;
use flow::{Crowd, Doubts, TooMany};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::pki_types::CertificateDer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::front::Encrypted;
use crate::opening::Opening;
use crate::services::Routes;
use crate::socket::{Accepted, Duplex, Listener};
use crate::trust::{Tls, Trust};
use crate::turn::InTurn;

/// Longest TLS handshake with the wait for its turns, and after it longest time for the first bytes or the head of
/// HTTP/1.1, so that a silent or slow peer does not hold a connection for ever.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same where half of [`UNFINISHED_MAX`] are taken: who is slow makes room for who comes. A handshake takes two or three round trips.
pub const HANDSHAKE_TIMEOUT_IN_A_CROWD: Duration = Duration::from_secs(1);

/// Connections of one listener that have not ended their handshake. Each costs a file and a few kilobytes; the rest wait
/// in the kernel's queue.
pub const UNFINISHED_MAX: usize = 4096;

/// Longest wait for open requests when the member shuts down; what is left is cut off.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Streams in one connection unless the operator says otherwise. etcd sets no bound; this one is above what any client
/// library opens, watches included.
pub const STREAMS_MAX: u32 = 16_384;

/// HTTP/2 windows: a stream may have 1 MiB under way and a connection 4 MiB, so that one large request does not stall
/// the small ones beside it.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// How connections are looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Streams in one connection (`--max-concurrent-streams`).
    pub streams_max: u32,
    /// A silent connection is asked for a sign of life this often (`--grpc-keepalive-interval`), zero for never.
    pub keep_alive_interval: Duration,
    /// It has this long to give one (`--grpc-keepalive-timeout`), zero for no asking.
    pub keep_alive_timeout: Duration,
    /// Connections that a listener has at a time; `None` for any number.
    pub connections_max: Option<usize>,
    /// Connections that one identity, or one address without one, has at a time; `None` for any number.
    pub identity_connections_max: Option<usize>,
}

impl Default for ConnectionSettings {
    /// etcd's defaults, but for [`STREAMS_MAX`].
    fn default() -> Self {
        let (keep_alive_interval, keep_alive_timeout) = (Duration::from_secs(2 * 3600), Duration::from_secs(20));
        Self {
            streams_max: STREAMS_MAX,
            keep_alive_interval,
            keep_alive_timeout,
            connections_max: None,
            identity_connections_max: None,
        }
    }
}

/// Pause after a failed accept, such as when file descriptors have run out, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `routes` on `listener` until `shutdown`, then lets open requests end for [`DRAIN_TIMEOUT`].
///
/// With `tls`, whether a client needs a certificate is up to the configuration, which must also offer `h2` and
/// `http/1.1` by ALPN. The certificate was verified by it before an [`Identity`] is read. Every request carries its
/// [`Caller`] as an extension.
///
/// A connection is closed when its certificate would not be let in any more, by what the TLS says of that.
///
/// A failing connection ends alone. Only `shutdown` ends this future.
pub async fn serve(
    listener: impl Into<Listener>,
    tls: Option<Tls>,
    routes: impl Into<Routes>,
    settings: ConnectionSettings,
    shutdown: CancellationToken,
) {
    serve_within(Limits::USUAL, listener.into(), tls, routes.into(), settings, shutdown).await;
}

/// What a peer may take before its first request; smaller in tests.
#[derive(Clone, Copy)]
struct Limits {
    patience: Duration,
    patience_in_a_crowd: Duration,
    unfinished: usize,
}

impl Limits {
    const USUAL: Self = Self {
        patience: HANDSHAKE_TIMEOUT,
        patience_in_a_crowd: HANDSHAKE_TIMEOUT_IN_A_CROWD,
        unfinished: UNFINISHED_MAX,
    };
}

/// Handshakes that are worked on at a time: half of the processors, so that the others are left for who was let in.
fn handshake_turns() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get() / 2).max(1)
}

async fn serve_within(
    limits: Limits,
    listener: Listener,
    tls: Option<Tls>,
    routes: Routes,
    settings: ConnectionSettings,
    shutdown: CancellationToken,
) {
    let trust = tls.as_ref().and_then(|tls| tls.trust.clone());
    let graceful = GracefulShutdown::new();
    let (turns, unfinished) = (Semaphore::new(handshake_turns()), Semaphore::new(limits.unfinished));
    let entrance = Entrance {
        tls: tls.map(|tls| tls.config),
        doubts: trust.map(|trust| (Arc::clone(&trust), Doubts::about(move || trust.version()))),
        routes: Arc::new(routes),
        settings,
        limits,
        turns: Arc::new(turns),
        unfinished: Arc::new(unfinished),
        crowd: Crowd::new(settings.connections_max, settings.identity_connections_max),
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = entrance.accept(&listener) => {
                let Some((accepted, place)) = accepted else { continue };
                let (entrance, watcher) = (entrance.clone(), graceful.watcher());
                match accepted {
                    Accepted::Tcp(stream, remote) => {
                        connections.spawn(entrance.connection(stream, Some(remote), place, watcher))
                    }
                    Accepted::Unix(stream) => connections.spawn(entrance.connection(stream, None, place, watcher)),
                };
            }
        }
    }
    listener.close();
    drain(graceful, connections).await;
}

async fn drain(graceful: GracefulShutdown, mut connections: JoinSet<()>) {
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at shutdown");
    }
    connections.shutdown().await;
}

/// A place among the connections that have not ended their handshake.
struct Place {
    _permit: OwnedSemaphorePermit,
    patience: Duration,
}

#[derive(Clone)]
struct Entrance {
    tls: Option<Arc<rustls::ServerConfig>>,
    /// About the certificates of those who were let in.
    doubts: Option<(Arc<dyn Trust>, Doubts)>,
    routes: Arc<Routes>,
    settings: ConnectionSettings,
    limits: Limits,
    /// Of handshakes, to do a step.
    turns: Arc<Semaphore>,
    unfinished: Arc<Semaphore>,
    crowd: Arc<Crowd>,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the handshake took longer than {} s", .0.as_secs())]
    Slow(Duration),
    #[error("the handshake failed: {0}")]
    Handshake(#[from] io::Error),
    #[error(transparent)]
    Certificate(#[from] AuthError),
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

impl Entrance {
    async fn accept(&self, listener: &Listener) -> Option<(Accepted, Place)> {
        // The semaphore is never closed.
        let permit = self.unfinished.clone().acquire_owned().await.ok()?;
        let crowded = self.unfinished.available_permits() < self.limits.unfinished / 2;
        let patience = if crowded { self.limits.patience_in_a_crowd } else { self.limits.patience };
        let place = Place { _permit: permit, patience };
        match listener.accept().await {
            Ok(accepted) => Some((accepted, place)),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn connection<S: Duplex>(self, stream: S, remote: Option<SocketAddr>, place: Place, watcher: Watcher) {
        let Some(tls) = self.tls.clone() else {
            drop(place);
            let caller = Caller::anonymous(remote);
            return match self.crowd.enter(caller.counted_as()) {
                Ok(_presence) => self.converse(stream, caller, watcher).await,
                Err(refused) => tracing::info!(?remote, reason = %refused, "connection refused"),
            };
        };
        let doubts = self.doubts.as_ref().map(|(trust, doubts)| (Arc::clone(trust), doubts.fresh()));
        let patience = place.patience;
        let shaken = tokio::time::timeout(patience, self.handshake(tls, stream)).await;
        drop(place);
        let shaken = shaken.unwrap_or(Err(Refused::Slow(patience)));
        let admitted = shaken.and_then(|stream| {
            let caller = caller(&stream, remote)?;
            Ok((self.crowd.enter(caller.counted_as())?, caller, stream))
        });
        match admitted {
            Ok((_presence, caller, stream)) => {
                let untrusted = untrusted(doubts, chain(&stream));
                tokio::select! {
                    () = self.converse(stream, caller, watcher) => {}
                    () = untrusted => tracing::info!(?remote, "connection closed: its certificate is not trusted any more"),
                }
            }
            Err(refused) => tracing::info!(?remote, reason = %refused, "connection refused"),
        }
    }

    async fn handshake<S: Duplex>(&self, tls: Arc<rustls::ServerConfig>, stream: S) -> Result<TlsStream<S>, Refused> {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        Ok(InTurn::new(hello.into_stream(tls), Arc::clone(&self.turns)).await?)
    }

    async fn converse<S: Duplex>(self, stream: S, caller: Caller, watcher: Watcher) {
        let (remote, encrypted) = (caller.remote(), self.tls.is_some());
        let routes = self.routes;
        let service = service_fn(move |request: Request<Incoming>| {
            let (routes, mut request) = (Arc::clone(&routes), request.map(Body::new));
            request.extensions_mut().insert(caller.clone());
            if encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            async move { Ok::<_, Infallible>(routes.answer(request).await) }
        });
        let patience = self.limits.patience;
        let builder = http(patience, self.settings);
        let stream = TokioIo::new(Opening::new(stream, patience));
        let connection = builder.serve_connection(stream, service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(?remote, error, "connection ended");
        }
    }
}

fn caller<S>(stream: &TlsStream<S>, remote: Option<SocketAddr>) -> Result<Caller, AuthError> {
    let certificates = stream.get_ref().1.peer_certificates();
    Ok(match certificates.and_then(<[_]>::first) {
        Some(certificate) => Caller::certified(Identity::from_der(certificate)?, remote),
        None => Caller::anonymous(remote),
    })
}

/// The certificates that the client has shown.
fn chain<S>(stream: &TlsStream<S>) -> Vec<CertificateDer<'static>> {
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    shown.iter().map(|certificate| certificate.clone().into_owned()).collect()
}

/// Returns when whoever has shown these is not trusted any more; never for one who has shown none.
async fn untrusted(doubts: Option<(Arc<dyn Trust>, Doubts)>, chain: Vec<CertificateDer<'static>>) {
    match doubts.filter(|_| !chain.is_empty()) {
        Some((trust, doubts)) => doubts.come_true(|| trust.trusts(&chain)).await,
        None => std::future::pending().await,
    }
}

fn http(head_timeout: Duration, settings: ConnectionSettings) -> Builder<TokioExecutor> {
    let asks = !settings.keep_alive_interval.is_zero() && !settings.keep_alive_timeout.is_zero();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(asks.then_some(settings.keep_alive_interval))
        .keep_alive_timeout(settings.keep_alive_timeout);
    builder
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
