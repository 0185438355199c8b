//! The way to the plugin: a thread with a runtime of its own, on which all calls are made.
//!
//! So whoever asks may be a plain thread, or one of any other runtime: it only waits.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc::{self as answers, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use proto::kms::key_management_service_client::KeyManagementServiceClient;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Response, Status};
use tower::service_fn;

/// Calls handed over and not begun; each has a blocked thread behind it, and beginning one takes no time.
const CALLS_MAX: usize = 256;

/// Largest answer in bytes. The annotations, at most 32 KiB, may come as many short ones with up to ten bytes around each.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// As kube-apiserver names the other end.
const AUTHORITY: &str = "http://localhost";

pub(super) type Client = KeyManagementServiceClient<Channel>;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The way to one plugin.
pub(super) struct Link {
    connection: Arc<Connection>,
    calls: mpsc::Sender<Call>,
    timeout: Duration,
}

/// Why a call has no answer.
pub(super) enum Failure {
    /// Nothing came back.
    Unanswered(String),
    /// A status came back, or the connection broke.
    Status(Status),
}

/// The connection as it is now; without one, the next call makes it.
struct Connection {
    endpoint: Box<Path>,
    channel: Mutex<Option<Channel>>,
}

impl Link {
    pub(super) fn new(endpoint: &Path, timeout: Duration) -> io::Result<Self> {
        let (calls, queue) = mpsc::channel(CALLS_MAX);
        let (ready, started) = answers::sync_channel(1);
        thread::Builder::new().name("kms".to_owned()).spawn(move || serve(queue, &ready))?;
        started.recv().map_err(|_| io::Error::other("the thread ended"))??;
        let connection = Arc::new(Connection { endpoint: endpoint.into(), channel: Mutex::new(None) });
        Ok(Self { connection, calls, timeout })
    }

    /// Makes a call and waits for its answer, for the timeout at most.
    pub(super) fn call<A, F>(&self, call: impl FnOnce(Client) -> F + Send + 'static) -> Result<A, Failure>
    where
        A: Send + 'static,
        F: Future<Output = Result<Response<A>, Status>> + Send + 'static,
    {
        let (answer, answered) = answers::sync_channel(1);
        let (connection, timeout) = (self.connection.clone(), self.timeout);
        let call = async move {
            let outcome = connection.call(call, timeout).await;
            // Room for one, and the one who asked waits: it is not lost.
            let _ = answer.send(outcome);
        };
        if self.calls.try_send(Box::pin(call)).is_err() {
            return Err(Failure::Unanswered("too many calls wait for it".to_owned()));
        }
        answered.recv().unwrap_or_else(|_| Err(Failure::Unanswered("the call was dropped".to_owned())))
    }
}

impl Connection {
    async fn call<A, F>(&self, call: impl FnOnce(Client) -> F, timeout: Duration) -> Result<A, Failure>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let client = Client::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        match tokio::time::timeout(timeout, call(client)).await {
            Ok(outcome) => outcome.map(Response::into_inner).map_err(Failure::Status),
            Err(_) => {
                // Whoever holds the other end may never answer on it, while another serves at the socket by now.
                self.forget();
                Err(Failure::Unanswered(format!("no answer within {timeout:?}")))
            }
        }
    }

    fn channel(&self) -> Channel {
        let mut held = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_with(|| dial(&self.endpoint)).clone()
    }

    fn forget(&self) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A channel that connects when it is used, and again after it broke. Only to be made on a runtime.
fn dial(endpoint: &Path) -> Channel {
    let endpoint: Arc<Path> = endpoint.into();
    let connector = service_fn(move |_: Uri| {
        let endpoint = endpoint.clone();
        async move {
            let stream = UnixStream::connect(&endpoint).await;
            stream
                .map(TokioIo::new)
                .map_err(|error| io::Error::new(error.kind(), format!("connecting to {}: {error}", endpoint.display())))
        }
    });
    Endpoint::from_static(AUTHORITY).connect_with_connector_lazy(connector)
}

/// Makes calls until nobody is left to ask for one.
fn serve(mut queue: mpsc::Receiver<Call>, ready: &SyncSender<io::Result<()>>) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    runtime.block_on(async {
        while let Some(call) = queue.recv().await {
            tokio::spawn(call);
        }
    });
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
