//! What the kernel knows of a process: what it cost so far.

use std::{fs, path::Path};

/// Ticks of processor time in a second: `USER_HZ`, which Linux has told every program for twenty years.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used since it was started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// Bytes that went, or will go, to the disk.
    pub(crate) written_bytes: f64,
}

impl Usage {
    /// Of a running process.
    ///
    /// # Panics
    /// When it does not run, or is somebody else's.
    pub(crate) fn of(process: u32) -> Self {
        let read = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
        };
        Self { cpu_seconds: cpu_seconds(&read("stat")), written_bytes: written_bytes(&read("io")) }
    }

    /// What came on top of an earlier one.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_bytes: self.written_bytes - before.written_bytes,
        }
    }
}

/// User and system time. The name of the program, in parentheses, may hold anything.
fn cpu_seconds(stat: &str) -> f64 {
    let fields = stat.rsplit_once(')').expect("a name in parentheses").1.split_whitespace();
    let ticks = fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("a number of ticks"));
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn written_bytes(io: &str) -> f64 {
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).expect("the kernel counts what a process writes")
}

/// Bytes of disk that a folder takes, with all below it. A file of several names counts once.
///
/// # Panics
/// When `du` fails.
pub(crate) fn disk_bytes(folder: &Path) -> f64 {
    let output = std::process::Command::new("du").args(["-s", "-B1"]).arg(folder).output().expect("du starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes = text.split_whitespace().next().and_then(|bytes| bytes.parse().ok());
    bytes.unwrap_or_else(|| panic!("du: {}", String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let stat = "7 (a )b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert!((cpu_seconds(stat) - 3.0).abs() < 1e-9);
        let io = "rchar: 1\nwchar: 2\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        assert!((written_bytes(io) - 4096.0).abs() < 1e-9);
        assert!(Usage::of(std::process::id()).cpu_seconds >= 0.0);
    }

    #[test]
    fn a_folder_takes_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), vec![1; 100_000]).unwrap();
        assert!(disk_bytes(folder.path()) >= 100_000.0);
    }
}
