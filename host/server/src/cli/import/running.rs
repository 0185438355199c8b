//! An etcd that runs, as what is imported from.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flow::offline::{self, Importing};
use indicatif::ProgressBar;
use proto::etcdserverpb::{
    AuthStatusRequest, AuthenticateRequest, LeaseLeasesRequest, LeaseTimeToLiveRequest, RangeRequest, SnapshotRequest,
    WatchCreateRequest, WatchRequest, WatchResponse, auth_client::AuthClient, kv_client::KvClient,
    lease_client::LeaseClient, maintenance_client::MaintenanceClient, watch_client::WatchClient,
    watch_request::RequestUnion,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::{Interceptor, interceptor::InterceptedService};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status, Streaming};
use zeroize::Zeroizing;

use crate::cli::client::{ClientError, innermost, read, secret};

/// Keys of a page when all of them are compared.
const PAGE_KEYS: i64 = 1000;

/// Pages after which it is logged in again: a token of some kinds ends at a fixed time.
const LOGIN_PAGES: u32 = 100;

/// Largest answer: a page of the largest values.
const ANSWER_BYTES_MAX: usize = usize::MAX;

/// An endpoint that does not answer a connection attempt for this long is taken for gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection with a call under way is probed, and how long the answer may take. etcd takes it ill below 5 s.
const PROBE: Duration = Duration::from_secs(10);

/// How long it is tried to go on with a watch that broke, and how often.
const AGAIN_MAX: Duration = Duration::from_secs(180);
const AGAIN: Duration = Duration::from_secs(1);

/// Where an etcd's user token stands in the metadata of a call.
const TOKEN: &str = "token";

/// Where it is, and who is asking.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "An etcd that runs")]
pub(super) struct Access {
    /// Import from an etcd that runs, at https://HOST:PORT or http://HOST:PORT (of several, separated by commas, the first that
    /// answers), rather than from a file; goes on with what it writes until interrupted (Ctrl-C), when nobody writes any more
    #[arg(
        long,
        value_name = "URLS",
        value_delimiter = ',',
        conflicts_with = "source",
        required_unless_present = "source"
    )]
    pub(super) from: Vec<String>,
    /// Authority of its certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "from")]
    cacert: Option<PathBuf>,
    /// Certificate to show to it (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["from", "key"])]
    cert: Option<PathBuf>,
    /// Private key of that (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A user of it with the role root, where users are enabled and the certificate is not one's
    #[arg(long, value_name = "NAME", requires = "from")]
    user: Option<String>,
    /// File with that user's password on its first line [default: it is asked for]
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

impl Access {
    /// Connects to the first endpoint that answers, and logs in.
    ///
    /// # Errors
    ///
    /// [`ClientError`] of the last endpoint, or the etcd's refusal.
    pub(super) async fn connect(&self) -> Result<Etcd, ClientError> {
        let mut failed =
            ClientError::Unreachable { endpoint: String::new(), reason: "no endpoint is given".to_owned() };
        for endpoint in &self.from {
            match self.connect_to(endpoint).await {
                Ok(channel) => return self.enter(endpoint.clone(), channel).await,
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn connect_to(&self, endpoint: &str) -> Result<Channel, ClientError> {
        let unusable = |reason: String| ClientError::Unreachable { endpoint: endpoint.to_owned(), reason };
        let mut target = Endpoint::from_shared(endpoint.to_owned()).map_err(|error| unusable(error.to_string()))?;
        if endpoint.starts_with("https://") {
            let mut tls = ClientTlsConfig::new();
            if let Some(authority) = &self.cacert {
                tls = tls.ca_certificate(Certificate::from_pem(read(authority)?));
            }
            if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            target = target.tls_config(tls).map_err(|error| unusable(error.to_string()))?;
        }
        let target = target.http2_keep_alive_interval(PROBE).keep_alive_timeout(PROBE);
        target.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(|error| unusable(innermost(&error)))
    }

    async fn enter(&self, endpoint: String, channel: Channel) -> Result<Etcd, ClientError> {
        let login = self.user.as_ref().map(|name| Ok::<_, ClientError>((name.clone(), self.password(name)?)));
        let token = Token::default();
        let link = InterceptedService::new(channel, token.clone());
        let etcd = Etcd { link, token, login: login.transpose()?, endpoint };
        etcd.log_in().await?;
        Ok(etcd)
    }

    fn password(&self, name: &str) -> Result<Zeroizing<String>, ClientError> {
        let ask = || Ok(Zeroizing::new(rpassword::prompt_password(format!("Password of {name}: "))?));
        self.password_file.as_deref().map_or_else(ask, secret)
    }
}

/// What a user is known by after logging in; nothing without one.
#[derive(Clone, Default)]
struct Token(Arc<RwLock<Option<AsciiMetadataValue>>>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = self.0.read().unwrap_or_else(PoisonError::into_inner).clone() {
            request.metadata_mut().insert(TOKEN, token);
        }
        Ok(request)
    }
}

type Link = InterceptedService<Channel, Token>;

/// An etcd that answers.
pub(super) struct Etcd {
    link: Link,
    token: Token,
    login: Option<(String, Zeroizing<String>)>,
    endpoint: String,
}

/// A watch on everything; it ends with its questions.
pub(super) struct Watch {
    answers: Streaming<WatchResponse>,
    _questions: mpsc::Sender<WatchRequest>,
}

impl Watch {
    /// The next answer; `None` when the stream broke or ended.
    pub(super) async fn next(&mut self) -> Option<WatchResponse> {
        self.answers.message().await.ok().flatten()
    }
}

impl Etcd {
    fn failed(&self, status: &Status) -> ClientError {
        ClientError::Refused { message: format!("{}: {}", self.endpoint, status.message()) }
    }

    pub(super) fn refused(&self, what: &str) -> ClientError {
        ClientError::Refused { message: format!("{}: {what}", self.endpoint) }
    }

    pub(super) fn still_written(&self) -> ClientError {
        self.refused(
            "keys were written, or leases ended, each time that all of it was compared; stop whoever writes, and import again",
        )
    }

    fn kv(&self) -> KvClient<Link> {
        KvClient::new(self.link.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(super) async fn save(&self, to: &Path, bar: &ProgressBar) -> Result<(), ClientError> {
        let unwritable = ClientError::unwritable(to);
        let mut client = MaintenanceClient::new(self.link.clone());
        let pieces = client.snapshot(SnapshotRequest {}).await;
        let mut pieces = pieces.map_err(|status| self.failed(&status))?.into_inner();
        let mut file = BufWriter::new(File::create_new(to).map_err(&unwritable)?);
        while let Some(piece) = pieces.message().await.map_err(|status| self.failed(&status))? {
            file.write_all(&piece.blob).map_err(&unwritable)?;
            bar.inc(piece.blob.len() as u64);
        }
        file.flush().map_err(&unwritable)
    }

    pub(super) async fn watch(&self, from: i64) -> Result<Watch, ClientError> {
        let everything = WatchCreateRequest {
            key: Bytes::from_static(&[0]),
            range_end: Bytes::from_static(&[0]),
            start_revision: from,
            ..WatchCreateRequest::default()
        };
        let (questions, asked) = mpsc::channel(1);
        let question = WatchRequest { request_union: Some(RequestUnion::CreateRequest(everything)) };
        // There is room for one.
        let _ = questions.send(question).await;
        let mut client = WatchClient::new(self.link.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answers = client.watch(ReceiverStream::new(asked)).await.map_err(|status| self.failed(&status))?;
        Ok(Watch { answers: answers.into_inner(), _questions: questions })
    }

    /// Goes on with a watch that broke, behind this revision.
    ///
    /// # Errors
    ///
    /// When that does not succeed for three minutes.
    pub(super) async fn watch_again(&self, revision: i64) -> Result<Watch, ClientError> {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(AGAIN).await;
            let again = match self.log_in().await {
                Ok(()) => self.watch(revision + 1).await,
                Err(error) => Err(error),
            };
            match again {
                Err(_) if begun.elapsed() < AGAIN_MAX => {}
                done => return done,
            }
        }
    }

    /// A token lasts for some minutes in which it is not used.
    ///
    /// # Errors
    ///
    /// The etcd's refusal.
    pub(super) async fn log_in(&self) -> Result<(), ClientError> {
        let Some((name, password)) = &self.login else { return Ok(()) };
        let request = AuthenticateRequest { name: name.clone(), password: password.to_string() };
        let answer = AuthClient::new(self.link.clone()).authenticate(request).await;
        let token = answer.map_err(|status| self.failed(&status))?.into_inner().token;
        let token = AsciiMetadataValue::try_from(token);
        let token =
            token.map_err(|_| ClientError::Refused { message: format!("{}: a malformed token", self.endpoint) })?;
        *self.token.0.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }

    pub(super) async fn newest(&self) -> Result<i64, ClientError> {
        let query = RangeRequest { key: Bytes::from_static(&[0]), count_only: true, ..RangeRequest::default() };
        let answer = self.kv().range(query).await.map_err(|status| self.failed(&status))?.into_inner();
        Ok(answer.header.map_or(0, |header| header.revision))
    }

    /// All keys as of a revision, page by page. Returns the leases that they are under.
    pub(super) async fn compare(&self, importing: &Importing, revision: i64) -> Result<BTreeSet<i64>, ClientError> {
        let (mut kv, mut from, mut attached, mut pages) = (self.kv(), vec![0], BTreeSet::new(), 0);
        loop {
            let query = RangeRequest {
                key: from.clone().into(),
                range_end: Bytes::from_static(&[0]),
                limit: PAGE_KEYS,
                revision,
                ..RangeRequest::default()
            };
            let page = kv.range(query).await.map_err(|status| self.failed(&status))?.into_inner();
            let theirs: Vec<_> = page.kvs.into_iter().map(offline::key_value).collect();
            importing.compare(&from, &theirs, !page.more)?;
            pages += 1;
            if pages % LOGIN_PAGES == 0 {
                self.log_in().await?;
            }
            attached.extend(theirs.iter().map(|kv| kv.lease).filter(|lease| *lease != 0));
            match theirs.last().filter(|_| page.more) {
                Some(last) => from = [&last.key[..], &[0]].concat(),
                None => return Ok(attached),
            }
        }
    }

    /// Users and roles are known from the snapshot alone: passwords cannot be asked for.
    pub(super) async fn check_users(&self, importing: &Importing) -> Result<(), ClientError> {
        let status = AuthClient::new(self.link.clone()).auth_status(AuthStatusRequest {}).await;
        let known = importing.auth_revision();
        match status.map(|status| status.into_inner().auth_revision) {
            Ok(now) if known != 0 && now != known => Err(ClientError::Refused {
                message: format!("{}: users or roles were changed meanwhile; import again", self.endpoint),
            }),
            // Before 3.5 etcd does not tell.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) async fn leases(&self) -> Result<Vec<offline::LeaseRecord>, ClientError> {
        let mut client = LeaseClient::new(self.link.clone());
        let listed = client.lease_leases(LeaseLeasesRequest {}).await.map_err(|status| self.failed(&status))?;
        let mut leases = Vec::new();
        for lease in listed.into_inner().leases {
            let question = LeaseTimeToLiveRequest { id: lease.id, keys: false };
            let answer = client.lease_time_to_live(question).await.map_err(|status| self.failed(&status))?.into_inner();
            // One that has ended meanwhile has none.
            if answer.ttl > 0 {
                let (id, ttl_seconds, remaining_seconds) = (lease.id, answer.granted_ttl, answer.ttl);
                leases.push(offline::LeaseRecord { id, ttl_seconds, remaining_seconds });
            }
        }
        Ok(leases)
    }
}
