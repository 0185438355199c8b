//! The replicated state, on RocksDB.
//!
//! Committed commands go in ([`Store::apply`]), views come out ([`Store::view`]). Values are sealed bytes here: this crate
//! holds no key and cannot open them.
//!
//! It is *not* the Raft log (see `consensus`), it decides nothing about who may write, and it keeps no time: leases
//! are ended by a command.
//!
//! Invariants:
//! - How far the log is applied is committed in one batch with the data it produced.
//! - Apply is deterministic: every member that applied the same log holds the same records.
//! - `live` holds the newest record of each key and nothing else; whatever it superseded lies in `past` until compacted.
//! - The state keeps no write-ahead log: after a crash it is as of its last flush, and the Raft log is applied again from there.
//!
//! Limits: one batch stages its writes in memory; callers bound batches. A view holds back RocksDB's clean-up while it lives.
//!
//! Failure: an error of [`Store::apply`] leaves the state as it was before the batch, and the member must stop. Whoever finds
//! bytes that are not what was written there, a reader or apply, [tells](Store::damage) whoever can get the state elsewhere.

mod actions;
mod alarm;
mod apply;
mod bystanders;
mod check;
mod checkpoint;
mod cluster;
pub mod command;
mod compaction;
mod compare;
mod counts;
mod db;
mod error;
mod evaluate;
mod execute;
mod family;
mod founding;
mod hash;
mod history;
mod index;
mod intake;
mod kept;
mod keyring;
mod layout;
mod lease;
mod metrics;
mod older;
mod outdated;
mod policy;
mod range;
mod read;
mod rewind;
mod rewrap;
mod stage;
mod usage;
pub mod users;
mod view;

pub use actions::ActionRecord;
pub use alarm::{ALARM_CORRUPT, ALARM_NO_SPACE, AlarmRecord, SetAlarm};
pub use apply::{Applied, AppliedBatch, LogEntry, Outcome};
pub use check::{Findings, Opens, check};
pub use cluster::{Attributes, ChangeCluster, ClusterChange, ClusterRecord, MembershipEntry, PeerUrls};
pub use command::Command;
pub use db::{Disk, Store};
pub use error::{ReadError, Refusal, StoreError, StoreFailure};
pub use founding::NewCluster;
pub use hash::HashKv;
pub use history::{History, HistoryQuery, RevisionEvents};
pub use intake::{Beside, Past, PastRevision};
pub use lease::LeaseRecord;
pub use metrics::StoreMetrics;
pub use outdated::{Place, Step, Walk, Walked};
pub use policy::{PLUGINS_MAX, PluginMode, PluginRecord};
pub use range::{Piece, PieceLimits};
pub use rewind::Rewound;
pub use usage::PrefixUsage;
pub use view::{AppliedState, View};
