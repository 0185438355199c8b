//! What the file says.

use std::{
    collections::HashMap,
    env, fs, io,
    path::{Path, PathBuf},
    sync::{
        LazyLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

/// Names the file.
const VARIABLE: &str = "STRONGROOM_FAIL_POINTS";

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Linux's numbers of the two errors that disks give.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What happens at a point.
#[derive(Debug, Default)]
struct Entry {
    sleep: Option<(Duration, u64)>,
    error: Option<i32>,
    /// How often it may still be reached, this time included.
    kill: Option<AtomicU64>,
}

#[derive(Debug, Default)]
struct Table {
    text: String,
    points: HashMap<String, Entry>,
    planted: Vec<String>,
    clock_seconds: i64,
}

static TABLE: RwLock<Option<Table>> = RwLock::new(None);
/// Whether there is a file; the first to ask reads it.
static ARMED: LazyLock<bool> = LazyLock::new(arm);
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Table {
    /// Lines that are no sentence of this language are a mistake in a test: better to stop than to test nothing.
    fn parse(text: &str) -> Self {
        let mut table = Self { text: text.to_owned(), ..Self::default() };
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(table.take(&words).is_some(), "{VARIABLE}: what is {line:?}?");
        }
        table
    }

    fn take(&mut self, words: &[&str]) -> Option<()> {
        match *words {
            ["planted", bug] => self.planted.push(bug.to_owned()),
            ["clock", "jump", seconds] => self.clock_seconds = seconds.parse().ok()?,
            [point, "sleep", ms] => self.entry(point).sleep = Some((Duration::from_millis(ms.parse().ok()?), 1)),
            [point, "sleep", ms, of] => {
                self.entry(point).sleep = Some((Duration::from_millis(ms.parse().ok()?), of.parse().ok()?));
            }
            [point, "error", "EIO"] => self.entry(point).error = Some(EIO),
            [point, "error", "ENOSPC"] => self.entry(point).error = Some(ENOSPC),
            [point, "kill"] => self.entry(point).kill = Some(AtomicU64::new(1)),
            [point, "kill", times] => self.entry(point).kill = Some(AtomicU64::new(times.parse().ok()?)),
            [] => {}
            _ => return None,
        }
        Some(())
    }

    fn entry(&mut self, point: &str) -> &mut Entry {
        self.points.entry(point.to_owned()).or_default()
    }
}

impl Entry {
    fn pause(&self) -> Option<Duration> {
        self.sleep.filter(|(_, of)| one_in(*of)).map(|(pause, _)| pause)
    }

    /// Whether this is the time at which the process dies.
    fn is_deadly(&self) -> bool {
        self.kill.as_ref().is_some_and(|left| left.fetch_sub(1, Ordering::SeqCst) == 1)
    }
}

fn arm() -> bool {
    let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) else { return false };
    look(&path);
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK);
            look(&path);
        }
    });
    true
}

pub(crate) fn is_armed() -> bool {
    *ARMED
}

fn with<T>(read: impl FnOnce(&Table) -> T) -> Option<T> {
    if !is_armed() {
        return None;
    }
    TABLE.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
}

fn look(path: &Path) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let known = TABLE.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|table| table.text == text);
    if !known {
        *TABLE.write().unwrap_or_else(PoisonError::into_inner) = Some(Table::parse(&text));
    }
}

fn at<T: Default>(point: &str, read: impl FnOnce(&Entry) -> T) -> T {
    with(|table| table.points.get(point).map(read)).flatten().unwrap_or_default()
}

pub(crate) fn reached(point: &str) {
    if let Some(pause) = at(point, Entry::pause) {
        thread::sleep(pause);
    }
    if is_deadly(point) {
        crate::die();
    }
}

pub(crate) fn check(point: &str) -> io::Result<()> {
    at(point, |entry| entry.error).map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
}

pub(crate) fn pause(point: &str) -> Option<Duration> {
    at(point, Entry::pause)
}

pub(crate) fn is_deadly(point: &str) -> bool {
    at(point, Entry::is_deadly)
}

pub(crate) fn planted(bug: &str) -> bool {
    with(|table| table.planted.iter().any(|planted| planted == bug)).unwrap_or_default()
}

/// One call of so many, wherever it comes from.
pub(crate) fn one_in(count: u64) -> bool {
    COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(count.max(1))
}

pub(crate) fn system_time() -> SystemTime {
    let seconds = with(|table| table.clock_seconds).unwrap_or_default();
    let jump = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::now() - jump } else { SystemTime::now() + jump }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_happens() {
        let table = Table::parse("log.sync error EIO\na sleep 5\nb kill 2\nclock jump -7\nplanted lost-event\n");
        assert_eq!(table.points["log.sync"].error, Some(EIO));
        assert_eq!(table.points["a"].pause(), Some(Duration::from_millis(5)));
        let b = &table.points["b"];
        assert_eq!([b.is_deadly(), b.is_deadly(), b.is_deadly()], [false, true, false]);
        assert_eq!((table.clock_seconds, table.planted), (-7, vec!["lost-event".to_owned()]));
    }

    #[test]
    #[should_panic(expected = "what is")]
    fn what_is_not_understood_is_a_mistake() {
        Table::parse("log.sync explode\n");
    }

    #[test]
    fn the_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("points");
        fs::write(&file, "x error ENOSPC\n").unwrap();
        look(&file);
        let error = || TABLE.read().unwrap().as_ref().and_then(|table| table.points.get("x")?.error);
        assert_eq!(error(), Some(ENOSPC));
        fs::write(&file, "").unwrap();
        look(&file);
        assert_eq!(error(), None);
    }
}
