//! What goes in comes out: across segments, batches, truncation, purges and restarts.

use super::*;

#[test]
fn entries_and_marks_survive_a_reopen_across_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert_eq!((log.first_index(), log.last_index(), log.vote(), log.purged()), (None, None, None, None));
    wait(|done| log.save_vote(Bytes::from_static(b"vote 1"), done)).unwrap();
    append_each(&log, 1..100, 300);
    wait(|done| log.save_vote(Bytes::from_static(b"vote 2"), done)).unwrap();
    assert_eq!(everything(&log), expected(1..100, 300));
    log.close();
    assert!(names(dir.path(), ".log").len() > 5);

    let log = open(dir.path());
    assert_eq!((log.first_index(), log.last_index()), (Some(1), Some(99)));
    assert_eq!(log.vote().unwrap(), "vote 2");
    assert_eq!(everything(&log), expected(1..100, 300));
    append_each(&log, 100..120, 300);
    assert_eq!(everything(&log), expected(1..120, 300));
}

#[test]
fn reads_are_bounded_and_begin_at_the_first_entry() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 5..50, 100);
    assert_eq!(log.read(0..8, usize::MAX).unwrap(), expected(5..8, 100));
    assert_eq!(log.read(20..50, 1).unwrap(), expected(20..21, 100), "at least one");
    assert_eq!(log.read(47..50, 200).unwrap(), expected(47..49, 100));
    assert_eq!(log.read(50..60, usize::MAX).unwrap(), vec![]);
}

#[test]
fn an_operation_larger_than_a_segment_gets_a_larger_segment() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..3, 100);
    append_each(&log, 3..4, 3_000_000);
    append_each(&log, 4..9, 100);
    log.close();
    let log = open(dir.path());
    assert_eq!(log.read(3..4, usize::MAX).unwrap(), expected(3..4, 3_000_000));
    assert_eq!((log.first_index(), log.last_index()), (Some(1), Some(8)));
}

#[test]
fn queued_entries_share_one_sync_and_can_be_read_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(TestDisk::default());
    let log = LogStore::open_with(dir.path(), LogOptions { segment_bytes: 1 << 20, ..OPTIONS }, disk.clone()).unwrap();
    let (before, operations) = (disk.syncs(), disk.operations());
    disk.hold(true);
    let first = start(|done| log.append(vec![(1, payload(1, 100))], done));
    until(|| disk.operations() == operations + 18); // 16 pieces of zeros, the frame, its sync: the writer is in it
    let later: Vec<_> = (2..1001).map(|i| start(|done| log.append(vec![(i, payload(i, 100))], done))).collect();
    assert_eq!(everything(&log), expected(1..1001, 100));
    assert!(first.try_recv().is_err(), "not durable, not answered");
    disk.hold(false);
    later.iter().chain([&first]).for_each(|outcome| outcome.recv().unwrap().unwrap());
    assert_eq!(disk.syncs() - before, 2);
    assert_eq!(everything(&log), expected(1..1001, 100), "the tail was evicted, the disk answers");
}

#[test]
fn callbacks_come_in_order_and_close_drains() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (sender, receiver) = mpsc::channel();
    for index in 1..2001 {
        let sender = sender.clone();
        // Every seventh operation is refused: it keeps its place in the order.
        let number = if index % 7 == 0 { 9_999 } else { index - index / 7 };
        let done: Done = Box::new(move |outcome| sender.send((index, outcome.is_ok())).unwrap());
        log.append(vec![(number, payload(number, 10))], done);
    }
    let clone = log.clone();
    log.close();
    let outcomes: Vec<_> = receiver.try_iter().collect();
    assert_eq!(outcomes, (1..2001).map(|index| (index, index % 7 != 0)).collect::<Vec<_>>());
    let late = wait(|done| clone.save_vote(Bytes::new(), done)).unwrap_err();
    assert!(matches!(*late, LogError::Closed));
    drop(clone);
    let log = open(dir.path());
    assert_eq!(everything(&log), expected(1..1716, 10));
}

#[test]
fn the_last_handle_may_go_in_a_callback() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (sender, receiver) = mpsc::channel();
    let kept = log.clone();
    log.append(
        vec![(1, payload(1, 10))],
        Box::new(move |_| {
            drop(kept);
            sender.send(()).unwrap();
        }),
    );
    drop(log);
    receiver.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[test]
fn truncate_then_append_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..60, 300);
    wait(|done| log.truncate_after(20, done)).unwrap();
    assert_eq!(everything(&log), expected(1..21, 300));
    append_each(&log, 21..30, 77);
    let mut both = expected(1..21, 300);
    both.extend(expected(21..30, 77));
    assert_eq!(everything(&log), both);
    log.close();
    let log = open(dir.path());
    assert_eq!(everything(&log), both);
    wait(|done| log.truncate_after(0, done)).unwrap();
    assert_eq!((log.first_index(), log.last_index()), (None, None));
    append_each(&log, 7..9, 5);
    log.close();
    assert_eq!(everything(&open(dir.path())), expected(7..9, 5));
}

#[test]
fn a_truncation_that_is_still_queued_hides_what_it_drops() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(TestDisk::default());
    let log = open_on(dir.path(), &disk);
    append_each(&log, 1..30, 300);
    disk.hold(true);
    let dropped = start(|done| log.truncate_after(10, done));
    let again = start(|done| log.append(vec![(11, payload(99, 40))], done));
    assert_eq!(log.last_index(), Some(11));
    assert_eq!(log.read(11..30, usize::MAX).unwrap(), vec![(11, payload(99, 40))]);
    disk.hold(false);
    dropped.recv().unwrap().unwrap();
    again.recv().unwrap().unwrap();
    assert_eq!(log.read(11..30, usize::MAX).unwrap(), vec![(11, payload(99, 40))]);
}

#[test]
fn purge_frees_segments_and_vote_and_purge_point_survive_them() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    wait(|done| log.save_vote(Bytes::from_static(b"only once"), done)).unwrap();
    append_each(&log, 1..100, 300);
    let before = names(dir.path(), ".log").len();
    wait(|done| log.purge(80, Bytes::from_static(b"id 80"), done)).unwrap();
    assert_eq!((log.first_index(), log.last_index()), (Some(81), Some(99)));
    log.close();
    assert!(names(dir.path(), ".log").len() + 5 < before);
    assert_eq!(names(dir.path(), ".spare").len(), 2);

    let log = open(dir.path());
    assert_eq!(log.vote().unwrap(), "only once");
    assert_eq!(log.purged(), Some((80, Bytes::from_static(b"id 80"))));
    assert_eq!(everything(&log), expected(81..100, 300));
    append_each(&log, 100..140, 300);
    assert_eq!(names(dir.path(), ".spare").len(), 0, "spares were written again");
    log.close();
    assert_eq!(everything(&open(dir.path())), expected(81..140, 300));
}

#[test]
fn purge_beyond_the_end_empties_the_log_and_sets_where_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..40, 300);
    wait(|done| log.purge(1000, Bytes::from_static(b"snapshot"), done)).unwrap();
    wait(|done| log.purge(10, Bytes::from_static(b"late"), done)).unwrap();
    assert_eq!((log.first_index(), log.purged().unwrap().0), (None, 1000));
    assert!(wait(|done| log.append(vec![(40, payload(40, 9))], done)).is_err());
    append_each(&log, 1001..1003, 9);
    log.close();
    let log = open(dir.path());
    assert_eq!(everything(&log), expected(1001..1003, 9));
    assert_eq!(log.purged(), Some((1000, Bytes::from_static(b"snapshot"))));
    assert_eq!(names(dir.path(), ".log").len(), 1);
}

#[test]
fn a_read_planned_before_a_purge_still_gets_its_entries() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..60, 300);
    let sources = log.inner.shared.lock().plan(&(1..20), usize::MAX);
    wait(|done| log.purge(50, Bytes::new(), done)).unwrap();
    append_each(&log, 60..120, 300);
    assert_eq!(reader::read(sources).unwrap(), expected(1..20, 300));
}

#[test]
fn holes_and_steps_back_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 10..20, 9);
    let refused = |outcome: Outcome| assert!(matches!(*outcome.unwrap_err(), LogError::Refused(_)));
    refused(wait(|done| log.append(vec![(20, Bytes::new()), (22, Bytes::new())], done)));
    refused(wait(|done| log.append(vec![(0, Bytes::new())], done)));
    refused(wait(|done| log.append(vec![(19, Bytes::new())], done)));
    refused(wait(|done| log.purge(5, Bytes::new(), done)));
    wait(|done| log.purge(12, Bytes::new(), done)).unwrap();
    refused(wait(|done| log.truncate_after(11, done)));
    let piece = Bytes::from(vec![0; 1 << 20]);
    let many = (20..20 + 257).map(|index| (index, piece.clone())).collect();
    refused(wait(|done| log.append(many, done)));
    assert_eq!(everything(&log), expected(13..20, 9));
    log.close();
    assert_eq!(everything(&open(dir.path())), expected(13..20, 9));
}

#[test]
fn a_log_that_is_not_synced_keeps_what_it_was_given_while_the_machine_runs() {
    let dir = tempfile::tempdir().unwrap();
    let unsynced = LogOptions { sync: false, ..OPTIONS };
    let log = LogStore::open(dir.path(), unsynced).unwrap();
    append_each(&log, 1..100, 300);
    log.close();
    let log = LogStore::open(dir.path(), unsynced).unwrap();
    assert_eq!(everything(&log), expected(1..100, 300));
}

#[test]
fn a_check_tells_the_newest_entry_and_makes_no_log_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    assert!(matches!(check(&path), Err(LogError::Missing(_))));
    assert!(!path.exists());
    let log = open(&path);
    assert!(matches!(check(&path), Err(LogError::InUse(_))));
    append_each(&log, 1..10, 30);
    log.close();
    assert_eq!(check(&path).unwrap(), Some(9));
    let log = open(&path);
    wait(|done| log.purge(20, Bytes::from_static(b"id"), done)).unwrap();
    log.close();
    assert_eq!(check(&path).unwrap(), Some(20), "what was purged was there");
}
