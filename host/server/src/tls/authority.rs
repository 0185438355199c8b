//! An authority whose certificates are believed, less those that it revoked; read again when its files are replaced.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::VerifierBuilderError;

use super::pem;
use super::stamp::Stamp;
use crate::config::ConfigError;

/// Makes what verifies by an authority and its lists of revoked certificates. As in etcd, what an authority without a list
/// issued is not revoked; unlike there a list counts only until it says that there is to be a newer one, and then nobody whom it is
/// about is let in.
pub(super) type Build<V> = fn(
    Arc<RootCertStore>,
    Vec<CertificateRevocationListDer<'static>>,
    Arc<CryptoProvider>,
) -> Result<Arc<V>, VerifierBuilderError>;

/// The files of an authority, and what verifies by them.
#[derive(Debug)]
pub(super) struct Authority<V: ?Sized> {
    path: PathBuf,
    revoked: Option<PathBuf>,
    provider: Arc<CryptoProvider>,
    build: Build<V>,
    current: Mutex<Current<V>>,
}

/// What verifies by the files as they were read last.
#[derive(Debug)]
struct Current<V: ?Sized> {
    stamp: Stamp,
    verifier: Arc<V>,
    /// How often that was replaced.
    version: u64,
}

impl<V: ?Sized> Authority<V> {
    pub(super) fn load(
        path: &Path,
        revoked: Option<&Path>,
        provider: &Arc<CryptoProvider>,
        build: Build<V>,
    ) -> Result<Self, ConfigError> {
        let verifier = read(path, revoked, provider, build)?;
        let current = Mutex::new(Current { stamp: stamp(path, revoked), verifier, version: 0 });
        let (path, revoked) = (path.to_owned(), revoked.map(Path::to_owned));
        Ok(Self { path, revoked, provider: Arc::clone(provider), build, current })
    }

    /// What verifies by the files as they are, or were when they could last be used.
    pub(super) fn current(&self) -> Arc<V> {
        Arc::clone(&self.looked_at().verifier)
    }

    /// How often the files were replaced by others that can be used.
    pub(super) fn version(&self) -> u64 {
        self.looked_at().version
    }

    fn looked_at(&self) -> MutexGuard<'_, Current<V>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.path, self.revoked.as_deref());
        if current.stamp != stamp {
            // Also when it fails: one line in the log for each change is enough.
            current.stamp = stamp;
            match read(&self.path, self.revoked.as_deref(), &self.provider, self.build) {
                Ok(read) => {
                    tracing::info!(path = %self.path.display(), "the authority or what it revoked was replaced");
                    current.verifier = read;
                    current.version += 1;
                }
                Err(error) => {
                    tracing::error!(%error, "the authority or what it revoked was replaced and cannot be used; those before stay");
                }
            }
        }
        current
    }
}

fn stamp(authority: &Path, revoked: Option<&Path>) -> Stamp {
    Stamp::of([authority].into_iter().chain(revoked))
}

fn read<V: ?Sized>(
    authority: &Path,
    revoked: Option<&Path>,
    provider: &Arc<CryptoProvider>,
    build: Build<V>,
) -> Result<Arc<V>, ConfigError> {
    let unusable = |path: &Path, reason: String| ConfigError::BadAuthority { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(authority)? {
        roots.add(certificate).map_err(|error| unusable(authority, error.to_string()))?;
    }
    let lists = revoked.map(pem::revocations).transpose()?.unwrap_or_default();
    build(Arc::new(roots), lists, Arc::clone(provider))
        .map_err(|error| unusable(revoked.unwrap_or(authority), error.to_string()))
}
