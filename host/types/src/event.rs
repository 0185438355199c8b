//! What a watcher is told.

use crate::KeyValue;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was written.
    Put,
    /// It was deleted.
    Delete,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<V> {
    /// What happened.
    pub kind: EventKind,
    /// The key as it is now; for a delete only the key and the revision are set.
    pub kv: KeyValue<V>,
    /// The key as it was before, if it was there.
    pub prev: Option<KeyValue<V>>,
}
