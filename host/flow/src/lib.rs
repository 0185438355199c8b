//! The stories of a request, a page each: [write](Member::write), [read](Member::range), [follow](Follower) and administer.
//!
//! ```text
//!  write:   permit -> review -> seal -> propose -> (applied) -> open -> answer
//!  read:    confirm leadership -> view -> open -> sort and cut -> answer
//!  list:    the same, piece by piece
//!  record:  before an action is carried out, and after it
//!  follow:  hub or history -> open -> deliver
//!  lock:    write a key -> read who was first -> follow its deletion -> answer
//! ```
//!
//! It is *not* the wire (see `api`), and it holds no rule of its own: each step is another crate's, and hands on the
//! evidence that the next one asks for.
//!
//! Invariants:
//! - Nothing is opened for anybody, and nothing is proposed, without a permit: what opens values and what proposes ask
//!   for the evidence. A read is answered only if users and roles did not change while it was read; a watch is judged
//!   again for each delivery after a change.
//! - Plaintext of a sealed prefix exists here only between a door and the sealing or opening of its value.
//! - A write refused at apply because the policy changed is reviewed and sealed again under the new policy, at most
//!   [`write::ATTEMPTS_MAX`] times.
//! - A linearizable read is answered from a view taken after leadership was confirmed.
//!
//! - A lock or an election is made of its caller's own writes, reads and watches, and needs no other right.
//!
//! Limits: four snapshots sent at a time, each a few pieces of 64 KiB ahead of its client; one defragmentation.
//!
//! Failure: every error is a [`FlowError`], which `api` alone turns into a code.

mod alarm;
mod autocompact;
mod backup;
mod cluster;
mod corruption;
mod defragment;
mod election;
mod ending;
mod error;
mod follow;
mod join;
mod lease;
mod lessor;
mod limits;
mod list;
mod lock;
mod member;
mod member_config;
mod members_page;
mod metrics;
mod moments;
pub mod offline;
mod opening;
mod peer_url;
mod plugins;
mod policy;
mod quota;
mod read;
mod record;
mod reply;
mod resumable;
mod sealing;
mod snapshot;
mod start_error;
mod status;
mod sweeper;
mod turn;
mod users;
mod version;
pub mod write;

pub use admission::{Hindsight, Line as PluginLine, Operations as PluginOperations};
pub use alarm::Alarm;
pub use autocompact::AutoCompaction;
pub use backup::{BackupConfig, BackupPlace};
pub use cluster::{MemberAdded, MemberInfo};
pub use consensus::{Doubts, IDENTITY_FILE, MemberTrust, PeerTls};
pub use corruption::CorruptionChecks;
pub use election::{LeaderKey, Observer};
pub use ending::Ending;
pub use error::FlowError;
pub use follow::{Delivery, DeliveryBody, Follower, Progress, WatchSpec};
pub use lease::{LeaseGranted, LeaseInfo};
pub use limits::{
    Crowd, IdentityLimit, IdentityLimits, LimitsConfig, PrefixLimit, Presence, Rate, StreamPlace, TooMany,
};
pub use list::{List, ListEnd, ListPiece};
pub use member::Member;
pub use member_config::{AuditConfig, MemberConfig, SealedReadsPolicy};
pub use members_page::{CLUSTER_ID_HEADER, ListedMember, MembersPage, REMOVED_HEADER};
pub use plugins::{Binding, InstallPlugin, Objection, PluginInfo, Replay, ReplayPiece, Upload};
pub use quota::QUOTA_BYTES_DEFAULT;
pub use record::{Action, AuditEnd, who};
pub use reply::{Header, Reply};
pub use resumable::SnapshotStart;
pub use sealing::{DataKeyInfo, KeyStatus, Residue, RewrapProgress, Tally};
pub use snapshot::{Snapshot, SnapshotPiece};
pub use start_error::StartError;
pub use status::{HashKv, StatusInfo};
pub use users::{AuthStatus, BCRYPT_COST, NewUser, TOKEN_TTL};
pub use version::ETCD_VERSION;
