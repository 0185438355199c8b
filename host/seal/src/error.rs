//! Why sealing or opening failed, and who has to do something about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that can go wrong in this crate. No variant holds a byte of a value or of a key.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The operator's: this member runs without the root key. Another member may have it, so trying elsewhere helps.
    #[error("this member has no root key and cannot serve the sealed prefix {prefix:?}")]
    Keyless {
        /// The sealed prefix.
        prefix: String,
    },
    /// The client's: an ordering compare on a sealed value.
    #[error("values of sealed prefixes can be compared for equality only")]
    OrderedCompare,
    /// The client's: one operand compared with a range that reaches into a sealed prefix.
    #[error("values of sealed prefixes can be compared one key at a time only")]
    RangeCompare,
    /// The operator's: no wrap of a data key was made by the root key at hand.
    #[error("wrong root key: data key {id} of {prefix:?} is wrapped by {wraps}, and this member has {provider}")]
    WrongRootKey {
        /// The sealed prefix.
        prefix: String,
        /// The data key.
        id: u32,
        /// The providers that could unwrap it.
        wraps: String,
        /// The provider at hand.
        provider: String,
    },
    /// The disk's, or a mix-up of clusters: the right root key, but the wrap does not open.
    #[error("data key {id} of {prefix:?} does not unwrap with {provider}: it is damaged or of another cluster")]
    DamagedWrap {
        /// The sealed prefix.
        prefix: String,
        /// The data key.
        id: u32,
        /// The provider that made the wrap.
        provider: String,
    },
    /// What a provider answers for a blob that it did not make, or not for this associated data.
    #[error("{provider} did not make this wrap, or not for this use")]
    NotUnwrapped {
        /// The provider.
        provider: String,
    },
    /// The state's: a keyring record that contradicts itself or the others.
    #[error("the keyring is damaged: {reason}")]
    BadKeyRecord {
        /// What is wrong.
        reason: String,
    },
    /// The operator's: a sealed prefix all of whose data keys are retired.
    #[error("the sealed prefix {prefix:?} has no active data key")]
    NoActiveKey {
        /// The sealed prefix.
        prefix: String,
    },
    /// The state's: a value that names a data key which the keyring does not hold.
    #[error("data key {id} is not in the keyring")]
    UnknownDataKey {
        /// The data key.
        id: u32,
    },
    /// The disk's or an attacker's: the value was altered, or moved from another key or cluster.
    #[error("a sealed value does not open with data key {id}: it was altered or moved")]
    DamagedValue {
        /// The data key that it names.
        id: u32,
    },
    /// The disk's, or of a later version: bytes that are not an envelope this version knows.
    #[error("not a sealed value: {reason}")]
    BadEnvelope {
        /// What is wrong.
        reason: &'static str,
    },
    /// The machine's: no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandom,
    /// The operator's: there is no key file.
    #[error("there is no root key file at {path}")]
    KeyFileMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The operator's: a key file that is already there and is never overwritten.
    #[error("there is already a root key file at {path}")]
    KeyFileExists {
        /// Where.
        path: PathBuf,
    },
    /// The operator's: others may read or change the key file.
    #[error("the root key file {path} has mode {mode:04o}; make it 0600 or 0400")]
    KeyFileMode {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operator's: a file that is not a root key.
    #[error("{path} is not a root key file: {reason}")]
    KeyFileMalformed {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The operator's or the disk's: a file operation failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The operator's: a seal configuration with mistakes, all of them.
    #[error("seal configuration {path}: {}", problems.join("; "))]
    Config {
        /// Which file.
        path: PathBuf,
        /// Every mistake.
        problems: Vec<String>,
    },
}

impl SealError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }
}

/// A prefix as it is shown in errors: prefixes are configuration, not secrets.
pub(crate) fn shown(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix).into_owned()
}
