//! How client commands reach the admin listener: mutual TLS, always.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};
use zeroize::Zeroizing;

/// A member that does not answer a connection attempt for this long is taken for gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for an answer: installing a plugin has every member compile it, which takes minutes for an interpreter.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// Longest time to follow something: years.
const STREAM_TIMEOUT: Duration = Duration::from_secs(1 << 30);

/// How often a member is asked for a sign of life meanwhile.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How rustls words an alert that the other side sent.
const ALERT: &str = "received fatal alert: ";

/// Members begin their own errors with this, and so does `main`.
const SPEAKER: &str = "strongroom: ";

/// Where the admin listener is, and who is asking.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// The admin listener, as https://HOST:PORT
    #[arg(long, value_name = "URL", env = "STRONGROOM_ADMIN_ENDPOINT", default_value = "https://127.0.0.1:2381")]
    endpoint: String,
    /// Authority of the member's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CACERT")]
    cacert: PathBuf,
    /// The administrator's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CERT")]
    cert: PathBuf,
    /// The administrator's private key (PEM)
    #[arg(long, value_name = "FILE", env = "STRONGROOM_KEY")]
    key: PathBuf,
}

/// Why a client command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    /// The caller's: a file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The caller's: a file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// The caller's: an endpoint that is no https URL.
    #[error("--endpoint {endpoint} cannot be used: administrators are served at https://HOST:PORT only")]
    Endpoint { endpoint: String },
    /// The caller's: certificate files that cannot be used.
    #[error("--cacert, --cert or --key cannot be used: {reason}")]
    Identity { reason: String },
    /// Nobody answers there.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: String },
    /// The member's certificate or ours was refused.
    #[error("the TLS handshake with {endpoint} failed: {reason}")]
    Handshake { endpoint: String, reason: String },
    /// The certificate is good, but not an administrator's.
    #[error("{endpoint} refused the call: {message} (it is chosen by --cert and --key)")]
    NotAdministrator { endpoint: String, message: String },
    /// The member answered with an error.
    #[error("{message}")]
    Refused { message: String },
    /// The caller's: a plugin that is not installed.
    #[error("there is no plugin {name:?}; `strongroom plugin list` shows which there are")]
    NoSuchPlugin { name: String },
    /// The caller's: a component or settings that cannot be used.
    #[error(transparent)]
    Plugin(#[from] admission::AdmissionError),
    /// The caller's: a folder without what is looked for there, or with too much of it.
    #[error("{}: {reason}", path.display())]
    Unusable { path: PathBuf, reason: String },
    /// The plugin's: what it does is not what its cases say.
    #[error("{failed} of {count} cases failed")]
    CasesFailed { failed: usize, count: usize },
    /// The plugin's: it failed where a verdict was expected.
    #[error("the plugin failed to review the write: {cause}")]
    ReviewFailed { cause: admission::Cause },
    /// The caller's: what cannot be undone was not confirmed.
    #[error("nothing was destroyed: that takes the prefix {prefix:?}, exactly as it is")]
    NotConfirmed { prefix: String },
    /// The caller's: what cannot be used of a passphrase.
    #[error("{reason}")]
    Passphrase { reason: String },
    /// Nothing can be recovered for this recipient.
    #[error("no data key is wrapped for {recipient}; they are wrapped for {others}")]
    NothingToRecover { recipient: String, others: String },
    /// The caller's: the key file cannot be made.
    #[error(transparent)]
    KeyFile(#[from] seal::SealError),
    /// The caller's: a flag that cannot be used.
    #[error("{flag} cannot be {value:?}: expected {expected}")]
    Argument { flag: &'static str, value: String, expected: String },
    /// The connection broke again and again.
    #[error("{reason}; {bytes} bytes are in {}: the same command goes on from there, within the ten minutes for which a member keeps the rest", path.display())]
    SnapshotBroke { reason: String, bytes: u64, path: PathBuf },
    /// A snapshot cannot be read.
    #[error(transparent)]
    Archive(#[from] archive::ArchiveError),
    /// Something that is done without a member cannot be done.
    #[error(transparent)]
    Offline(#[from] flow::offline::OfflineError),
    /// What was checked is not sound.
    #[error("{} is not sound: {faults} faults; use another snapshot, or get the state from another member", path.display())]
    Faulty { path: PathBuf, faults: u64 },
    /// The audit log is not whole.
    #[error("the audit log is not whole: {0}")]
    AuditLog(#[from] audit::Fault),
    /// The answer cannot be printed.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl ClientError {
    /// For `map_err`: a file that cannot be written.
    pub(crate) fn unwritable(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Unwritable { path: path.clone(), source }
    }
}

impl Connection {
    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn open(&self) -> Result<Channel, ClientError> {
        let endpoint = self.endpoint()?;
        endpoint.connect().await.map_err(|error| self.unconnected(&error))
    }

    /// Opens a channel for a call that may go on for as long as it likes.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn open_for_long(&self) -> Result<Channel, ClientError> {
        let endpoint = self.endpoint()?.timeout(STREAM_TIMEOUT).http2_keep_alive_interval(KEEP_ALIVE);
        endpoint.connect().await.map_err(|error| self.unconnected(&error))
    }

    /// What a failed call means.
    pub(crate) fn failed(&self, status: &Status) -> ClientError {
        let message = status.message().trim_start_matches(SPEAKER).to_owned();
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                ClientError::NotAdministrator { endpoint: self.endpoint.clone(), message }
            }
            // A refused client certificate is only heard of here: TLS 1.3 clients speak before they are verified.
            _ if status.source().is_some() => self.unconnected(status),
            _ => ClientError::Refused { message },
        }
    }

    fn endpoint(&self) -> Result<Endpoint, ClientError> {
        let unusable = || ClientError::Endpoint { endpoint: self.endpoint.clone() };
        if !self.endpoint.starts_with("https://") {
            return Err(unusable());
        }
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(read(&self.cacert)?))
            .identity(Identity::from_pem(read(&self.cert)?, read(&self.key)?));
        let endpoint = Endpoint::from_shared(self.endpoint.clone()).map_err(|_| unusable())?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT);
        endpoint.tls_config(tls).map_err(|error| ClientError::Identity { reason: innermost(&error) })
    }

    fn unconnected(&self, error: &(dyn Error + 'static)) -> ClientError {
        let endpoint = self.endpoint.clone();
        match tls_fault(error) {
            Some(alert @ rustls::Error::AlertReceived(_)) => unconnected_by_text(endpoint, alert.to_string()),
            Some(rustls::Error::InvalidCertificate(fault)) => {
                let reason = format!("the member's certificate does not verify with --cacert ({fault})");
                ClientError::Handshake { endpoint, reason }
            }
            Some(other) => ClientError::Handshake { endpoint, reason: other.to_string() },
            None => unconnected_by_text(endpoint, innermost(error)),
        }
    }
}

/// Once HTTP/2 runs, a TLS alert reaches us as text only.
fn unconnected_by_text(endpoint: String, text: String) -> ClientError {
    match text.strip_prefix(ALERT) {
        Some(alert) => {
            let reason = format!("the member refused the certificate of --cert ({alert})");
            ClientError::Handshake { endpoint, reason }
        }
        None => ClientError::Unreachable { endpoint, reason: text },
    }
}

/// What is in a file.
///
/// # Errors
///
/// [`ClientError::File`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    fs::read(path).map_err(|source| ClientError::File { path: path.to_owned(), source })
}

/// The secret on the first line of a file. What was read of it is overwritten.
///
/// # Errors
///
/// [`ClientError::File`].
pub(crate) fn secret(path: &Path) -> Result<Zeroizing<String>, ClientError> {
    let text = fs::read_to_string(path).map_err(|source| ClientError::File { path: path.to_owned(), source })?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// The error and all its sources.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// I/O errors carry TLS errors inside, where `source` does not show them.
fn tls_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inside.and_then(|inside| inside.downcast_ref()).or_else(|| error.downcast_ref())
    })
}

/// What is at the bottom of an error.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
