//! Waiting for the disk on a thread of the runtime.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs work that may wait for the disk without holding up the other tasks of this thread.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
