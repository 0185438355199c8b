//! The vocabulary every other crate speaks: keys, values, operations, outcomes, events and limits.
//!
//! This crate is *not* the wire (see `proto`) and *not* the log (see `store::command`): it is what a
//! request means once it has been parsed, and what an answer means before it is encoded. It does no
//! I/O and draws no random number.
//!
//! Invariants:
//! - [`Plain`] has no `Debug`, no `Display` and no serialiser, and overwrites its memory when the last
//!   owner lets go of it, so a plaintext value cannot reach a log line by accident.
//! - An [`Operation`] that passed [`Operation::check`] holds to etcd's request rules.
//!
//! ```
//! use types::{KeyRange, Plain};
//! let range = KeyRange::prefix(b"/registry/pods/");
//! assert!(range.contains(b"/registry/pods/default/web"));
//! assert_eq!(Plain::from(b"v1".to_vec()).expose(), b"v1");
//! ```

mod event;
mod limits;
mod operation;
mod outcome;
mod range;
mod value;

pub use event::{Event, EventKind};
pub use limits::*;
pub use operation::{
    Branch, Compare, CompareResult, CompareTarget, DeleteRange, Invalid, Operation, Put, PutLease, PutValue, Txn, TxnOp,
};
pub use outcome::{KeyValue, OpOutcome, RangeOutcome, TxnOutcome};
pub use range::{KeyRange, RangeEnd, RangeQuery, SortOrder, SortTarget};
pub use value::Plain;
