//! What the figures were measured on.

use std::{
    env, fs,
    fs::File,
    io::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use crate::row::median;

/// Syncs of which the median is told.
const SYNCS: usize = 200;

/// What a sync writes: a small group of puts.
const SYNCED_BYTES: usize = 4096;

/// A machine, on one day.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) date: String,
    about: String,
}

impl Machine {
    /// Looks at this one.
    ///
    /// # Panics
    /// When temporary files are in memory: a sync would cost nothing, and every figure of a write would be wrong.
    pub(crate) fn look() -> Self {
        let temporary = env::temp_dir();
        let system = said("df", &["--output=fstype", &temporary.to_string_lossy()]);
        let system = system.lines().last().unwrap_or("unknown");
        assert!(system != "tmpfs", "{} is in memory: set TMPDIR to a folder on a disk", temporary.display());
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let model = model.trim_start_matches([' ', '\t', ':']).to_owned();
        let kernel = said("uname", &["-r"]);
        let strongroom = said(&harness::binary().to_string_lossy(), &["version"]);
        let etcd = said(&harness::reference().to_string_lossy(), &["--version"]);
        let etcd = etcd.lines().next().unwrap_or_default().replace(" Version:", "");
        let sync = sync_us();
        Self {
            date: OffsetDateTime::now_utc().date().to_string(),
            about: format!(
                "{strongroom} and {etcd}, on {processors} processors ({model}), Linux {kernel}, {system}; fdatasync of \
                 {SYNCED_BYTES} bytes: {sync:.0} us (median)."
            ),
        }
    }

    /// The first lines of a result.
    pub(crate) fn heading(&self, rounds: u8, quick: bool, took: Duration) -> String {
        let quick =
            if quick { " **Short rounds and few keys: this shows that it works, not how fast it is.**" } else { "" };
        let minutes = took.as_secs() / 60;
        format!("{} Median of {rounds} rounds of each, in turn; {minutes} minutes in all.{quick}", self.about)
    }
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// How long the disk takes for a sync, in microseconds.
fn sync_us() -> f64 {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    let sync = |file: &mut File| {
        let begun = Instant::now();
        file.write_all(&[1; SYNCED_BYTES]).and_then(|()| file.sync_data()).expect("a temporary file can be written");
        begun.elapsed().as_secs_f64() * 1e6
    };
    median((0..SYNCS).map(|_| sync(&mut file)).collect()).expect("there were syncs")
}
