//! What can go wrong in the store, and what a command can be refused for.

use rocksdb::ErrorKind;
use seal::SealError;

/// The store itself failed: the disk, or bytes on it that make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// RocksDB reported an error: the disk's or the operator's fault.
    #[error("state database: {0}")]
    Database(#[from] rocksdb::Error),
    /// A file operation failed.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: std::path::PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What was asked for would fill the disk. Nothing was begun.
    #[error("the disk has {free} bytes free where {needed} are needed for this; make room on it first")]
    NoRoom {
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The store was closed: this member is stopping.
    #[error("the state is closed")]
    Closed,
    /// Bytes in the state that this version cannot have written.
    #[error("the state is damaged: {0}; restore this member from a snapshot or from its peers")]
    Damaged(String),
    /// A command of a later version.
    #[error("the log holds a command that this version does not know; run the version that wrote it")]
    UnknownCommand,
    /// A state of a later version.
    #[error(
        "the state has a part {part:?} that this version does not know; run the version that wrote it, or a later one"
    )]
    UnknownPart {
        /// Its name.
        part: String,
    },
    /// A sealed value that is not an envelope.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl StoreError {
    /// Whether bytes on the disk are not what was written there: the state has to come from elsewhere.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            // A file that is named by another one and is not there is damage as well.
            Self::Database(error) => {
                error.kind() == ErrorKind::Corruption || error.as_ref().contains("No such file or directory")
            }
            _ => false,
        }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }
}

/// Why a command or a read was refused. The same on every member: it follows from the state alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The revision is older than the compaction.
    #[error("required revision has been compacted")]
    Compacted,
    /// The revision is not there yet.
    #[error("required revision is a future revision")]
    FutureRevision,
    /// A put that keeps value or lease of a key that is not there.
    #[error("key not found")]
    KeyNotFound,
    /// No such lease.
    #[error("requested lease not found")]
    LeaseNotFound,
    /// The lease id is taken.
    #[error("lease already exists")]
    LeaseExists,
    /// The policy changed between review and apply; review and seal again under this epoch.
    #[error("policy epoch is now {current}")]
    StalePolicy {
        /// The epoch in force.
        current: u64,
    },
    /// Users or roles changed between permission and apply.
    #[error("auth revision is now {current}")]
    StaleAuth {
        /// The revision in force.
        current: u64,
    },
    /// What a plugin has read to pass the write has changed; review it again.
    #[error("what a plugin has read has changed since")]
    StalePremise,
    /// No such plugin.
    #[error("no such plugin")]
    NoSuchPlugin,
    /// The plugin is not any more what the change was made from.
    #[error("the plugin was changed meanwhile")]
    PluginChanged,
    /// No more plugins fit.
    #[error("as many plugins are installed as fit")]
    TooManyPlugins,
    /// A plugin that has replaced nothing cannot be rolled back.
    #[error("the plugin has replaced nothing")]
    NothingReplaced,
    /// By the rules of users and roles.
    #[error(transparent)]
    Auth(#[from] auth::Denial),
    /// The data key whose uses are to be reserved seals nothing new any more.
    #[error("the data key is not active under policy epoch {current}")]
    KeyNotActive {
        /// The epoch in force.
        current: u64,
    },
    /// A compare on value met a key whose record is in another form (sealed or clear) than the operand.
    #[error("the value is being sealed or unsealed")]
    SealPending,
    /// The quota is used up, and the command could grow the state.
    #[error("database space exceeded")]
    NoSpace,
    /// Members hold different data.
    #[error("corrupt cluster")]
    CorruptCluster,
    /// So many alarms stand that another one is not taken.
    #[error("too many alarms")]
    TooManyAlarms,
    /// A downgrade is under way already.
    #[error("cluster has a downgrade job in progress")]
    DowngradeInProcess,
}

/// Either kind of failure of a read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The request cannot be answered as it is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An error behind which there may be one of the store.
pub trait StoreFailure: From<StoreError> {
    /// The store's, if it is one.
    fn of_store(&self) -> Option<&StoreError>;
}

impl StoreFailure for StoreError {
    fn of_store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl StoreFailure for ReadError {
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}

impl From<rocksdb::Error> for ReadError {
    fn from(source: rocksdb::Error) -> Self {
        Self::Store(source.into())
    }
}

impl From<SealError> for ReadError {
    fn from(source: SealError) -> Self {
        Self::Store(source.into())
    }
}
