//! Why a member could not start.

use admission::AdmissionError;
use audit::JournalError;
use auth::AuthError;
use seal::SealError;
use store::StoreError;

use crate::FlowError;

/// The member could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory belongs to another version, or is damaged.
    #[error(transparent)]
    Identity(#[from] consensus::IdentityError),
    /// The state cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log cannot be opened, or does not fit the state.
    #[error(transparent)]
    Consensus(#[from] consensus::StartError),
    /// The operator's: the audit log cannot be kept.
    #[error(transparent)]
    Audit(#[from] JournalError),
    /// The plugin engine cannot start.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The cluster that is to be joined does not answer, or does not know this member.
    #[error("cannot join the cluster: {reason}")]
    Join {
        /// What is wrong.
        reason: String,
    },
    /// The operator's: a founder lost its data. It must not come back under its old id.
    #[error(
        "member {id:x} has already been bootstrapped; remove it from the cluster, add it again, and start it with \
         --initial-cluster-state=existing"
    )]
    Bootstrapped {
        /// Its id.
        id: u64,
    },
    /// The operator's: the member was removed from its cluster.
    #[error("{reason}; to add it again, give it an empty data directory")]
    Removed {
        /// What the others say.
        reason: String,
    },
    /// The state cannot be used; the next start gets another one.
    #[error("the state of this member cannot be used: {reason}; start it again, and it gets another one")]
    Rebuild {
        /// What is wrong with it.
        reason: String,
    },
    /// The root key is missing, wrong or unreadable.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The operator's: `--auth-token` or the keys that it names cannot be used.
    #[error(transparent)]
    Tokens(#[from] AuthError),
    /// The operator's: a key file that `--auth-token` names cannot be read.
    #[error("--auth-token: {path}: {source}")]
    TokenKey {
        /// The file.
        path: std::path::PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// Members hold different data at the same revision, and nobody can say who is right.
    #[error(
        "members hold different data at revision {revision}, and no majority agrees; find out which is right, and remove and \
         add the others, with empty data directories"
    )]
    Diverged {
        /// The revision at which they were compared.
        revision: i64,
    },
    /// Setting up the policy failed.
    #[error("the seal policy cannot be set up: {0}")]
    Policy(#[source] Box<FlowError>),
}

impl StartError {
    /// A policy that cannot be loaded is mostly a root key that does not fit.
    pub(crate) fn of_policy(error: FlowError) -> Self {
        match error {
            FlowError::Seal(error) => Self::Seal(error),
            FlowError::Store(error) => Self::Store(error),
            other => Self::Policy(Box::new(other)),
        }
    }
}
