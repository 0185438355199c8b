//! Connections to the endpoints.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::etcdserverpb::{
    AuthenticateRequest, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, RangeResponse,
    TxnRequest, TxnResponse, auth_client::AuthClient, kv_client::KvClient, lease_client::LeaseClient,
    watch_client::WatchClient,
};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::credentials::Credentials;
use crate::error::{BenchError, innermost};

/// A server that does not take a connection within this time is taken for gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of one answer that may be on their way: a whole list, so that no server waits for us.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;

/// The same for all answers of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 256 << 20;

/// What is wrong with certificates for an http:// endpoint.
const PLAIN: &str =
    "certificates are for https:// only; leave out --cacert, --cert and --key, and unset their variables";

/// Where etcd looks for a token.
const TOKEN: &str = "token";

/// Where the servers are, and who is asking: by flags, or by etcdctl's variables, which `strongroom dev` leaves in a file.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Endpoints {
    /// Servers, separated by commas, as http://HOST:PORT or https://HOST:PORT; connections take turns
    #[arg(
        long,
        value_name = "URLS",
        env = "ETCDCTL_ENDPOINTS",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:2379"
    )]
    pub(crate) endpoints: Vec<String>,
    /// Authority of the servers' certificates (PEM); needed for https
    #[arg(long, value_name = "FILE", env = "ETCDCTL_CACERT")]
    pub(crate) cacert: Option<PathBuf>,
    /// Certificate of this client (PEM)
    #[arg(long, value_name = "FILE", env = "ETCDCTL_CERT", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of this client (PEM)
    #[arg(long, value_name = "FILE", env = "ETCDCTL_KEY", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// User and password, when the servers want them
    #[arg(long, value_name = "NAME:PASSWORD", env = "ETCDCTL_USER", hide_env_values = true)]
    pub(crate) user: Option<Credentials>,
}

impl Endpoints {
    /// The endpoints as URLs: one without a scheme gets the one that the other flags speak for.
    pub(crate) fn urls(&self) -> Vec<String> {
        let scheme = if self.cacert.is_some() { "https" } else { "http" };
        let url = |endpoint: &String| match endpoint.contains("://") {
            true => endpoint.clone(),
            false => format!("{scheme}://{endpoint}"),
        };
        self.endpoints.iter().map(url).collect()
    }

    /// Opens so many connections, the endpoints in turn.
    ///
    /// # Errors
    /// [`BenchError`] for the first that cannot be opened.
    pub(crate) async fn open(&self, count: usize, timeout: Duration) -> Result<Vec<Connection>, BenchError> {
        let urls = self.urls();
        let endpoints = urls.iter().map(|url| self.endpoint(url)).collect::<Result<Vec<_>, _>>()?;
        let mut connections: Vec<Connection> = Vec::with_capacity(count);
        for (endpoint, url) in endpoints.iter().zip(&urls).cycle().take(count) {
            let unreachable =
                |error| BenchError::Unreachable { endpoint: url.clone(), reason: innermost(&error).to_string() };
            let channel = endpoint.connect().await.map_err(unreachable)?;
            let token = match (&self.user, connections.first()) {
                (None, _) => None,
                (Some(_), Some(first)) => first.token.clone(),
                (Some(user), None) => Some(authenticate(&channel, user, timeout).await?),
            };
            connections.push(Connection { channel, token });
        }
        Ok(connections)
    }

    fn endpoint(&self, url: &str) -> Result<Endpoint, BenchError> {
        let bad = |reason: &str| BenchError::Arguments(format!("--endpoints {url} cannot be used: {reason}"));
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| bad(&innermost(&error).to_string()))?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let cacert = match (url.split_once("://").map(|(scheme, _)| scheme), &self.cacert) {
            (Some("http"), None) if self.cert.is_none() => return Ok(endpoint),
            (Some("http"), _) => return Err(bad(PLAIN)),
            (Some("https"), Some(cacert)) => cacert,
            (Some("https"), None) => return Err(bad("https:// needs --cacert, the authority of its certificate")),
            _ => return Err(bad("it has to be http://HOST:PORT or https://HOST:PORT")),
        };
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(cacert)?));
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        let unusable = |error| BenchError::Identity { endpoint: url.to_owned(), reason: innermost(&error).to_string() };
        endpoint.tls_config(tls).map_err(unusable)
    }
}

async fn authenticate(
    channel: &Channel,
    user: &Credentials,
    limit: Duration,
) -> Result<AsciiMetadataValue, BenchError> {
    let request = AuthenticateRequest { name: user.name.clone(), password: user.password.clone() };
    let mut client = AuthClient::new(channel.clone());
    let what = "authenticate as --user";
    let response = answer(what, limit, client.authenticate(request)).await?.into_inner();
    let unusable = |_| Status::internal("the token that the server gave is no text");
    response.token.parse().map_err(|error| BenchError::Refused { what, status: Box::new(unusable(error)) })
}

/// What a call that has to succeed was answered.
///
/// # Errors
/// [`BenchError::Refused`] and [`BenchError::Unanswered`].
pub(crate) async fn answer<T>(
    what: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, BenchError> {
    match tokio::time::timeout(limit, call).await {
        Ok(outcome) => outcome.map_err(|status| BenchError::Refused { what, status: Box::new(status) }),
        Err(_) => Err(BenchError::Unanswered { what, limit }),
    }
}

/// One connection, and the token that goes with each call. Clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    channel: Channel,
    token: Option<AsciiMetadataValue>,
}

impl Connection {
    /// Its key-value service.
    pub(crate) fn kv(&self) -> Kv {
        let client = KvClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        Kv { client, connection: self.clone() }
    }

    /// Its watch service.
    pub(crate) fn watch(&self) -> WatchClient<Channel> {
        WatchClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    /// Its lease service.
    pub(crate) fn lease(&self) -> LeaseClient<Channel> {
        LeaseClient::new(self.channel.clone())
    }

    /// A call with the token.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert(TOKEN, token.clone());
        }
        request
    }
}

/// The key-value service over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Kv {
    client: KvClient<Channel>,
    connection: Connection,
}

impl Kv {
    pub(crate) async fn put(&mut self, request: PutRequest) -> Result<PutResponse, Status> {
        Ok(self.client.put(self.connection.request(request)).await?.into_inner())
    }

    pub(crate) async fn range(&mut self, request: RangeRequest) -> Result<RangeResponse, Status> {
        Ok(self.client.range(self.connection.request(request)).await?.into_inner())
    }

    pub(crate) async fn txn(&mut self, request: TxnRequest) -> Result<TxnResponse, Status> {
        Ok(self.client.txn(self.connection.request(request)).await?.into_inner())
    }

    pub(crate) async fn delete_range(&mut self, request: DeleteRangeRequest) -> Result<DeleteRangeResponse, Status> {
        Ok(self.client.delete_range(self.connection.request(request)).await?.into_inner())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BenchError> {
    fs::read(path).map_err(|source| BenchError::File { path: path.to_owned(), source })
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
