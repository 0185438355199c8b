//! A KMS v2 plugin as Kubernetes knows it: a gRPC server at a unix socket, with keys that rotate.
//!
//! Its cipher is a pad for each key, good for nothing but to show which key was used.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use proto::kms::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
    key_management_service_server::{KeyManagementService, KeyManagementServiceServer},
};
use tokio::{
    net::UnixListener,
    runtime::{Builder, Runtime},
};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::Random;

/// Bytes of a pad: more than what is ever encrypted.
const PAD_BYTES: usize = 1024;

/// A plugin. Dropping it ends it.
#[derive(Debug)]
pub struct KmsPlugin {
    socket: PathBuf,
    keys: Keys,
    /// Of its own, so that all of its connections end with it.
    serving: Option<Runtime>,
}

#[derive(Debug, Clone, Default)]
struct Keys(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    pads: BTreeMap<String, Vec<u8>>,
    current: String,
}

impl KmsPlugin {
    /// Serves at `socket` with a first key.
    ///
    /// # Panics
    /// When it cannot listen there.
    #[must_use]
    pub fn start(socket: &Path, key_id: &str) -> Self {
        let mut plugin = Self { socket: socket.to_owned(), keys: Keys::default(), serving: None };
        plugin.rotate(key_id);
        plugin.serve();
        plugin
    }

    /// Encrypts with a new key from now on; older ones still decrypt.
    pub fn rotate(&self, key_id: &str) {
        let mut random = Random::new(key_id.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)));
        let pad = (0..PAD_BYTES).map(|_| u8::try_from(random.below(256)).expect("a byte")).collect();
        let mut held = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.pads.insert(key_id.to_owned(), pad);
        held.current = key_id.to_owned();
    }

    /// Decrypts what was encrypted with a pad that somebody else made.
    pub fn know(&self, key_id: &str, pad: Vec<u8>) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).pads.insert(key_id.to_owned(), pad);
    }

    /// Serves again after [`KmsPlugin::kill`].
    ///
    /// # Panics
    /// When it serves already or cannot listen.
    pub fn serve(&mut self) {
        assert!(self.serving.is_none(), "it serves already");
        // What a killed process leaves behind.
        drop(fs::remove_file(&self.socket));
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime can be made");
        let entered = runtime.enter();
        let listener = UnixListener::bind(&self.socket).expect("a socket can be made there");
        drop(entered);
        let service = KeyManagementServiceServer::new(self.keys.clone());
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener)));
        self.serving = Some(runtime);
    }

    /// Ends it as `kill -9` would: connections break, and nobody listens.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.serving.take() {
            runtime.shutdown_background();
            drop(fs::remove_file(&self.socket));
        }
    }
}

impl Drop for KmsPlugin {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Keys {
    fn padded(&self, key_id: &str, text: &[u8]) -> Result<Bytes, Status> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pad = held.pads.get(key_id).ok_or_else(|| Status::not_found("no such key"))?;
        if text.len() > pad.len() {
            return Err(Status::invalid_argument("too long"));
        }
        Ok(text.iter().zip(pad).map(|(text, pad)| text ^ pad).collect())
    }

    fn current(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).current.clone()
    }
}

#[tonic::async_trait]
impl KeyManagementService for Keys {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let (version, healthz) = ("v2".to_owned(), "ok".to_owned());
        Ok(Response::new(StatusResponse { version, healthz, key_id: self.current() }))
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let key_id = self.current();
        let ciphertext = self.padded(&key_id, &request.into_inner().plaintext)?;
        Ok(Response::new(EncryptResponse { ciphertext, key_id, ..EncryptResponse::default() }))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let DecryptRequest { ciphertext, key_id, .. } = request.into_inner();
        Ok(Response::new(DecryptResponse { plaintext: self.padded(&key_id, &ciphertext)? }))
    }
}
