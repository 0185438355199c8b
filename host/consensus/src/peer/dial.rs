//! Connecting to a member by one of its peer URLs.

use std::{io, sync::Arc, time::Duration};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::PeerNode;

/// TLS of connections to members; how certificates are found and checked is the server's business.
pub type PeerTls = Arc<ClientConfig>;

/// Data that one stream may have under way: enough for a batch of entries, little beside the memory of a member.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;

/// The same for a whole connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The authority of the requests: which member is meant is said in their metadata.
const AUTHORITY: &str = "http://peer";

/// Makes connections to members.
#[derive(Clone)]
pub(crate) struct Dialer {
    tls: Option<PeerTls>,
    /// How long a connection may take to come about, and to answer a ping.
    patience: Duration,
}

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Dialer {
    pub(crate) fn new(tls: Option<PeerTls>, patience: Duration) -> Self {
        let tls = tls.map(|tls| {
            let mut tls = ClientConfig::clone(&tls);
            tls.alpn_protocols = vec![b"h2".to_vec()];
            Arc::new(tls)
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
        let tls = self.tls.clone().ok_or_else(|| invalid("this member has no TLS for its peers"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| invalid("not a host name"))?;
        Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
    }
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
