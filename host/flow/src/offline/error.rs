//! Why a data directory cannot be made of what is there.

use std::{io, path::PathBuf};

use archive::ArchiveError;
use consensus::IdentityError;
use seal::SealError;
use store::{StoreError, StoreFailure};

/// How a cluster of several members gets what cannot be imported for each.
const ONE_MEMBER: &str = "import for one member (--initial-cluster with that one alone) and start it; then add the others as learners \
                          (etcdctl member add --learner), or save a snapshot of it and restore that for each member";

/// A data directory was not made; nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// The operator's: the data directory is in use.
    #[error("{} is not empty; give --data-dir a folder that is not there yet", path.display())]
    Exists {
        /// The data directory.
        path: PathBuf,
    },
    /// The operator's: the member is none of its cluster.
    #[error("--initial-cluster has no member with the peer URLs {urls}, which are this member's")]
    NotAMember {
        /// Those.
        urls: String,
    },
    /// The snapshot's.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Somebody changed the snapshot.
    #[error("{} was changed by somebody who does not have the data keys of its cluster: its signature does not hold", path.display())]
    Forged {
        /// The snapshot.
        path: PathBuf,
    },
    /// Nothing says who wrote the snapshot.
    #[error(
        "{} has no signature that these root keys can check, so it may be anybody's; --accept-unsigned takes it as it is", path.display()
    )]
    Unsigned {
        /// The snapshot.
        path: PathBuf,
    },
    /// The operator's: a revision that the snapshot does not have, or does not have any more.
    #[error(
        "the snapshot has no revision {revision}; --to-revision can be from {oldest}, up to which it is compacted, to {newest}"
    )]
    NoSuchRevision {
        /// That.
        revision: i64,
        /// The oldest that it has.
        oldest: i64,
        /// The newest.
        newest: i64,
    },
    /// The operator's: a time of which the snapshot does not tell the revision.
    #[error("the snapshot tells the revisions of the times from {earliest} to {latest} only, in seconds since 1970")]
    NoSuchMoment {
        /// The earliest.
        earliest: i64,
        /// When it was made.
        latest: i64,
    },
    /// The operator's: not a data directory.
    #[error("{} is no data directory of strongroom: it has no file `identity`", path.display())]
    NoData {
        /// The folder.
        path: PathBuf,
    },
    /// The file's: not what etcd writes.
    #[error("{}: {source}", path.display())]
    Etcd {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: bolt::BoltError,
    },
    /// The file's: a record that etcd cannot have written.
    #[error("{}: an entry of the bucket {bucket:?} cannot be read; use another snapshot", path.display())]
    EtcdRecord {
        /// The file.
        path: PathBuf,
        /// Which bucket.
        bucket: String,
    },
    /// The file's: it is not what was saved.
    #[error("{} is damaged or was changed: the SHA-256 behind it is another one; use another snapshot", path.display())]
    EtcdDigest {
        /// The file.
        path: PathBuf,
    },
    /// The file's: one of its two beginnings is damaged, and the other one may be older.
    #[error("{} may be older than it says, because a part of it is damaged; use another snapshot", path.display())]
    EtcdMeta {
        /// The file.
        path: PathBuf,
    },
    /// The operator's: etcd has its data open.
    #[error("an etcd runs in {}; stop it, or take a snapshot (etcdctl snapshot save) and import that", path.display())]
    EtcdRuns {
        /// The data directory.
        path: PathBuf,
    },
    /// The operator's: etcd did not stop in order.
    #[error(
        "the database in {} lacks {missing} entries of its log, because etcd did not stop in order; start and stop it once, or take a \
         snapshot (etcdctl snapshot save) and import that", path.display()
    )]
    EtcdBehind {
        /// The data directory.
        path: PathBuf,
        /// How many entries.
        missing: u64,
    },
    /// The operator's: members that could not open each other's values.
    #[error(
        "prefixes are sealed, and each import makes data keys of its own for them, so that {members} members could not open each other's \
         values; {ONE_MEMBER}"
    )]
    SealsForSeveral {
        /// How many the cluster is to have.
        members: usize,
    },
    /// The operator's: members that would hold different data.
    #[error(
        "an etcd that runs is imported as of another moment each time, so that {members} members would hold different data; {ONE_MEMBER}"
    )]
    FollowsForSeveral {
        /// How many the cluster is to have.
        members: usize,
    },
    /// The operator's: sealed values would be written in plain text.
    #[error("there are sealed values, which would be in the file in plain text; --yes-write-plaintext confirms that")]
    WouldOpen,
    /// The operator's: values that kube-apiserver encrypted would be written in plain text.
    #[error(
        "kube-apiserver encrypted values under {prefix}, which is not sealed, so they would be stored in plain text; seal that prefix with \
         --seal-config, or confirm with --yes-write-plaintext"
    )]
    WouldDecrypt {
        /// Of the first such key.
        prefix: String,
    },
    /// A value that kube-apiserver encrypted does not open.
    #[error("the key {key:?} at revision {revision}: {source}; nothing was imported")]
    Encrypted {
        /// The key.
        key: String,
        /// Which of its values.
        revision: i64,
        /// Why.
        source: SealError,
    },
    /// The operator's: sealed values cannot be opened.
    #[error("there are sealed values, and no root key to open them; give --seal-config")]
    NoRootKey,
    /// What was imported is not what there is.
    #[error("the key {key:?} is another one here than there; nothing was imported")]
    Differs {
        /// The key.
        key: String,
    },
    /// What was found cannot be told.
    #[error("cannot write the answer: {0}")]
    Output(#[source] io::Error),
    /// The state cannot be listed.
    #[error(transparent)]
    Read(#[from] store::ReadError),
    /// A root-key provider's.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is in the file, or the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log of a member.
    #[error(transparent)]
    Log(#[from] consensus::LogError),
    /// The log of the new member.
    #[error(transparent)]
    Start(#[from] consensus::StartError),
    /// The identity of the new member.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An object store does not give what is asked for.
    #[error(transparent)]
    Depot(#[from] depot::DepotError),
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OfflineError {
    pub(super) fn etcd(path: &std::path::Path, source: bolt::BoltError) -> Self {
        Self::Etcd { path: path.to_owned(), source }
    }

    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl StoreFailure for OfflineError {
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Read(error) => error.of_store(),
            _ => None,
        }
    }
}
