//! What was written before a fresh start is gone from the disk once it is purged.

use std::{fs, io};

use super::*;

const CANARY: &[u8] = b"canary-of-a-value-that-must-go";

fn holds_canary(dir: &Path) -> bool {
    loop {
        let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()));
        match files.collect::<io::Result<Vec<_>>>() {
            Ok(files) => return files.iter().any(|bytes| bytes.windows(CANARY.len()).any(|part| part == CANARY)),
            // One that went or got another name meanwhile may hold it there.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
        }
    }
}

fn append_canary(log: &LogStore, index: u64) {
    wait(|done| log.append(vec![(index, Bytes::from_static(CANARY))], done)).unwrap();
}

#[test]
fn neither_in_spares_nor_in_segments_nor_in_files_that_are_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let purge = |index| wait(|done| log.purge(index, Bytes::from_static(b"id"), done)).unwrap();
    append_canary(&log, 1);
    append_each(&log, 2..40, 300);
    purge(39);
    // Segments go after whoever asked was answered.
    until(|| names(dir.path(), ".spare").len() == 2);
    assert!(holds_canary(dir.path()), "in a spare");
    append_canary(&log, 40);
    wait(|done| log.start_afresh(done)).unwrap();
    append_each(&log, 41..42, 300);
    assert!(names(dir.path(), ".spare").is_empty());
    assert!(holds_canary(dir.path()), "it is not purged yet");
    purge(40);
    until(|| !holds_canary(dir.path()));
    // Spares are made again, of what came after.
    append_each(&log, 42..90, 300);
    purge(89);
    until(|| names(dir.path(), ".spare").len() == 2);
    assert!(!holds_canary(dir.path()));
    log.close();
    let log = open(dir.path());
    append_each(&log, 90..91, 300);
    assert_eq!(log.first_index(), Some(90));
}
