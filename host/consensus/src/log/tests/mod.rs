//! The log from the outside, on real files, with a disk that can be counted, held, failed and crashed.

mod crash;
mod damage;
mod disk;
mod failure;
mod forget;
mod round_trip;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use disk::TestDisk;

/// Small, so that tests see many segments.
const OPTIONS: LogOptions = LogOptions { segment_bytes: 4096, tail_bytes: 1024, sync: true };

type Outcome = Result<(), Arc<LogError>>;

fn open(dir: &Path) -> LogStore {
    LogStore::open(dir, OPTIONS).unwrap()
}

fn open_on(dir: &Path, disk: &Arc<TestDisk>) -> LogStore {
    LogStore::open_with(dir, OPTIONS, disk.clone()).unwrap()
}

fn open_error(dir: &Path) -> LogError {
    LogStore::open(dir, OPTIONS).err().expect("the log must not open")
}

/// Starts an operation; the receiver gets its outcome.
fn start(operation: impl FnOnce(Done)) -> mpsc::Receiver<Outcome> {
    let (sender, receiver) = mpsc::channel();
    operation(Box::new(move |outcome| drop(sender.send(outcome))));
    receiver
}

fn wait(operation: impl FnOnce(Done)) -> Outcome {
    start(operation).recv().expect("every operation is answered")
}

/// Waits for another thread to get somewhere.
fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long");
        thread::yield_now();
    }
}

fn payload(index: u64, bytes: usize) -> Bytes {
    (0..bytes).map(|at| (index as usize * 31 + at) as u8).collect()
}

/// One durable frame per entry.
fn append_each(log: &LogStore, range: Range<u64>, bytes: usize) {
    for index in range {
        wait(|done| log.append(vec![(index, payload(index, bytes))], done)).unwrap();
    }
}

fn everything(log: &LogStore) -> Vec<(u64, Bytes)> {
    log.read(0..u64::MAX, usize::MAX).unwrap()
}

fn expected(range: Range<u64>, bytes: usize) -> Vec<(u64, Bytes)> {
    range.map(|index| (index, payload(index, bytes))).collect()
}

fn names(dir: &Path, extension: &str) -> Vec<String> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|name| name.ends_with(extension)).collect();
    names.sort();
    names
}
