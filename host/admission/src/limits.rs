//! Bounds on what a plugin may take, with the reason for each number.

use std::time::Duration;

/// Largest component in bytes: 48 MiB. A plugin in Rust or C takes 20 to 200 KiB, one in Go or JavaScript 1 to 3 MiB, one in
/// Python, which brings its interpreter and library, 14 MiB and more. Each travels through the replicated log as one entry.
pub const COMPONENT_BYTES_MAX: usize = 48 << 20;

/// Most plugins in force at once. With [`LANES_MAX`] it sizes the pool of instances; the store holds to it.
pub const PLUGINS_MAX: usize = store::PLUGINS_MAX;

/// Time limit of the reviews of one client request by one plugin, when the administrator sets none. Reviews take
/// microseconds; half a second survives a busy machine and stays well under the timeouts of etcd's clients (5 s).
pub const TIMEOUT_DEFAULT: Duration = Duration::from_millis(500);

/// Longest time limit an administrator can set; a longer one counts as this. A request must end before its client gives up.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(4);

/// How long a request waits for a free lane of a plugin before it counts as failed, for the same reason.
pub const LANE_WAIT_MAX: Duration = Duration::from_secs(4);

/// Most reviews of one plugin at once; fewer on a machine with fewer cores. Lanes are per plugin, so that one that
/// loops does not take those of the others.
pub const LANES_MAX: usize = 8;

/// Reviews of one request that take at most so long are done where they are asked for: handing them to a lane, and what comes of
/// them back, takes two awakenings of a thread, which is about as long.
pub(crate) const HERE_MAX: Duration = Duration::from_micros(100);

/// When a review is ended that is done where it was asked for: at the second tick from its start. It is begun anew on a lane then.
pub(crate) const HERE_TIMEOUT: Duration = TICK;

/// What reviews may take on average that are done where they are asked for, and by how much all of them together may be over it: a thread
/// that waits for a processor is not the plugin's fault.
pub(crate) const HERE_MEAN_MAX: Duration = Duration::from_micros(200);
pub(crate) const HERE_DEBT_MAX: Duration = Duration::from_millis(50);

/// For how long a plugin's reviews are all done on lanes after that.
pub(crate) const HERE_AGAIN: Duration = Duration::from_secs(60);

/// Most linear memory of one review, all memories together: 64 MiB, unless the administrator set less. A value is 1.5 MiB at
/// most, and a guest with a garbage collector multiplies that.
pub const MEMORY_BYTES_MAX: usize = 64 << 20;

/// Processor time that compiling one component may take: two minutes. An interpreter with its library takes half a minute on a
/// slow machine.
pub const COMPILE_CPU_SECONDS_MAX: u64 = 120;

/// Memory that compiling one component may take: 2 GiB.
pub const COMPILE_MEMORY_BYTES_MAX: u64 = 2 << 30;

/// How long compiling may take on a machine that is busy.
pub const COMPILE_WAIT_MAX: Duration = Duration::from_secs(240);

/// How long code stays that was prepared for a plugin which is not in force, of [`PLUGINS_MAX`] plugins at most: ten minutes, twice
/// what the slowest member may take to prepare it.
pub const PREPARED_TIME_MAX: Duration = Duration::from_secs(600);

/// Elements of one table. Function tables of real components have a few thousand.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;

/// Tables, and core instances, of one component. Encoders emit two to four, and one more for each library that is linked when it
/// starts.
pub const PARTS_MAX: usize = 32;

/// Memories of one component. One is usual; an adapter brings a second.
pub const MEMORIES_MAX: usize = 2;

/// WebAssembly stack of one review: 512 KiB, which interpreters need. The thread under it has 2 MiB.
pub const STACK_BYTES_MAX: usize = 512 << 10;

/// What the host copies out of a guest in one call: 64 KiB, far more than a verdict or a description takes.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Bytes of a denial's message that reach the client: 1 KiB, since it becomes a gRPC status text.
pub const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// Warnings, and notes, of one verdict. Each becomes metadata of the answer or a line of the log.
pub const REMARKS_MAX: usize = 16;

/// Bytes of a warning and of a note. All that come with one answer must fit into its headers.
pub const REMARK_BYTES_MAX: usize = 256;

/// Reviews of one instance, where instances are reused, before it makes room for a fresh one.
pub const REUSES_MAX: u32 = 1_000;

/// An instance is reused while its memory is under this part of what it may have: the next review needs some, too. So a plugin whose
/// instances are reused keeps that much for each of its lanes, for as long as it is in force.
pub const REUSED_MEMORY_SHARE: usize = 2;

/// Lines that one call adds to a plugin's log.
pub const LOG_LINES_MAX: usize = 16;

/// Bytes of a line of a plugin's log.
pub const LOG_LINE_BYTES_MAX: usize = 1 << 10;

/// Lines that are kept of each plugin's log, on each member: 256 KiB at most.
pub const LOG_KEPT_MAX: usize = 256;

/// Bytes of a plugin's settings: 64 KiB. They travel through the replicated log and into every instance that asks.
pub const SETTINGS_BYTES_MAX: usize = 64 << 10;

/// Times that one call may read of the store.
pub const READS_MAX: usize = 100;

/// Bytes that one call may read of the store before it reads no more: 4 MiB. The last read may go past it by one value.
pub const READ_BYTES_MAX: usize = 4 << 20;

/// Keys of one read. Each is looked at again when the write is applied.
pub const READ_ENTRIES_MAX: usize = 1_000;

/// Bytes of the values that the plugins put in the place of others in one request: as many as a request may bring.
pub const MUTATED_BYTES_MAX: usize = types::REQUEST_BYTES_MAX;

/// Bytes of a name, of a version, and of a denial's code.
pub const NAME_BYTES_MAX: usize = 64;

/// Prefixes of one plugin.
pub const PREFIXES_MAX: usize = 64;

/// Rules that say whose writes a plugin reviews, and as many that say whose it does not.
pub const WRITERS_MAX: usize = 64;

/// Bytes of one prefix. Keys of Kubernetes stay under 600.
pub const PREFIX_BYTES_MAX: usize = 1 << 10;

/// Bytes of an instance's memory that stay with its slot between two reviews: 4 MiB, which also the interpreters of other languages stay
/// under. Only slots that were used have any, and each plugin uses as many as it has lanes.
pub(crate) const MEMORY_RESIDENT_BYTES: usize = 4 << 20;

/// The same of a table: a function table of 8,000 elements.
pub(crate) const TABLE_RESIDENT_BYTES: usize = 64 << 10;

/// How often the clock of the time limits ticks: what a time limit can be late by, against idle wake-ups.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Instances alive at once: every lane of every plugin, twice over while one policy follows another.
pub(crate) const INSTANCES_MAX: usize = 2 * PLUGINS_MAX * LANES_MAX;
