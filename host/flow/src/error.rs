//! Why a request failed.

use admission::AdmissionError;
use audit::JournalError;
use auth::{AuthError, Denial};
use consensus::ConsensusError;
use seal::SealError;
use store::{ReadError, Refusal, StoreError};
use types::Invalid;

/// A request was not carried out. `api` turns these into codes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The client's: the request breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The client's: the revision is older than the compaction.
    #[error("required revision has been compacted")]
    Compacted,
    /// The client's: the revision is not there yet.
    #[error("required revision is a future revision")]
    FutureRevision,
    /// The client's: a put keeps value or lease of a key that is not there.
    #[error("key not found")]
    KeyNotFound,
    /// The client's: no such lease.
    #[error("requested lease not found")]
    LeaseNotFound,
    /// The client's: the lease id is taken.
    #[error("lease already exists")]
    LeaseExists,
    /// The client's: the lease is longer than [`types::LEASE_TTL_SECONDS_MAX`].
    #[error("too large lease TTL")]
    LeaseTtlTooLarge,
    /// The client's: the request is larger than [`crate::MemberConfig::max_request_bytes`].
    #[error("request is too large")]
    RequestTooLarge,
    /// The operator's: the quota is used up.
    #[error("database space exceeded")]
    NoSpace,
    /// A prefix holds as much as it may. Deletes are carried out.
    #[error("the prefix {prefix:?} is full: it may hold {max} {limit}")]
    PrefixFull {
        /// The prefix.
        prefix: String,
        /// What there would be too many of: `keys` or `bytes`.
        limit: &'static str,
        /// How many it may hold.
        max: u64,
    },
    /// The clients': a prefix is written too fast.
    #[error(
        "the prefix {prefix:?} is written faster than {per_second} times a second, or more than {burst} times at once"
    )]
    PrefixTooFast {
        /// The prefix.
        prefix: String,
        /// How often it may be, in the long run.
        per_second: u32,
        /// How often at once.
        burst: u32,
    },
    /// The client's: it asks too often.
    #[error("{caller} asks more often than {per_second} times a second")]
    CallerTooFast {
        /// Who.
        caller: String,
        /// How often they may.
        per_second: u32,
    },
    /// The client's: it has too many streams.
    #[error("{caller} has {max} streaming calls under way, which is as many as it may have")]
    CallerStreams {
        /// Who.
        caller: String,
        /// How many they may have.
        max: usize,
    },
    /// The disk's: a backup cannot be made.
    #[error(transparent)]
    Backup(archive::ArchiveError),
    /// The operator's: an object store takes no backup.
    #[error(transparent)]
    Depot(#[from] depot::DepotError),
    /// The client's: a snapshot to go on with that is not kept, or not any more.
    #[error("this member does not keep that snapshot, or not any more")]
    SnapshotGone,
    /// More requests are under way than this member takes.
    #[error("too many requests")]
    TooManyRequests,
    /// The operator's: the audit log cannot be written, so nothing is done that would have to be recorded; or it cannot be read.
    #[error(transparent)]
    Audit(#[from] JournalError),
    /// A plugin's or an administrator's: see there.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The client's, the operator's or the state's: see there.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The operator's: a member's seal configuration lacks what a new data key is wrapped with.
    #[error("member {member:x} cannot unwrap the new data key: {reason}")]
    KeyRefused {
        /// Which one.
        member: u64,
        /// What it says.
        reason: String,
    },
    /// The disk's, an attacker's, or the operator's by intent: one record cannot be opened. It can be deleted or overwritten.
    #[error("the value of key {:?} cannot be opened: {source}", String::from_utf8_lossy(key))]
    DamagedRecord {
        /// The key.
        key: bytes::Bytes,
        /// Why.
        source: SealError,
    },
    /// The caller's: who it is does not allow this.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The policy changed each time that the write was reviewed; try again.
    #[error("the policy is changing")]
    PolicyChanging,
    /// No leader is known; try again.
    #[error("no leader")]
    NoLeader,
    /// Another member leads.
    #[error("not leader")]
    NotLeader,
    /// The leader changed; the write may or may not have been carried out.
    #[error("leader changed")]
    LeaderChanged,
    /// It took too long; the write may or may not have been carried out.
    #[error("request timed out")]
    Timeout,
    /// This member is stopping.
    #[error("server stopped")]
    Stopped,
    /// The state contradicts itself.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// The administrator's: no such plugin.
    #[error("no plugin {name}")]
    NoSuchPlugin {
        /// The name that was given.
        name: String,
    },
    /// The administrator's: the plugin cannot be installed as asked.
    #[error("{reason}")]
    Plugin {
        /// What is wrong.
        reason: String,
    },
    /// The administrator's: no rule for this prefix.
    #[error("there is no seal rule for {prefix:?}")]
    NoSuchRule {
        /// The prefix.
        prefix: String,
    },
    /// The administrator's: the seal rules cannot be changed as asked.
    #[error("{reason}")]
    Rule {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The administrator's: values are being sealed anew; what is asked for needs that to be over.
    #[error("values are still being sealed anew")]
    NotSettled,
    /// What is to be removed from files could not be.
    #[error("{0}")]
    Forget(String),
    /// The disk's: what else than the state lies in this member's files cannot be read.
    #[error("the log or the snapshot of this member cannot be read: {0}")]
    Files(std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The client's: it does not lead the election, or does no longer.
    #[error("not leader of the election")]
    ElectionNotLeader,
    /// Nobody leads the election.
    #[error("no leader of the election")]
    ElectionNoLeader,
    /// The client's: the key of its lock is gone, with its lease or by somebody's hand.
    #[error("session is expired")]
    SessionExpired,
    /// The administrator's: so many alarms stand that another one is not taken.
    #[error("too many alarms stand; clear some first")]
    TooManyAlarms,
    /// Members hold different data, and an administrator has not cleared the alarm that says so.
    #[error("corrupt cluster")]
    CorruptCluster,
    /// The administrator's: no such member.
    #[error("member not found")]
    MemberNotFound,
    /// The administrator's: not peer URLs.
    #[error("given member URLs are invalid")]
    BadMemberUrls,
    /// The administrator's: another member has such a peer URL.
    #[error("Peer URLs already exists")]
    PeerUrlExists,
    /// The administrator's: without this member too few would be left.
    #[error("re-configuration failed due to not enough started members")]
    NotEnoughStartedMembers,
    /// The administrator's: too few members answer for the cluster to be changed; bring them back first.
    #[error("unhealthy cluster")]
    Unhealthy,
    /// The administrator's: only a learner can be promoted.
    #[error("can only promote a learner member")]
    NotLearner,
    /// The administrator's: the learner lacks too much of the log to be given a vote.
    #[error("can only promote a learner member which is in sync with leader")]
    LearnerNotReady,
    /// The administrator's: more learners than `--max-learners` allows.
    #[error("too many learner members in cluster")]
    TooManyLearners,
    /// The administrator's: there is or was a member of this id, made from the same URLs in the same second.
    #[error("member ID already exist")]
    MemberExists,
    /// The client's: a learner answers reads of local state, and little else.
    #[error("rpc not supported for learner")]
    LearnerRefuses,
    /// The other member did not take over leadership in time.
    #[error("request timed out, leader transfer took too long")]
    LeaderTransferTimeout,
    /// The administrator's: leadership cannot go to that member.
    #[error("bad leader transferee")]
    BadLeaderTransferee,
    /// The administrator's: not a version.
    #[error("wrong downgrade target version format")]
    WrongDowngradeVersion,
    /// The administrator's: only the version before this one can be downgraded to.
    #[error("invalid downgrade target version")]
    InvalidDowngradeTarget,
    /// The administrator's: a downgrade is under way.
    #[error("cluster has a downgrade job in progress")]
    DowngradeInProcess,
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::Stopped,
            error => Self::Store(error),
        }
    }
}

impl From<Refusal> for FlowError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Compacted => Self::Compacted,
            Refusal::FutureRevision => Self::FutureRevision,
            Refusal::KeyNotFound => Self::KeyNotFound,
            Refusal::LeaseNotFound => Self::LeaseNotFound,
            Refusal::LeaseExists => Self::LeaseExists,
            Refusal::StalePolicy { .. }
            | Refusal::StaleAuth { .. }
            | Refusal::StalePremise
            | Refusal::SealPending
            | Refusal::KeyNotActive { .. } => Self::PolicyChanging,
            Refusal::NoSpace => Self::NoSpace,
            Refusal::CorruptCluster => Self::CorruptCluster,
            Refusal::TooManyAlarms => Self::TooManyAlarms,
            Refusal::DowngradeInProcess => Self::DowngradeInProcess,
            Refusal::Auth(denial) => denial.into(),
            Refusal::PluginChanged => Self::Plugin { reason: "the plugin was changed meanwhile; try again".to_owned() },
            Refusal::TooManyPlugins => Self::Plugin {
                reason: format!("{} plugins are installed already; remove one first", store::PLUGINS_MAX),
            },
            Refusal::NothingReplaced => Self::Plugin {
                reason: "nothing was replaced since the plugin was installed: nothing to go back to".to_owned(),
            },
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<Denial> for FlowError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::TooMany => Self::TooManyRequests,
            denial => Self::Auth(denial.into()),
        }
    }
}

impl From<ReadError> for FlowError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => refusal.into(),
            ReadError::Store(error) => error.into(),
        }
    }
}

impl From<ConsensusError> for FlowError {
    fn from(error: ConsensusError) -> Self {
        match error {
            ConsensusError::NoLeader => Self::NoLeader,
            ConsensusError::NotLeader => Self::NotLeader,
            ConsensusError::LeaderChanged => Self::LeaderChanged,
            ConsensusError::Timeout => Self::Timeout,
            ConsensusError::NoSuchMember => Self::MemberNotFound,
            ConsensusError::NotLearner => Self::NotLearner,
            ConsensusError::LearnerNotReady => Self::LearnerNotReady,
            ConsensusError::Unhealthy => Self::Unhealthy,
            ConsensusError::LastVoter | ConsensusError::MembershipChanging => Self::NotEnoughStartedMembers,
            _ => Self::Stopped,
        }
    }
}

/// Work handed to another thread did not come back: this member is stopping.
impl From<tokio::task::JoinError> for FlowError {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Stopped
    }
}
