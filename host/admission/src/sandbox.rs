//! One call into a plugin: a fresh instance, its limits, and what became of it.

use std::time::{Duration, Instant};

use wasmtime::{Store, Trap};

use crate::Cause;
use crate::contract::{Plugin, PluginPre};
use crate::limits::{
    MEMORIES_MAX, MEMORY_BYTES_MAX, OUTPUT_BYTES_MAX, PARTS_MAX, TABLE_ELEMENTS_MAX, TICK, TIMEOUT_DEFAULT,
};

/// When a guest has to be done, and how long that was from the start.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// Ticks of the clock that are left; `None` when there is no time left.
    fn ticks(self) -> Option<u64> {
        let left = self.at.checked_duration_since(Instant::now())?;
        // The tick under way does not count, so a guest gets its time in full and at most one tick more.
        Some(u64::try_from(left.as_millis().div_ceil(TICK.as_millis())).ok()? + 1)
    }

    fn passed(self) -> Cause {
        Cause::Deadline { limit_ms: u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self::after(TIMEOUT_DEFAULT)
    }
}

/// What a guest has taken so far.
#[derive(Default)]
pub(crate) struct Bounds {
    memory_bytes: usize,
    exceeded: bool,
}

impl Bounds {
    /// Growing past a limit ends the guest at once: one that would go on without the memory can only waste time.
    fn exceed(&mut self) -> wasmtime::Result<bool> {
        self.exceeded = true;
        Err(wasmtime::Error::msg("a resource limit was exceeded"))
    }
}

impl wasmtime::ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = (self.memory_bytes - current).saturating_add(desired);
        if total > MEMORY_BYTES_MAX {
            return self.exceed();
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX { self.exceed() } else { Ok(true) }
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// Instantiates the plugin, lets `call` call it, and throws the instance away with all that it remembers.
///
/// Blocks until the guest is done or its deadline has passed.
pub(crate) fn run<R>(
    code: &PluginPre<Bounds>,
    deadline: Deadline,
    call: impl FnOnce(&Plugin, &mut Store<Bounds>) -> wasmtime::Result<R>,
) -> Result<R, Cause> {
    let ticks = deadline.ticks().ok_or_else(|| deadline.passed())?;
    let mut store = Store::new(code.engine(), Bounds::default());
    store.limiter(|bounds| bounds);
    store.set_epoch_deadline(ticks);
    store.set_hostcall_fuel(OUTPUT_BYTES_MAX);

    let plugin = match code.instantiate(&mut store) {
        Ok(plugin) => plugin,
        Err(error) => return Err(cause(&error, store.data(), deadline, Cause::Instantiation)),
    };
    call(&plugin, &mut store).map_err(|error| cause(&error, store.data(), deadline, Cause::Output))
}

/// Reads the engine's error. What is neither a limit nor a trap is `otherwise`.
fn cause(error: &wasmtime::Error, bounds: &Bounds, deadline: Deadline, otherwise: Cause) -> Cause {
    if bounds.exceeded {
        return Cause::Memory;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => deadline.passed(),
        Some(Trap::StackOverflow) => Cause::Stack,
        Some(trap) => Cause::Trap { reason: trap.to_string() },
        None if error.is::<wasmtime::PoolConcurrencyLimitError>() => Cause::Busy,
        None => otherwise,
    }
}
