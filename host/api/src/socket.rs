//! What is listened on: an address of TCP, or a path of the file system.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// The kernel asks a silent peer for a sign of life this often, so that one which vanished without a word does not hold
/// a connection until the far longer interval of gRPC's own asking: etcd's value.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A socket that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// `http://` and `https://`.
    Tcp(TcpListener),
    /// `unix://` and `unixs://`.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// A stream that can be conversed on.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for S {}

/// A connection.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                // A connection that is gone already is found out by whoever reads from it.
                let _ = stream.set_nodelay(true);
                let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEP_ALIVE));
                Ok(Accepted::Tcp(stream, remote))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }

    /// Accepts nothing more, and takes away the file of a unix socket.
    pub(crate) fn close(self) {
        let Self::Unix(listener) = &self else { return };
        let address = listener.local_addr();
        drop(self);
        if let Some(path) = address.ok().as_ref().and_then(|address| address.as_pathname())
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(path = %path.display(), %error, "the socket was not removed");
        }
    }
}
