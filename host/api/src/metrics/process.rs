//! What the kernel says of this process, under the names that every Go program uses.

use std::fs;

use meters::{Gauge, IntGauge, Registry, gauge};

/// Ticks of the kernel's clock in a second, in the figures that it tells programs (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

const KIBIBYTE: i64 = 1024;

/// The process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ProcessMetrics {
    cpu_seconds: CpuSeconds,
    start_seconds: Gauge,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    open_files: IntGauge,
    open_files_max: IntGauge,
    files_used: IntGauge,
    files_limit: IntGauge,
}

/// A counter with a fraction.
type CpuSeconds = meters::Counter;

impl ProcessMetrics {
    pub(crate) fn registered_in(registry: &Registry) -> Self {
        let own = Self {
            cpu_seconds: meters::seconds_counter(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            ),
            start_seconds: meters::seconds_gauge(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            ),
            resident_bytes: gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
            virtual_bytes: gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
            open_files: gauge("process_open_fds", "Number of open file descriptors."),
            open_files_max: gauge("process_max_fds", "Maximum number of open file descriptors."),
            files_used: gauge("os_fd_used", "The number of used file descriptors."),
            files_limit: gauge("os_fd_limit", "The file descriptor limit."),
        };
        registry.add(&own.cpu_seconds);
        registry.add(&own.start_seconds);
        for family in [&own.resident_bytes, &own.virtual_bytes, &own.open_files, &own.open_files_max] {
            registry.add(family);
        }
        registry.add(&own.files_used);
        registry.add(&own.files_limit);
        own
    }

    /// Asks the kernel. What it does not say stays as it was.
    pub(crate) fn read(&self) {
        if let Some(clock) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Clock::parse) {
            self.cpu_seconds.inc_by((clock.cpu_seconds - self.cpu_seconds.get()).max(0.0));
            let boot = fs::read_to_string("/proc/stat").ok().as_deref().and_then(boot_seconds);
            boot.into_iter().for_each(|boot| self.start_seconds.set(boot + clock.start_seconds));
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        field(&status, "VmRSS:").into_iter().for_each(|kib| self.resident_bytes.set(kib * KIBIBYTE));
        field(&status, "VmSize:").into_iter().for_each(|kib| self.virtual_bytes.set(kib * KIBIBYTE));
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        if let Some(limit) = field(&limits, "Max open files") {
            self.open_files_max.set(limit);
            self.files_limit.set(limit);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd").map(Iterator::count) {
            let open = i64::try_from(open).unwrap_or(i64::MAX);
            self.open_files.set(open);
            self.files_used.set(open);
        }
    }
}

/// Of `/proc/self/stat`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Clock {
    cpu_seconds: f64,
    /// Since the machine started.
    start_seconds: f64,
}

impl Clock {
    /// The program's name is in parentheses and may hold anything; the fields are counted from behind it.
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        let cpu_seconds = (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND;
        Some(Self { cpu_seconds, start_seconds: ticks(19)? / TICKS_PER_SECOND })
    }
}

fn boot_seconds(stat: &str) -> Option<f64> {
    field(stat, "btime").map(|seconds| seconds as f64)
}

/// The first number behind `name`.
fn field(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read() {
        let fields = (1..=20).map(|at| (at * 100).to_string()).collect::<Vec<_>>().join(" ");
        let clock = Clock::parse(&format!("7 (a ) b) {fields}")).unwrap();
        assert_eq!(clock, Clock { cpu_seconds: 25.0, start_seconds: 20.0 });
        assert_eq!(field("VmSize:\t 8 kB\nVmRSS:\t 5 kB\n", "VmRSS:"), Some(5));
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let process = ProcessMetrics::registered_in(&Registry::default());
        process.read();
        assert!(process.resident_bytes.get() > 1_000_000 && process.open_files.get() > 2);
        assert!(process.start_seconds.get() > 1_600_000_000.0);
    }
}
