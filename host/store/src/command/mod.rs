//! The alphabet of the Raft log: everything that can change the replicated state.
//!
//! The structs are protobuf messages, so a later version can add fields without a new format. A value in here is already sealed where
//! it has to be ([`Value`] is made from [`seal::Sealed`]), and a compare on a sealed value carries a keyed digest: apply needs no key.

mod keyring;
mod plain;

use bytes::Bytes;
use prost::{Message, Oneof};
use seal::{Operand, Sealed};
use types::{CompareResult, KeyRange, RangeQuery};

use crate::{
    ChangeCluster, PluginRecord, SetAlarm, StoreError,
    users::{ChangeAuth, TellToken},
};

pub use crate::lease::{LeaseCheckpoint, LeaseGrant, LeaseRemaining, LeaseRevoke};
pub use crate::policy::{ChangePlugin, PluginChange, Premise, PutComponent, RemovePlugin, Stamp};
pub use keyring::{ChangeKeyring, ReserveUses, Rewrap, Rewrapped};

/// One entry of the log.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Command {
    /// What to do; `None` only for a command of a later version.
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 21, 30, 31, 40")]
    pub body: Option<Body>,
}

/// What a command does.
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Body {
    /// A client's write.
    #[prost(message, tag = "1")]
    Write(ClientWrite),
    /// Forgets history before a revision.
    #[prost(message, tag = "2")]
    Compact(Compact),
    /// Creates a lease.
    #[prost(message, tag = "3")]
    LeaseGrant(LeaseGrant),
    /// Ends a lease and deletes its keys.
    #[prost(message, tag = "4")]
    LeaseRevoke(LeaseRevoke),
    /// Installs or replaces a plugin.
    #[prost(message, tag = "5")]
    PutPlugin(PluginRecord),
    /// Removes a plugin.
    #[prost(message, tag = "6")]
    RemovePlugin(RemovePlugin),
    /// Changes what is sealed, or with which data keys.
    #[prost(message, tag = "7")]
    ChangeKeyring(ChangeKeyring),
    /// Puts values in the place of the same ones, sealed otherwise.
    #[prost(message, tag = "8")]
    Rewrap(Rewrap),
    /// Notes that a member is about to use a data key.
    #[prost(message, tag = "9")]
    ReserveUses(ReserveUses),
    /// Notes how long leases have left.
    #[prost(message, tag = "10")]
    LeaseCheckpoint(LeaseCheckpoint),
    /// Turns a plugin off or on, or puts back what it replaced.
    #[prost(message, tag = "11")]
    ChangePlugin(ChangePlugin),
    /// Keeps a component that a plugin is about to have.
    #[prost(message, tag = "12")]
    PutComponent(PutComponent),
    /// Raises or clears an alarm.
    #[prost(message, tag = "20")]
    SetAlarm(SetAlarm),
    /// Changes the cluster.
    #[prost(message, tag = "21")]
    ChangeCluster(ChangeCluster),
    /// Changes users or roles.
    #[prost(message, tag = "30")]
    ChangeAuth(ChangeAuth),
    /// Tells every member of a token.
    #[prost(message, tag = "31")]
    TellToken(TellToken),
    /// Notes what an administrator does.
    #[prost(message, tag = "40")]
    RecordAction(RecordAction),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Command {
    /// A command's kind, for logs and metrics; never its content.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.body {
            None => "unknown",
            Some(Body::Write(_)) => "write",
            Some(Body::Compact(_)) => "compact",
            Some(Body::LeaseGrant(_)) => "lease_grant",
            Some(Body::LeaseRevoke(_)) => "lease_revoke",
            Some(Body::LeaseCheckpoint(_)) => "lease_checkpoint",
            Some(Body::PutPlugin(_)) => "put_plugin",
            Some(Body::RemovePlugin(_)) => "remove_plugin",
            Some(Body::ChangePlugin(_)) => "change_plugin",
            Some(Body::PutComponent(_)) => "put_component",
            Some(Body::ChangeKeyring(_)) => "change_keyring",
            Some(Body::Rewrap(_)) => "rewrap",
            Some(Body::ReserveUses(_)) => "reserve_uses",
            Some(Body::SetAlarm(_)) => "set_alarm",
            Some(Body::ChangeCluster(_)) => "change_cluster",
            Some(Body::ChangeAuth(_)) => "change_auth",
            Some(Body::TellToken(_)) => "tell_token",
            Some(Body::RecordAction(_)) => "record_action",
        }
    }
}

impl From<Body> for Command {
    fn from(body: Body) -> Self {
        Self { body: Some(body) }
    }
}

/// A client's write, reviewed and sealed.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ClientWrite {
    /// The policy it was passed under.
    #[prost(message, optional, tag = "1")]
    pub stamp: Option<Stamp>,
    /// The write; a put or a delete at the top, or a transaction.
    #[prost(message, optional, tag = "2")]
    pub op: Option<Op>,
}

/// One operation, alone or in a transaction.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Op {
    /// Which one.
    #[prost(oneof = "OpKind", tags = "1, 2, 3, 4")]
    pub kind: Option<OpKind>,
}

/// The kinds of operation.
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum OpKind {
    /// Read a range (in transactions only).
    #[prost(message, tag = "1")]
    Range(Range),
    /// Write one key.
    #[prost(message, tag = "2")]
    Put(Put),
    /// Delete a range.
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRange),
    /// Compare, then do one of two lists.
    #[prost(message, tag = "4")]
    Txn(Txn),
}

/// A value as the state holds it.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct Value {
    /// Clear or sealed, as [`Sealed::form`] counts.
    #[prost(uint32, tag = "1")]
    pub form: u32,
    /// The clear value or the envelope.
    #[prost(bytes = "bytes", tag = "2")]
    pub bytes: Bytes,
}

impl From<&Sealed> for Value {
    fn from(sealed: &Sealed) -> Self {
        Self { form: u32::from(sealed.form()), bytes: sealed.bytes().clone() }
    }
}

impl TryFrom<&Value> for Sealed {
    type Error = StoreError;

    fn try_from(value: &Value) -> Result<Self, StoreError> {
        let form = u8::try_from(value.form).map_err(|_| StoreError::damaged("value form in a command"))?;
        Ok(Self::from_state(form, value.bytes.clone())?)
    }
}

/// Writes one key.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Put {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value; `None` keeps the one that is there.
    #[prost(message, optional, tag = "2")]
    pub value: Option<Value>,
    /// The lease to attach, zero for none.
    #[prost(int64, tag = "3")]
    pub lease: i64,
    /// Keep the lease that is there.
    #[prost(bool, tag = "4")]
    pub keep_lease: bool,
    /// Answer with what was there before.
    #[prost(bool, tag = "5")]
    pub prev_kv: bool,
}

/// A range of keys.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Keys {
    /// First key.
    #[prost(bytes = "bytes", tag = "1")]
    pub start: Bytes,
    /// etcd's `range_end`.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
}

impl From<&KeyRange> for Keys {
    fn from(range: &KeyRange) -> Self {
        Self { start: range.start.clone(), range_end: range.wire_end() }
    }
}

impl From<&Keys> for KeyRange {
    fn from(keys: &Keys) -> Self {
        Self::from_wire(keys.start.clone(), keys.range_end.clone())
    }
}

/// Deletes a range.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DeleteRange {
    /// Which keys.
    #[prost(message, optional, tag = "1")]
    pub keys: Option<Keys>,
    /// Answer with what was there before.
    #[prost(bool, tag = "2")]
    pub prev_kv: bool,
}

/// Reads a range inside a transaction.
///
/// Sorting, cutting and dropping values is done after the values are opened, by whoever asked: apply
/// only needs to know which keys to fetch.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Range {
    /// Which keys.
    #[prost(message, optional, tag = "1")]
    pub keys: Option<Keys>,
    /// Most keys to fetch, zero for all.
    #[prost(uint64, tag = "2")]
    pub fetch_limit: u64,
    /// Revision to read at, zero or less for the newest.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// Only count.
    #[prost(bool, tag = "4")]
    pub count_only: bool,
}

impl From<&RangeQuery> for Range {
    fn from(query: &RangeQuery) -> Self {
        Self {
            keys: Some((&query.range).into()),
            fetch_limit: query.fetch_limit().unwrap_or(0) as u64,
            revision: query.revision,
            count_only: query.count_only,
        }
    }
}

impl From<&Range> for RangeQuery {
    fn from(range: &Range) -> Self {
        let limit = i64::try_from(range.fetch_limit).unwrap_or(i64::MAX);
        Self {
            // `fetch_limit` asks for one more than `limit`.
            limit: (limit - 1).max(0),
            revision: range.revision,
            count_only: range.count_only,
            ..Self::all((&range.keys.clone().unwrap_or_default()).into())
        }
    }
}

/// Compares, then does one of two lists.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Txn {
    /// All must hold for `success`.
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    /// Done when every compare holds.
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<Op>,
    /// Done otherwise.
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<Op>,
}

/// One condition.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Compare {
    /// Which keys.
    #[prost(message, optional, tag = "1")]
    pub keys: Option<Keys>,
    /// The relation, as [`relation_code`] counts.
    #[prost(uint32, tag = "2")]
    pub relation: u32,
    /// What is compared, with its operand.
    #[prost(oneof = "Target", tags = "3, 4, 5, 6, 7, 9")]
    pub target: Option<Target>,
}

/// What a condition looks at.
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Target {
    /// Writes since creation.
    #[prost(int64, tag = "3")]
    Version(i64),
    /// Revision of creation.
    #[prost(int64, tag = "4")]
    Create(i64),
    /// Revision of the last write.
    #[prost(int64, tag = "5")]
    Mod(i64),
    /// The lease.
    #[prost(int64, tag = "6")]
    Lease(i64),
    /// The value of a key that is not sealed.
    #[prost(bytes = "bytes", tag = "7")]
    Clear(Bytes),
    /// Keyed digest of the value of a sealed key.
    #[prost(message, tag = "9")]
    Digest(KeyedDigest),
}

/// A keyed digest, and by which key.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct KeyedDigest {
    /// [`seal::DataKeyRecord::digest_key_id`] of the data key it was made with.
    #[prost(uint32, tag = "1")]
    pub by: u32,
    /// The digest.
    #[prost(bytes = "bytes", tag = "2")]
    pub digest: Bytes,
}

impl From<Operand> for Target {
    fn from(operand: Operand) -> Self {
        match operand {
            Operand::Clear(bytes) => Self::Clear(bytes),
            Operand::Digest { by, digest } => Self::Digest(KeyedDigest { by, digest: Bytes::copy_from_slice(&digest) }),
        }
    }
}

/// The number of a relation in the log.
#[must_use]
pub fn relation_code(result: CompareResult) -> u32 {
    match result {
        CompareResult::Equal => 0,
        CompareResult::Greater => 1,
        CompareResult::Less => 2,
        CompareResult::NotEqual => 3,
    }
}

/// Forgets history before a revision.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Compact {
    /// The oldest revision to keep.
    #[prost(int64, tag = "1")]
    pub revision: i64,
}

/// Notes what an administrator does.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct RecordAction {
    /// An event, as the crate `audit` writes it.
    #[prost(bytes = "bytes", tag = "1")]
    pub event: Bytes,
}
