//! What changes the sealing of values, and not the values.

use bytes::Bytes;
use prost::Message;

use super::Value;

/// Changes what is sealed, or with which data keys; all of it at one policy epoch.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ChangeKeyring {
    /// The policy epoch this was made for: refused if another policy change came first.
    #[prost(uint64, tag = "1")]
    pub expected_epoch: u64,
    /// Encoded [`seal::DataKeyRecord`]s, to add or to replace.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub records: Vec<Bytes>,
    /// Encoded [`seal::SealRule`]s, to add or to replace.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub rules: Vec<Bytes>,
    /// Prefixes whose rules go.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub dropped: Vec<Bytes>,
    /// Whether its proposer has seen that every record is as the rules and data keys of the expected epoch want it.
    #[prost(bool, tag = "5")]
    pub settles: bool,
    /// Whether members are to see to it that nothing from before lies in a file any more: log, snapshots, and what the state's
    /// database has overwritten.
    #[prost(bool, tag = "6")]
    pub forgets: bool,
}

/// Puts values in the place of the same ones, sealed otherwise.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Rewrap {
    /// The policy epoch it was sealed under: refused if the policy has changed since.
    #[prost(uint64, tag = "1")]
    pub expected_epoch: u64,
    /// The values.
    #[prost(message, repeated, tag = "2")]
    pub items: Vec<Rewrapped>,
}

/// One value, sealed otherwise.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Rewrapped {
    /// Whose value it is.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The revision at which it was written.
    #[prost(int64, tag = "2")]
    pub revision: i64,
    /// The sub-revision, of a value that a later change of the same write replaced.
    #[prost(uint32, optional, tag = "3")]
    pub replaced_at: Option<u32>,
    /// The data key that it was found sealed with, zero for none; another one there is left alone.
    #[prost(uint32, tag = "4")]
    pub sealed_with: u32,
    /// What is to be there.
    #[prost(message, required, tag = "5")]
    pub value: Value,
}

/// Notes that a member is about to use a data key.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ReserveUses {
    /// The data key's prefix.
    #[prost(bytes = "bytes", tag = "1")]
    pub prefix: Bytes,
    /// The data key.
    #[prost(uint32, tag = "2")]
    pub id: u32,
    /// How often.
    #[prost(uint64, tag = "3")]
    pub count: u64,
}
