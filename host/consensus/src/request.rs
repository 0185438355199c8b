//! What an entry of the log carries: a command, and who waits for its outcome.

use std::fmt;

use prost::Message;
use store::Command;

/// Names one proposal of one run of a member, so that it knows the outcome for its own when it applies the entry.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Origin {
    #[prost(fixed64, tag = "1")]
    pub(crate) member_id: u64,
    #[prost(fixed64, tag = "2")]
    pub(crate) sequence: u64,
}

/// A command with its origin. The same message is the part of an entry that a follower forwards to the leader.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct Request {
    #[prost(message, required, tag = "1")]
    pub(crate) command: Command,
    #[prost(message, optional, tag = "2")]
    pub(crate) origin: Option<Origin>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command.name())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command.name())
    }
}
