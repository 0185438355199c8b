//! What can be wrong with a configuration. Every variant is the operator's to mend, and says how.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::url::Url;

/// One problem of a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// A flag that etcd knows and this version does not honour.
    #[error("{origin} is not supported by this version of strongroom; remove it")]
    Refused { origin: String },
    /// A flag that may only say what this version does anyhow.
    #[error("{origin} may only be {accepted} in this version of strongroom, not {value:?}; remove it")]
    Fixed { origin: String, accepted: String, value: String },
    /// A value that cannot be read.
    #[error("{origin} is {value:?}, which is not {expected}")]
    BadValue { origin: String, value: String, expected: &'static str },
    /// A URL that cannot be used.
    #[error("{origin} holds {value:?}, which cannot be used: {reason}")]
    BadUrl { origin: String, value: String, reason: &'static str },
    /// A listen URL that has a name where an address is needed.
    #[error("{origin} holds {url}: a URL to listen on needs an IP address or localhost")]
    NotBindable { origin: String, url: Url },
    /// A flag that another flag makes necessary.
    #[error("{flag} is required when {because}")]
    Missing { flag: &'static str, because: &'static str },
    /// A flag that has no effect without another one.
    #[error("{flag} is given, but {because}")]
    Pointless { flag: &'static str, because: &'static str },
    /// Two flags that contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// `--initial-cluster` with more than this member.
    #[error("--initial-cluster names {members} members: this version runs one member")]
    ManyMembers { members: usize },
    /// A rule of `--admin-identities` that cannot be read.
    #[error("--admin-identities: {0}")]
    BadRule(#[source] auth::AuthError),
    /// The seal configuration does not hold.
    #[error("--seal-config: {0}")]
    Seal(#[source] seal::SealError),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A PEM file without what was expected in it.
    #[error("{} holds no {expected} in PEM form", path.display())]
    NotPem { path: PathBuf, expected: &'static str },
    /// A certificate and a private key that do not belong together, or that cannot be used.
    #[error("the certificate {} and the private key {} cannot be used together: {source}", certificate.display(), key.display())]
    BadPair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    /// An authority file that cannot be used to verify certificates.
    #[error("{} cannot be used to verify certificates: {reason}", path.display())]
    BadAuthority { path: PathBuf, reason: String },
    /// `--data-dir` holds the files of etcd.
    #[error("--data-dir {} holds the data of an etcd member, which strongroom cannot read; choose an empty directory", path.display())]
    EtcdData { path: PathBuf },
}

/// Every problem of a configuration at once; never empty.
#[derive(Debug)]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            many => {
                write!(f, "the configuration has {} problems:", many.len())?;
                many.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}
