//! Connecting to a member by one of its peer URLs.

use std::{fmt::Debug, io, sync::Arc, time::Duration};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{Doubts, trusted::Trusted};
use crate::PeerNode;

/// Which members are believed when they are dialled.
pub trait MemberTrust: Debug + Send + Sync {
    /// A number that is another one once others may be trusted than before.
    fn version(&self) -> u64;

    /// Whether a certificate for this host, with those that came with it, would be believed now.
    fn trusts(&self, chain: &[CertificateDer<'_>], host: &ServerName<'_>) -> bool;
}

/// TLS of connections to members; how certificates are found and checked is the server's business.
#[derive(Clone, Debug)]
pub struct PeerTls {
    /// Its configuration, which verifies who is dialled.
    pub config: Arc<ClientConfig>,
    /// What it verifies by, to judge those who were.
    pub trust: Arc<dyn MemberTrust>,
}

/// Data that one stream may have under way: enough for a batch of entries, little beside the memory of a member.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;

/// The same for a whole connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The authority of the requests: which member is meant is said in their metadata.
const AUTHORITY: &str = "http://peer";

/// Makes connections to members.
#[derive(Clone)]
pub(crate) struct Dialer {
    tls: Option<(PeerTls, Doubts)>,
    /// How long a connection may take to come about, and to answer a ping.
    patience: Duration,
}

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Dialer {
    pub(crate) fn new(tls: Option<Arc<PeerTls>>, patience: Duration) -> Self {
        let tls = tls.map(|tls| {
            let mut config = ClientConfig::clone(&tls.config);
            config.alpn_protocols = vec![b"h2".to_vec()];
            let (trust, looked_at) = (Arc::clone(&tls.trust), Arc::clone(&tls.trust));
            (PeerTls { config: Arc::new(config), trust }, Doubts::about(move || looked_at.version()))
        });
        Self { tls, patience }
    }

    /// A channel that connects when it is used, and again after it broke.
    pub(super) fn channel(&self, node: &PeerNode) -> Channel {
        let (dialer, urls): (_, Arc<[String]>) = (self.clone(), node.peer_urls.clone().into());
        let connector = service_fn(move |_: Uri| {
            let (dialer, urls) = (dialer.clone(), urls.clone());
            async move { dialer.connect(&urls).await.map(TokioIo::new) }
        });
        Endpoint::from_static(AUTHORITY)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .connect_timeout(self.patience)
            .http2_keep_alive_interval(self.patience)
            .keep_alive_timeout(self.patience)
            .keep_alive_while_idle(true)
            .connect_with_connector_lazy(connector)
    }

    /// The first of its URLs that answers.
    async fn connect(&self, urls: &[String]) -> io::Result<Box<dyn Connection>> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the member has no peer URL");
        for url in urls {
            match self.connect_to(url).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = io::Error::new(error.kind(), format!("{url}: {error}")),
            }
        }
        Err(last)
    }

    async fn connect_to(&self, url: &str) -> io::Result<Box<dyn Connection>> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("not a URL"))?;
        let address = rest.trim_end_matches('/');
        match scheme {
            "http" => Ok(Box::new(tcp(address).await?)),
            "https" => self.secure(host_of(address)?, tcp(address).await?).await,
            "unix" => Ok(Box::new(UnixStream::connect(address).await?)),
            "unixs" => self.secure("localhost", UnixStream::connect(address).await?).await,
            _ => Err(invalid("a peer URL begins with http://, https://, unix:// or unixs://")),
        }
    }

    async fn secure(&self, host: &str, stream: impl Connection + 'static) -> io::Result<Box<dyn Connection>> {
        let (tls, doubts) = self.tls.clone().ok_or_else(|| invalid("this member has no TLS for its peers"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| invalid("not a host name"))?;
        let doubts = doubts.fresh();
        let stream = TlsConnector::from(tls.config).connect(name.clone(), stream).await?;
        let chain = chain(&stream);
        let untrusted = async move {
            doubts.come_true(|| tls.trust.trusts(&chain, &name)).await;
            tracing::info!(host = %name.to_str(), "connection to a member closed: its certificate is not trusted any more");
        };
        Ok(Box::new(Trusted::until(untrusted, stream)))
    }
}

/// The certificates that the member has shown.
fn chain<S>(stream: &TlsStream<S>) -> Vec<CertificateDer<'static>> {
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    shown.iter().map(|certificate| certificate.clone().into_owned()).collect()
}

async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn host_of(address: &str) -> io::Result<&str> {
    let (host, _port) = address.rsplit_once(':').ok_or_else(|| invalid("a peer URL has a port"))?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
