//! Keeps the memory of the process out of swap (`--memory-mlock`), and that of a member with a root key out of core files.

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

/// Asks that no core file is written of this process, and that nobody but root may read its memory. Builds with fail points
/// are for tests, which look into the processes that they start.
pub(crate) fn hide() {
    if failpoint::ENABLED {
        return;
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a core file of this process could hold root keys and values of sealed prefixes");
    }
}
