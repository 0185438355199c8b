//! Instances that have reviewed and may review again, of a plugin whose administrator said so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::Store;

use crate::contract::Plugin;
use crate::limits::{REUSED_MEMORY_SHARE, REUSES_MAX};
use crate::sandbox::Bounds;

/// An instance with what it remembers.
pub(crate) struct Used {
    pub(crate) store: Store<Bounds>,
    pub(crate) plugin: Plugin,
    /// How often it has reviewed.
    pub(crate) reviews: u32,
}

/// Those of one plugin that wait: as many at most as were at work at once.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<Used>>);

impl Idle {
    pub(crate) fn take(&self) -> Option<Used> {
        self.waiting().pop()
    }

    /// For one whose call came to its end. It goes once it has grown, or has reviewed so often that what it leaks counts.
    pub(crate) fn put(&self, used: Used) {
        let bounds = used.store.data();
        let has_room = bounds.memory_bytes() <= bounds.memory_bytes_max() / REUSED_MEMORY_SHARE;
        if has_room && used.reviews < REUSES_MAX {
            self.waiting().push(used);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Used>> {
        // Whatever panicked while holding it, each of them is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
