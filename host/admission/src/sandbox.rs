//! One call into a plugin: a fresh instance, its limits, and what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wasmtime::{Store, Trap};

use crate::Cause;
use crate::contract::{Plugin, PluginPre, host};
use crate::idle::{Idle, Used};
use crate::journal::{Level, Line};
use crate::limits::{
    LOG_LINES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, MUTATED_BYTES_MAX, OUTPUT_BYTES_MAX, PARTS_MAX, TABLE_ELEMENTS_MAX,
    TICK, TIMEOUT_DEFAULT,
};
use crate::reading::{Reader, Reading};

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

/// What the administrator gave a plugin.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) settings: Arc<str>,
    pub(crate) memory_bytes_max: usize,
    pub(crate) may_mutate: bool,
    /// Prefixes of what it may read.
    pub(crate) reads: Arc<[Bytes]>,
    pub(crate) sees_sealed: bool,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            settings: "".into(),
            memory_bytes_max: MEMORY_BYTES_MAX,
            may_mutate: false,
            reads: [].into(),
            sees_sealed: false,
        }
    }
}

/// What a guest has been given, and what it has taken so far.
pub(crate) struct Bounds {
    grant: Grant,
    memory_bytes: usize,
    /// Why it was ended, where the engine's error does not say.
    ended: Option<Cause>,
    lines: Vec<Line>,
    reader: Reader,
}

impl host::Host for Bounds {
    fn log(&mut self, level: host::Level, message: String) -> wasmtime::Result<()> {
        if self.lines.len() < LOG_LINES_MAX {
            self.lines.push(Line::new(Level::from(level), &message));
        }
        Ok(())
    }

    fn settings(&mut self) -> wasmtime::Result<String> {
        Ok(self.grant.settings.to_string())
    }

    fn get(&mut self, key: Vec<u8>) -> wasmtime::Result<Result<Option<host::Entry>, host::ReadError>> {
        let read = self.reader.get(key);
        self.end_unless(read)
    }

    fn list(
        &mut self,
        prefix: Vec<u8>,
        start: Vec<u8>,
        limit: u32,
    ) -> wasmtime::Result<Result<host::Listing, host::ReadError>> {
        let read = self.reader.list(&prefix, start, limit);
        self.end_unless(read)
    }
}

impl Bounds {
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub(crate) fn memory_bytes_max(&self) -> usize {
        self.grant.memory_bytes_max
    }

    /// Growing past a limit ends the guest at once: one that would go on without the memory can only waste time.
    fn exceed(&mut self) -> wasmtime::Result<bool> {
        self.ended = Some(Cause::Memory);
        Err(wasmtime::Error::msg("a resource limit was exceeded"))
    }

    fn end_unless<T>(&mut self, read: Result<T, String>) -> wasmtime::Result<T> {
        read.map_err(|reason| {
            self.ended = Some(Cause::State { reason });
            wasmtime::Error::msg("the state cannot be read")
        })
    }
}

impl wasmtime::ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = (self.memory_bytes - current).saturating_add(desired);
        if total > self.grant.memory_bytes_max {
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

/// What a call left behind.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) lines: Vec<Line>,
    /// Linear memory at its end, at most what it was granted.
    pub(crate) memory_bytes: usize,
    /// It has read a value that is sealed everywhere else.
    pub(crate) saw_sealed: bool,
}

/// Instantiates the plugin, lets `call` call it, and throws the instance away with all that it remembers. Answers with what it
/// left behind, too.
///
/// Blocks until the guest is done or its deadline has passed.
pub(crate) fn run<R>(
    code: &PluginPre<Bounds>,
    grant: &Grant,
    reading: Option<&Arc<Reading>>,
    deadline: Deadline,
    call: impl FnOnce(&Plugin, &mut Store<Bounds>) -> wasmtime::Result<R>,
) -> (Result<R, Cause>, Traces) {
    run_once(None, None, code, grant, reading, deadline, call)
}

/// The same with an instance of those that wait, if there are any, which then waits for the next call. Where that fails, what it
/// remembers may be why: it is thrown away, and a fresh one is called.
pub(crate) fn run_in<R>(
    idle: Option<&Idle>,
    code: &PluginPre<Bounds>,
    grant: &Grant,
    reading: Option<&Arc<Reading>>,
    deadline: Deadline,
    call: impl Fn(&Plugin, &mut Store<Bounds>) -> wasmtime::Result<R>,
) -> (Result<R, Cause>, Traces) {
    if let Some(used) = idle.and_then(Idle::take) {
        let answered = run_once(Some(used), idle, code, grant, reading, deadline, &call);
        if answered.0.is_ok() {
            return answered;
        }
    }
    run_once(None, idle, code, grant, reading, deadline, call)
}

fn run_once<R>(
    used: Option<Used>,
    idle: Option<&Idle>,
    code: &PluginPre<Bounds>,
    grant: &Grant,
    reading: Option<&Arc<Reading>>,
    deadline: Deadline,
    call: impl FnOnce(&Plugin, &mut Store<Bounds>) -> wasmtime::Result<R>,
) -> (Result<R, Cause>, Traces) {
    let Some(ticks) = deadline.ticks() else { return (Err(deadline.passed()), Traces::default()) };
    let reader = Reader::new(reading.cloned(), Arc::clone(&grant.reads), grant.sees_sealed);
    let arm = |store: &mut Store<Bounds>| {
        store.set_epoch_deadline(ticks);
        store.set_hostcall_fuel(OUTPUT_BYTES_MAX + if grant.may_mutate { MUTATED_BYTES_MAX } else { 0 });
    };
    let (mut store, instance, reviews) = match used {
        Some(Used { mut store, plugin, reviews }) => {
            store.data_mut().reader = reader;
            arm(&mut store);
            (store, Ok(plugin), reviews)
        }
        None => {
            let bounds = Bounds { grant: grant.clone(), memory_bytes: 0, ended: None, lines: Vec::new(), reader };
            let mut store = Store::new(code.engine(), bounds);
            store.limiter(|bounds| bounds);
            arm(&mut store);
            let instance = code.instantiate(&mut store);
            (store, instance, 0)
        }
    };
    let outcome = match &instance {
        Ok(plugin) => call(plugin, &mut store).map_err(|error| cause(&error, store.data(), deadline, Cause::Output)),
        Err(error) => Err(cause(error, store.data(), deadline, Cause::Instantiation)),
    };
    let bounds = store.data_mut();
    let lines = std::mem::take(&mut bounds.lines);
    let reader = std::mem::take(&mut bounds.reader);
    let traces = Traces { lines, memory_bytes: bounds.memory_bytes, saw_sealed: reader.saw_sealed };
    if let (Some(idle), Ok(plugin), Ok(_)) = (idle, instance, &outcome) {
        idle.put(Used { store, plugin, reviews: reviews + 1 });
    }
    (outcome, traces)
}

/// Reads the engine's error. What is neither a limit nor a trap is `otherwise`.
fn cause(error: &wasmtime::Error, bounds: &Bounds, deadline: Deadline, otherwise: Cause) -> Cause {
    if let Some(cause) = &bounds.ended {
        return cause.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => deadline.passed(),
        Some(Trap::StackOverflow) => Cause::Stack,
        Some(trap) => Cause::Trap { reason: trap.to_string() },
        None if error.is::<wasmtime::PoolConcurrencyLimitError>() => Cause::Busy,
        None => otherwise,
    }
}
