//! Binds the addresses of all listeners, before anything else is started: a port in use costs nothing then.

use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::{fs, io};

use api::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::config::url::Url;
use crate::config::{Config, Door};
use crate::error::ServerError;

/// One bound address.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Accepts connections.
    pub(crate) listener: Listener,
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
        sockets.push(match url.socket_path() {
            Some(path) => Socket { listener: bind_path(path, door.flag)?.into(), url: url.clone() },
            None => bind_address(url, door.flag).await?,
        });
    }
    Ok(sockets)
}

async fn bind_address(url: &Url, flag: &'static str) -> Result<Socket, ServerError> {
    let address = url.bind_address().expect("a resolved configuration only holds URLs that can be bound");
    let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::AddressInUse { flag, address },
        _ => ServerError::Bind { flag, address, source },
    })?;
    let bound = listener.local_addr().map_err(|source| ServerError::Bind { flag, address, source })?;
    Ok(Socket { listener: listener.into(), url: Url::of_listener(url.is_tls(), bound) })
}

/// Binds a unix socket, in the place of one that a process left behind when it ended.
fn bind_path(path: &Path, flag: &'static str) -> Result<UnixListener, ServerError> {
    let failed = |source| ServerError::BindPath { flag, path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        // Only a socket that nobody answers on is removed; etcd removes whatever is there.
        Ok(found) if found.file_type().is_socket() => match UnixStream::connect(path) {
            Ok(_) => return Err(ServerError::SocketInUse { flag, path: path.to_owned() }),
            Err(_) => fs::remove_file(path).map_err(failed)?,
        },
        _ => {}
    }
    UnixListener::bind(path).map_err(failed)
}

/// The URLs of some sockets.
pub(crate) fn urls(sockets: &[Socket]) -> Vec<Url> {
    sockets.iter().map(|socket| socket.url.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let first = bind_path(&path, "--flag").unwrap();
        assert!(matches!(bind_path(&path, "--flag"), Err(ServerError::SocketInUse { .. })));
        drop(first);
        assert!(path.exists() && bind_path(&path, "--flag").is_ok());
        let file = folder.path().join("file");
        fs::write(&file, "not a socket").unwrap();
        assert!(matches!(bind_path(&file, "--flag"), Err(ServerError::BindPath { .. })));
        assert_eq!(fs::read(&file).unwrap(), b"not a socket");
    }
}
