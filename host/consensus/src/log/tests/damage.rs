//! Torn tails are cut, damage is refused, stale bytes stay dead.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::log::frame::{FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader, frame_at};

/// Start and end of every frame in a segment.
fn frames(path: &Path) -> Vec<Range<usize>> {
    let bytes = fs::read(path).unwrap();
    let salt = SegmentHeader::decode(&bytes).unwrap().salt;
    let mut found = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES;
    while let Some(frame) = frame_at(&bytes, at, salt) {
        found.push(at..frame.end);
        at = frame.end;
    }
    found
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016}.log"))
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Puts the segment back after each try.
fn with_change(path: &Path, changed: impl FnOnce(&mut Vec<u8>), check: impl FnOnce()) {
    let kept = fs::read(path).unwrap();
    change(path, changed);
    check();
    fs::write(path, kept).unwrap();
}

fn five_frames() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..6, 30);
    log.close();
    let path = segment(dir.path(), 1);
    (dir, path)
}

fn assert_damaged(dir: &Path, at: Option<usize>) {
    let error = open_error(dir);
    let LogError::Damaged { offset, .. } = &error else { panic!("{error}") };
    assert!(at.is_none_or(|at| at as u64 == *offset), "{error}");
    assert!(error.to_string().contains(".log is damaged at byte"), "{error}");
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_nothing_else() {
    let (dir, path) = five_frames();
    let last = frames(&path)[5].clone();
    let sound = last.start + FRAME_HEADER_BYTES + 17 + 30; // behind it there is only padding
    type Tear = fn(&mut Vec<u8>, usize, usize);
    let zeros: Tear = |bytes, cut, end| bytes[cut..end].fill(0);
    let garbage: Tear = |bytes, cut, end| bytes[cut..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
    let short_file: Tear = |bytes, cut, _| bytes.truncate(cut);
    for tear in [zeros, garbage, short_file] {
        for cut in last.clone() {
            let left = if cut < sound { 5 } else { 6 };
            with_change(
                &path,
                |bytes| tear(bytes, cut, last.end),
                || {
                    let log = open(dir.path());
                    assert_eq!(everything(&log), expected(1..left, 30), "cut at {cut}");
                    append_each(&log, left..9, 11);
                    log.close();
                    let log = open(dir.path());
                    assert_eq!(log.last_index(), Some(8), "cut at {cut}");
                    assert_eq!(log.read(left..9, usize::MAX).unwrap(), expected(left..9, 11));
                },
            );
        }
    }
}

#[test]
fn a_torn_tail_whose_end_arrived_and_whose_start_did_not_is_cut() {
    let (dir, path) = five_frames();
    let last = frames(&path)[5].clone();
    change(&path, |bytes| bytes[last.start..last.start + 16].fill(0));
    assert_eq!(everything(&open(dir.path())), expected(1..5, 30));
    assert!(fs::read(&path).unwrap()[last.start..].iter().all(|byte| *byte == 0), "the remains are gone");
}

#[test]
fn a_flipped_bit_before_the_last_frame_is_damage_wherever_it_is() {
    let (dir, path) = five_frames();
    let frames = frames(&path);
    for at in frames[0].start..frames[4].end {
        let frame = frames.iter().find(|frame| frame.contains(&at)).unwrap();
        let padding = if frame.start == frames[0].start { 0 } else { 1 };
        if at + padding >= frame.end {
            continue;
        }
        with_change(&path, |bytes| bytes[at] ^= 4, || assert_damaged(dir.path(), Some(frame.start)));
    }
    assert_eq!(everything(&open(dir.path())), expected(1..6, 30));
}

#[test]
fn a_segment_header_must_be_sound_and_of_this_format() {
    let (dir, path) = five_frames();
    for at in (0..8).chain(12..SEGMENT_HEADER_BYTES) {
        with_change(&path, |bytes| bytes[at] ^= 1, || assert_damaged(dir.path(), Some(0)));
    }
    change(&path, |bytes| bytes[8] = 7);
    let error = open_error(dir.path());
    assert!(matches!(error, LogError::Version { found: 7, .. }), "{error}");
}

#[test]
fn damage_at_the_end_of_an_older_segment_is_not_taken_for_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..30, 300);
    log.close();
    let path = segment(dir.path(), 2);
    let last = frames(&path).last().unwrap().clone();
    with_change(&path, |bytes| bytes[last.start + 60] ^= 1, || assert_damaged(dir.path(), Some(last.start)));
    with_change(&path, |bytes| bytes.truncate(last.start), || assert_damaged(dir.path(), Some(last.start)));
    with_change(&path, |bytes| bytes.clear(), || assert_damaged(dir.path(), Some(0)));
    assert_eq!(open(dir.path()).last_index(), Some(29));
}

#[test]
fn missing_segments_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..60, 300);
    log.close();
    for number in [1, 3] {
        let (path, aside) = (segment(dir.path(), number), dir.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        assert_damaged(dir.path(), Some(0));
        fs::rename(&aside, &path).unwrap();
    }
    let log = open(dir.path());
    wait(|done| log.purge(30, Bytes::new(), done)).unwrap();
    log.close();
    let oldest = names(dir.path(), ".log")[0].clone();
    fs::remove_file(dir.path().join(oldest)).unwrap();
    assert_damaged(dir.path(), Some(0));
}

#[test]
fn damage_is_seen_by_a_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append_each(&log, 1..30, 300);
    let path = segment(dir.path(), 1);
    let second = frames(&path)[2].clone();
    change(&path, |bytes| bytes[second.start + 100] ^= 1);
    assert_eq!(log.read(1..2, usize::MAX).unwrap(), expected(1..2, 300));
    let error = log.read(1..4, usize::MAX).unwrap_err();
    assert!(matches!(error, LogError::Damaged { offset, .. } if offset == second.start as u64 + 24), "{error}");
}

#[test]
fn stale_frames_of_a_recycled_segment_stay_dead() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    // Frames and opening frames of one size, so that old and new ones begin at the same offsets.
    let purge = |index| wait(|done| log.purge(index, Bytes::from_static(b"seven b"), done)).unwrap();
    append_each(&log, 1..2, 7);
    purge(1);
    append_each(&log, 2..200, 7);
    let before = names(dir.path(), ".log").len() as u64;
    purge(199);
    // Segment 1 opened with another frame; the spare after it is segment 2.
    let (newest, mut last) = (before + 2, 199);
    while names(dir.path(), ".log").last() != Some(&format!("{newest:016}.log")) || last % 10 != 0 {
        append_each(&log, last + 1..last + 2, 7);
        last += 1;
    }
    log.close();
    let bytes = fs::read(segment(dir.path(), newest)).unwrap();
    let header = SegmentHeader::decode(&bytes).unwrap();
    let end = frames(&segment(dir.path(), newest)).last().unwrap().end;
    assert!(header.recycled);
    let stale_salt = u64::from_le_bytes(bytes[end..end + 8].try_into().unwrap());
    assert!(frame_at(&bytes, end, stale_salt).is_some(), "an old frame begins right where the new ones end");
    let log = open(dir.path());
    assert_eq!(everything(&log), expected(200..last + 1, 7));
    append_each(&log, last + 1..last + 9, 7);
    log.close();
    assert_eq!(everything(&open(dir.path())), expected(200..last + 9, 7));
}

#[test]
fn an_entry_that_looks_like_a_frame_is_only_an_entry() {
    let (dir, path) = five_frames();
    let copy = fs::read(&path).unwrap();
    let log = open(dir.path());
    // A client cannot know the salt; with a guessed one its bytes are not a frame, even behind a torn one.
    let mut forged = copy[frames(&path)[1].clone()].to_vec();
    forged[0] ^= 1;
    wait(|done| log.append(vec![(6, [vec![0; 23], forged].concat().into())], done)).unwrap();
    log.close();
    let torn = frames(&path)[6].clone();
    change(&path, |bytes| bytes[torn.start + 30] ^= 1);
    assert_eq!(everything(&open(dir.path())), expected(1..6, 30));
}
