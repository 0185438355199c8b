//! What can be wrong with a configuration. Every variant is the operator's to mend, and says how.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::url::Url;

/// One problem of a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// A flag that asks for what is not there and cannot be passed over.
    #[error("{origin} is not supported: {why}")]
    Refused { origin: String, why: &'static str },
    /// A flag that may only say what happens anyhow.
    #[error("{origin} may only be {accepted}, not {value:?}: {why}")]
    Fixed { origin: String, accepted: String, value: String, why: &'static str },
    /// A flag that is set twice, by two who may not know of each other. etcd refuses it too.
    #[error("{variable} and {flag} both set the same; unset the variable or leave out the flag")]
    Shadowed { variable: String, flag: String },
    /// An environment variable that is no text.
    #[error("{origin} is not UTF-8")]
    NotUnicode { origin: String },
    /// A key of the configuration file that means nothing.
    #[error("{origin} is not a known key{}", did_you_mean(*suggestion))]
    UnknownKey { origin: String, suggestion: Option<&'static str> },
    /// A key of the configuration file that belongs into a section, where etcd reads it.
    #[error("{origin} belongs under {section}")]
    Misplaced { origin: String, section: &'static str },
    /// A configuration file that is not YAML, or not one of keys and values.
    #[error("cannot read {}: {reason}", path.display())]
    BadFile { path: PathBuf, reason: String },
    /// A value that cannot be read.
    #[error("{origin} is {value:?}, which is not {expected}")]
    BadValue { origin: String, value: String, expected: &'static str },
    /// A value that is not the JSON that it should be.
    #[error("{origin} is not usable: {reason}")]
    BadJson { origin: String, reason: String },
    /// A place for backups that cannot be used.
    #[error("{origin} is not usable: {reason}")]
    BadPlace { origin: String, reason: String },
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
    /// A rule of `--admin-identities` and its like that cannot be read.
    #[error("{flag}: {source}")]
    BadRule { flag: &'static str, source: auth::AuthError },
    /// A file of limits that cannot be read.
    #[error("--limits-config {}: {reason}", path.display())]
    Limits { path: PathBuf, reason: String },
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
    /// TLS settings that leave nothing to speak.
    #[error("--tls-min-version, --tls-max-version and --cipher-suites leave no TLS to speak: {0}")]
    Tls(#[source] rustls::Error),
    /// `--data-dir` holds the files of etcd.
    #[error(
        "--data-dir {0} holds the data of an etcd member; choose another directory, having made it with: strongroom import etcd {0}",
        path.display()
    )]
    EtcdData { path: PathBuf },
}

/// The end of a sentence about a name that nobody knows.
pub(crate) fn did_you_mean(suggestion: Option<&'static str>) -> String {
    suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
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
