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
    /// An administrator's: what was unwrapped elsewhere is not this data key, and would take the place of its wraps.
    #[error("this is not data key {id} of {prefix:?}: it does not open what that has sealed; nothing was changed")]
    WrongMaterial {
        /// The sealed prefix.
        prefix: String,
        /// The data key.
        id: u32,
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
    /// The operator's, by intent: the data key was destroyed, and with it everything that it sealed.
    #[error("data key {id} was destroyed; what it sealed cannot be read any more, only deleted or overwritten")]
    Destroyed {
        /// The data key.
        id: u32,
    },
    /// Nobody's: this member has to reserve uses of a data key in the log before it seals more with it.
    #[error("uses of data key {id} are not reserved yet")]
    UsesSpent {
        /// The data key.
        id: u32,
    },
    /// The operator's: a rule names a provider that this member's seal configuration does not.
    #[error("no root-key provider is called {name:?} in this member's seal configuration")]
    UnknownProvider {
        /// The name.
        name: String,
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
    /// The operator's: a credential was asked for, and systemd passed none to this process.
    #[error(
        "CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with a line such as LoadCredentialEncrypted="
    )]
    NoCredentials,
    /// The operator's: a credential is called by a path, or by nothing.
    #[error("{name:?} is not the name of a credential: it must be a plain file name")]
    CredentialName {
        /// The name.
        name: String,
    },
    /// The operator's: others may read or change the credential.
    #[error("the credential {path} has mode {mode:04o}; it may be read by its owner and group only")]
    CredentialMode {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operator's: a KMS is called by something that cannot stand in the name of a wrap.
    #[error("{name:?} is not the name of a KMS: 1 to 64 letters, digits, '-', '_' and '.' are")]
    KmsName {
        /// The name.
        name: String,
    },
    /// The KMS's: it cannot be asked, or says that it cannot answer. Trying again helps once it can.
    #[error("{provider} is not available: {reason}")]
    ProviderUnavailable {
        /// The provider.
        provider: String,
        /// What happened; nothing of what was asked or answered.
        reason: String,
    },
    /// The plugin's: an answer that its protocol does not allow.
    #[error("{provider} does not keep to its protocol: {reason}")]
    ProviderBroken {
        /// The provider.
        provider: String,
        /// What is wrong; nothing of what was asked or answered.
        reason: String,
    },
    /// The operator's: a text that is not a recovery recipient.
    #[error("not a recovery recipient: {reason}")]
    BadRecipient {
        /// What is wrong.
        reason: &'static str,
    },
    /// The operator's: a passphrase that is too easily guessed.
    #[error("a recovery passphrase has at least {characters_min} characters")]
    ShortPassphrase {
        /// The bound.
        characters_min: usize,
    },
    /// The operator's: not the passphrase that the recipient was made from.
    #[error("wrong passphrase: it is not that of {provider}")]
    WrongPassphrase {
        /// The recipient.
        provider: String,
    },
    /// The operator's: no key of the `EncryptionConfiguration` has the name that a value from kube-apiserver gives.
    #[error(
        "kube-apiserver encrypted it with {wanted}, of which the encryption configuration has no key; add that key to the file, with \
         any resource, and try again"
    )]
    UnknownEncryptionKey {
        /// Scheme, version and name of the key.
        wanted: String,
    },
    /// The operator's or the disk's: a value from kube-apiserver that the key of the name it gives does not open.
    #[error(
        "it does not open with {wanted}: the key of that name is not the one that encrypted it, or it was altered or moved; give that \
         key, or have kube-apiserver write the object again"
    )]
    DamagedEncryption {
        /// Scheme, version and name of the key.
        wanted: String,
    },
    /// The machine's: not the memory that a passphrase's costs ask for.
    #[error("the passphrase takes {kib} KiB of memory, which this machine does not give")]
    NoMemory {
        /// How much.
        kib: u32,
    },
}

impl SealError {
    /// Whether it is one record that cannot be opened, now and later, whoever tries.
    #[must_use]
    pub fn is_of_one_record(&self) -> bool {
        matches!(self, Self::DamagedValue { .. } | Self::UnknownDataKey { .. } | Self::Destroyed { .. })
    }

    /// Whether this member's root key is not the one that a data key was wrapped with: a mistake of whoever set it up.
    pub(crate) fn is_of_wrong_root_key(&self) -> bool {
        matches!(self, Self::WrongRootKey { .. } | Self::DamagedWrap { .. })
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }
}

/// A prefix as it is shown in errors: prefixes are configuration, not secrets.
pub(crate) fn shown(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix).into_owned()
}
