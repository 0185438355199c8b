//! A KMS plugin for tests: a real gRPC server at a real socket, with keys of its own and faults on demand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use proto::kms::key_management_service_server::{KeyManagementService, KeyManagementServiceServer};
use proto::kms::{DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, async_trait};
use zeroize::Zeroizing;

use super::{Kms, KmsOptions};
use crate::RootKey;

pub(super) struct FakePlugin {
    directory: tempfile::TempDir,
    kms: Arc<Mutex<FakeKms>>,
    running: Option<Runtime>,
}

/// What the plugin knows, and what it is to do wrong.
pub(super) struct FakeKms {
    pub(super) keys: BTreeMap<String, [u8; 32]>,
    pub(super) status: StatusResponse,
    pub(super) hangs: bool,
    /// The key that encrypts, when it is not the one that the status names.
    pub(super) lags: Option<String>,
    pub(super) fails: Option<Status>,
    pub(super) spoils_encrypted: fn(&mut EncryptResponse),
    pub(super) spoils_decrypted: fn(&mut DecryptResponse),
    pub(super) uids: Vec<String>,
}

impl FakePlugin {
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut plugin = Self { directory, kms: Arc::new(Mutex::new(FakeKms::new())), running: None };
        plugin.serve();
        plugin
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("kms.sock")
    }

    /// Serves at the socket from now on.
    pub(super) fn serve(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = listen(&runtime, &self.socket());
        let service = KeyManagementServiceServer::new(Service(self.kms.clone()));
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(listener));
        self.running = Some(runtime);
    }

    /// Ends as a killed process does: connections break, the socket's file stays.
    pub(super) fn kill(&mut self) {
        self.running.take().unwrap().shutdown_timeout(Duration::from_secs(10));
    }

    pub(super) fn kms(&self) -> MutexGuard<'_, FakeKms> {
        self.kms.lock().unwrap()
    }

    pub(super) fn provider(&self) -> Kms {
        self.provider_with_timeout(Duration::from_secs(60))
    }

    pub(super) fn provider_with_timeout(&self, timeout: Duration) -> Kms {
        Kms::open(KmsOptions { name: "test".to_owned(), endpoint: self.socket(), timeout }).unwrap()
    }
}

impl FakeKms {
    fn new() -> Self {
        let version = "v2".to_owned();
        let status = StatusResponse { version, healthz: "ok".to_owned(), key_id: String::new() };
        let mut kms = Self {
            keys: BTreeMap::new(),
            status,
            hangs: false,
            lags: None,
            fails: None,
            spoils_encrypted: |_| {},
            spoils_decrypted: |_| {},
            uids: Vec::new(),
        };
        kms.rotate("key-1");
        kms
    }

    /// Makes a new key, and the one that encrypts.
    pub(super) fn rotate(&mut self, key_id: &str) {
        self.keys.insert(key_id.to_owned(), *RootKey::generate().unwrap().expose());
        self.status.key_id = key_id.to_owned();
    }

    fn key(&self, key_id: &str) -> Result<RootKey, Status> {
        let key = self.keys.get(key_id).ok_or_else(|| Status::not_found("no such key"))?;
        Ok(RootKey::from_bytes(Zeroizing::new(*key)))
    }

    fn encrypt(&self, plaintext: &[u8]) -> Result<EncryptResponse, Status> {
        let key_id = self.lags.clone().unwrap_or_else(|| self.status.key_id.clone());
        let ciphertext = self.key(&key_id)?.wrap(plaintext, b"").unwrap().into();
        let annotations = [("note.kms.example".to_owned(), Bytes::from_static(b"a note"))].into();
        let mut answer = EncryptResponse { ciphertext, key_id, annotations };
        (self.spoils_encrypted)(&mut answer);
        Ok(answer)
    }

    /// Looks at key id and ciphertext only, as many plugins do.
    fn decrypt(&self, request: &DecryptRequest) -> Result<DecryptResponse, Status> {
        let opened = self.key(&request.key_id)?.unwrap(&request.ciphertext, b"");
        let opened = opened.map_err(|_| Status::invalid_argument("not a ciphertext of this key"))?;
        let mut answer = DecryptResponse { plaintext: opened.to_vec().into() };
        (self.spoils_decrypted)(&mut answer);
        Ok(answer)
    }
}

struct Service(Arc<Mutex<FakeKms>>);

impl Service {
    async fn answer<A>(
        &self,
        uid: &str,
        answer: impl FnOnce(&FakeKms) -> Result<A, Status>,
    ) -> Result<Response<A>, Status> {
        let hangs = self.0.lock().unwrap().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut kms = self.0.lock().unwrap();
        kms.uids.push(uid.to_owned());
        let failure = kms.fails.clone().map_or(Ok(()), Err);
        failure.and_then(|()| answer(&kms)).map(Response::new)
    }
}

#[async_trait]
impl KeyManagementService for Service {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.answer("", |kms| Ok(kms.status.clone())).await
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let request = request.into_inner();
        self.answer(&request.uid, |kms| kms.encrypt(&request.plaintext)).await
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let request = request.into_inner();
        self.answer(&request.uid, |kms| kms.decrypt(&request)).await
    }
}

fn listen(runtime: &Runtime, socket: &Path) -> UnixListenerStream {
    let _ = std::fs::remove_file(socket);
    let _context = runtime.enter();
    UnixListenerStream::new(UnixListener::bind(socket).unwrap())
}
