//! The record of who did what: what an [`Event`] is, how events are chained, and the [`Journal`] that a member keeps of them.
//!
//! ```text
//!  a call of an administrator --> the log of the cluster --> every member's journal
//!  a refused call, an auditor's call, a read of sealed values ------^ (of the member that was asked)
//! ```
//!
//! A journal is a folder of files with a line for each event, JSON, oldest first:
//!
//! ```text
//!  {"seq":7,"policy_epoch":2,"revision":10,"cluster":{"seq":3,"prev":"..","hash":".."},"event":{..},"hash":".."}
//! ```
//!
//! - `hash` is SHA-256 over the hash of the line before and everything of this line that stands before it; `seq` counts the lines
//!   of this member. A line that was changed, or is missing between others, is found by [`verify()`].
//! - `cluster` is there where the event came through the log of the cluster. It is the place in a second chain, which is the same
//!   on every member; so the journals of two members can be compared, and what one of them lost at its end is found by the other.
//!
//! It is *not* the place for what was written or read: no event holds a value.
//!
//! Limits: an event is at most [`EVENT_BYTES_MAX`] long; [`Options`] bounds the files.
//!
//! Failure: a journal that cannot be written says so to whoever has to know before they go on, is counted, and is tried again.

mod chain;
mod digester;
mod event;
mod files;
mod journal;
mod line;
mod verify;
mod writer;

pub use chain::{ClusterLink, Hash, cluster_hash};
pub use digester::{DIGEST_KEY_FILE, Digester};
pub use event::{EVENT_BYTES_MAX, Event, Outcome, Stage, Who, now, time};
pub use journal::{Entry, Journal, JournalError, Options, Subscription};
pub use line::Line;
pub use verify::{Fault, Report, verify};
