//! Keeps the memory of the process out of swap: `--memory-mlock`.

use rustix::mm::{MlockAllFlags, mlockall};

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
