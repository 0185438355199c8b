//! Keeps the memory of the process out of swap (`--memory-mlock`), and that of one with keys out of core files.

use rustix::mm::{MlockAllFlags, mlockall};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::config::Config;
use crate::error::ServerError;

/// Locks what the process has and will have, if the operator asked for it.
///
/// # Errors
///
/// [`ServerError::MemoryLock`] when the system does not allow as much.
pub(crate) fn keep(config: &Config) -> Result<(), ServerError> {
    if !config.memory_lock {
        return Ok(());
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    mlockall(all).map_err(|error| ServerError::MemoryLock(error.into()))
}

/// Asks that no core file is written of this process, and that nobody but root may read its memory. Tests that make a member fail
/// look into the processes that they start.
pub(crate) fn hide() {
    if failpoint::is_armed() {
        tracing::warn!("STRONGROOM_FAIL_POINTS is set: this process fails where a test says");
        return;
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a core file of this process could hold root keys and values of sealed prefixes");
    }
}
