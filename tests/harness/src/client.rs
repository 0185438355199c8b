//! gRPC, for what `etcdctl` 3.4 cannot ask.

use std::time::Duration;

use proto::etcdserverpb::{
    cluster_client::ClusterClient, kv_client::KvClient, lease_client::LeaseClient,
    maintenance_client::MaintenanceClient, watch_client::WatchClient,
};
use tonic::transport::{Channel, Endpoint, Error};

use crate::{Certificates, Watching};

/// Largest answer accepted: the whole history of a crash test comes in one list.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest wait for a connection to this machine; a process that was stopped still takes them.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);

/// Every etcd service over one connection. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    /// Range, put, delete, txn, compact.
    pub kv: KvClient<Channel>,
    /// Watches; see [`Client::watch`].
    pub watch: WatchClient<Channel>,
    /// Leases.
    pub lease: LeaseClient<Channel>,
    /// Members.
    pub cluster: ClusterClient<Channel>,
    /// Status and hashes.
    pub maintenance: MaintenanceClient<Channel>,
}

impl Client {
    /// The services behind a connection.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            kv: KvClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX),
            watch: WatchClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX),
            lease: LeaseClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX),
            cluster: ClusterClient::new(channel.clone()),
            maintenance: MaintenanceClient::new(channel),
        }
    }

    /// A watch stream of its own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn watch(&self) -> Watching {
        Watching::open(self.watch.clone(), false)
    }

    /// A watch stream that wants to be ended when its member has no leader (`hasleader`).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn watch_with_leader(&self) -> Watching {
        Watching::open(self.watch.clone(), true)
    }
}

/// Connects to a port of this machine, over mTLS when certificates are given.
///
/// # Errors
/// When nobody listens there or the handshake is refused at once.
pub async fn connect(port: u16, certificates: Option<&Certificates>) -> Result<Channel, Error> {
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://127.0.0.1:{port}"))?.tcp_nodelay(true);
    match certificates {
        Some(files) => endpoint.tls_config(files.for_tonic())?.connect().await,
        None => endpoint.connect().await,
    }
}

/// As [`connect`] without TLS, but connects with the first call, and again whenever the connection is lost.
///
/// # Panics
/// Outside of a tokio runtime.
#[must_use]
pub fn connect_lazy(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("it is a URL");
    endpoint.tcp_nodelay(true).connect_timeout(CONNECT_TIME_MAX).connect_lazy()
}
