//! Binds the addresses of all listeners, before anything else is started: a port in use costs nothing then.

use std::io;

use tokio::net::TcpListener;

use crate::config::url::Url;
use crate::config::{Config, Door};
use crate::error::ServerError;

/// One bound address.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Accepts connections.
    pub(crate) listener: TcpListener,
    /// Where it is, with the port that was found when 0 was asked for.
    pub(crate) url: Url,
}

/// Every bound address.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// For etcd clients.
    pub(crate) client: Vec<Socket>,
    /// For members.
    pub(crate) peer: Vec<Socket>,
    /// For administrators.
    pub(crate) admin: Vec<Socket>,
    /// For monitoring.
    pub(crate) metrics: Vec<Socket>,
}

impl Sockets {
    /// Binds them all.
    ///
    /// # Errors
    ///
    /// [`ServerError::AddressInUse`] or [`ServerError::Bind`], with the flag that named the address.
    pub(crate) async fn bind(config: &Config) -> Result<Self, ServerError> {
        Ok(Self {
            client: bind(&config.client).await?,
            peer: bind(&config.peer).await?,
            admin: bind(&config.admin).await?,
            metrics: bind(&config.metrics).await?,
        })
    }
}

async fn bind(door: &Door) -> Result<Vec<Socket>, ServerError> {
    let mut sockets = Vec::new();
    for url in &door.listen {
        let address = url.bind_address().expect("a resolved configuration only holds URLs that can be bound");
        let flag = door.flag;
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ServerError::AddressInUse { flag, address },
            _ => ServerError::Bind { flag, address, source },
        })?;
        let bound = listener.local_addr().map_err(|source| ServerError::Bind { flag, address, source })?;
        sockets.push(Socket { listener, url: Url::of_listener(url.is_tls(), bound) });
    }
    Ok(sockets)
}

/// The URLs of some sockets.
pub(crate) fn urls(sockets: &[Socket]) -> Vec<Url> {
    sockets.iter().map(|socket| socket.url.clone()).collect()
}
