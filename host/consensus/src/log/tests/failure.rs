//! A disk that fails, and a folder that is taken.

use super::*;

fn fails_from(operation: usize) -> (tempfile::TempDir, Arc<TestDisk>, Arc<LogError>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(TestDisk::default());
    let log = open_on(dir.path(), &disk);
    append_each(&log, 1..4, 50);
    disk.fail_after(operation);
    let first = wait(|done| log.append(vec![(4, payload(4, 50))], done)).unwrap_err();
    let operations = disk.operations();
    let later = [
        wait(|done| log.append(vec![(5, payload(5, 50))], done)),
        wait(|done| log.save_vote(Bytes::from_static(b"late"), done)),
        wait(|done| log.truncate_after(1, done)),
        wait(|done| log.purge(1, Bytes::new(), done)),
    ];
    assert!(later.iter().all(|outcome| matches!(outcome.as_ref().unwrap_err().as_ref(), LogError::Poisoned(_))));
    assert_eq!(disk.operations(), operations, "nothing was tried again");
    (dir, disk, first)
}

#[test]
fn a_failed_write_or_sync_poisons_the_log() {
    for (operation, action) in [(0, "cannot write"), (1, "cannot sync")] {
        let (dir, disk, error) = fails_from(operation);
        assert!(error.to_string().starts_with(action), "{error}");
        disk.crash(|| false);
        assert_eq!(everything(&open(dir.path())), expected(1..4, 50));
    }
}

#[test]
fn a_failed_sync_is_not_believed_by_the_next_start() {
    let (dir, disk, _) = fails_from(1);
    // The process starts again, not the machine: the frame can be read, though the disk never got it and no sync will
    // bring it there.
    disk.recover();
    let log = open_on(dir.path(), &disk);
    assert_eq!(log.last_index(), Some(4));
    log.close();
    disk.crash(|| false);
    assert_eq!(everything(&open(dir.path())), expected(1..5, 50), "what the second start told of is durable");
}

#[test]
fn everything_queued_behind_a_failure_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(TestDisk::default());
    let log = open_on(dir.path(), &disk);
    append_each(&log, 1..2, 50);
    let operations = disk.operations();
    disk.hold(true);
    let first = start(|done| log.append(vec![(2, payload(2, 50))], done));
    until(|| disk.operations() == operations + 2); // write, sync: the writer is in the sync of that entry
    disk.fail_after(0);
    let rest: Vec<_> = (3..100).map(|i| start(|done| log.append(vec![(i, payload(i, 50))], done))).collect();
    disk.hold(false);
    first.recv().unwrap().unwrap();
    assert!(rest.iter().all(|outcome| outcome.recv().unwrap().is_err()));
}

#[test]
fn a_folder_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert!(matches!(open_error(dir.path()), LogError::InUse(_)));
    log.close();
    open(dir.path());
}
