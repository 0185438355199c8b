//! Files that are damaged, cut off or made up. Nothing here may panic or go on for ever.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::structure::{self, PAGE, folder, unprotected};
use bolt::{Bolt, BoltError, Writer};
use bytes::Bytes;
use proptest::prelude::*;

type Contents = Vec<(Bytes, Vec<(Bytes, Bytes)>)>;

fn contents(path: &Path) -> Result<Contents, BoltError> {
    let file = Bolt::open(path)?;
    let mut all = Contents::new();
    for name in file.buckets()? {
        let Some(bucket) = file.bucket(&name)? else { continue };
        let pairs = bucket.iter().collect::<Result<Vec<_>, _>>()?;
        if let Some((key, _)) = pairs.last() {
            bucket.get(key)?;
        }
        all.push((name, pairs));
    }
    Ok(all)
}

/// A file with a branch, leaves, overflow, and a bucket inside of a leaf.
fn sample(path: &Path) {
    let mut writer = Writer::create(path).unwrap();
    let mut deep = writer.bucket(b"deep").unwrap();
    for n in 0..130 {
        deep.put(format!("key-{n:05}").as_bytes(), format!("value {n}").as_bytes()).unwrap();
    }
    deep.finish().unwrap();
    let mut inline = writer.bucket(b"inline").unwrap();
    inline.put(b"k", b"v").unwrap();
    inline.finish().unwrap();
    let mut large = writer.bucket(b"large").unwrap();
    large.put(b"a", &[0xAA; 5000]).unwrap();
    large.put(b"b", &[0xBB; 3000]).unwrap();
    large.finish().unwrap();
    writer.finish().unwrap();
}

struct Patched {
    _folder: tempfile::TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Patched {
    fn new(make: impl FnOnce(&Path)) -> Self {
        let folder = folder();
        let path = folder.path().join("db");
        make(&path);
        let bytes = fs::read(&path).unwrap();
        Self { _folder: folder, path, bytes }
    }

    /// What the file holds with `patch` at `at`; afterwards it is as before.
    fn with(&self, at: usize, patch: &[u8]) -> Result<Contents, BoltError> {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(patch, at as u64).unwrap();
        let found = contents(&self.path);
        file.write_all_at(&self.bytes[at..at + patch.len()], at as u64).unwrap();
        found
    }
}

#[test]
fn every_damaged_byte_is_found_or_changes_nothing_where_the_format_can_tell() {
    let file = Patched::new(sample);
    let whole = contents(&file.path).unwrap();
    let unprotected = unprotected(&file.bytes);
    let mut found = 0;
    for (at, &byte) in file.bytes.iter().enumerate() {
        let masks: &[u8] = if unprotected[at] { &[0xFF] } else { &[1, 8, 64, 0xFF] };
        // Padding is not read: one mask is enough.
        let masks = if byte == 0 && file.bytes[at.saturating_sub(16)..].iter().take(32).all(|&b| b == 0) {
            &masks[..1]
        } else {
            masks
        };
        for mask in masks {
            match file.with(at, &[byte ^ mask]) {
                Ok(now) => assert!(unprotected[at] || now == whole, "byte {at}, mask {mask:#x}: wrong data"),
                Err(_) => found += 1,
            }
        }
    }
    assert!(found > 8_000, "{found}");
}

#[test]
fn damaged_bytes_of_a_file_of_bbolt_are_survived() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bbolt-1024.db");
    let file = Patched::new(|path| assert!(fs::copy(fixture, path).is_ok()));
    // All of the first pages, and of the others bytes of every place in an element by and by.
    for at in (0..3 * 1024).chain((3 * 1024..file.bytes.len()).step_by(7)) {
        let _ = file.with(at, &[!file.bytes[at]]);
    }
}

#[test]
fn every_cut_is_named() {
    let file = Patched::new(sample);
    let whole = file.bytes.len() as u64;
    for bytes in 0..whole {
        let found = Bolt::open_prefix(&file.path, bytes).map(drop);
        match bytes {
            0..80 => assert!(matches!(found, Err(BoltError::NotBolt)), "{bytes}: {found:?}"),
            _ => assert!(
                matches!(found, Err(BoltError::Truncated { bytes: b, needs }) if (b, needs) == (bytes, whole)),
                "{bytes}: {found:?}"
            ),
        }
    }
    assert!(Bolt::open_prefix(&file.path, whole).is_ok());
    assert!(matches!(Bolt::open_prefix(&file.path, whole + 1), Err(BoltError::Truncated { .. })));
}

#[test]
fn either_meta_is_enough_and_the_loss_is_told() {
    for name in ["etcd-3.4.snapshot", "bbolt-1024.db"] {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let mut bytes = fs::read(fixture).unwrap();
        let folder = folder();
        let path = folder.path().join("db");
        fs::write(&path, &bytes).unwrap();
        let page = Bolt::open(&path).unwrap().page_bytes() as usize;
        let key = |path| Bolt::open(path).unwrap().buckets().unwrap();
        let whole = key(&path);
        for meta in [0, page] {
            bytes[meta + 20] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(Bolt::open(&path).unwrap().meta_lost());
            assert_eq!(key(&path), whole);
            bytes[meta + 20] ^= 1;
        }
    }
}

#[test]
fn other_files_and_other_versions_are_named() {
    let file = Patched::new(sample);
    let mut both = file.bytes[..2 * PAGE].to_vec();
    both[20] = 3;
    both[PAGE + 20] = 3;
    assert!(matches!(file.with(0, &both), Err(BoltError::Version(3))));
    both[20] = 2;
    both[PAGE + 20] = 2;
    both[40] ^= 1;
    both[PAGE + 40] ^= 1;
    assert!(matches!(file.with(0, &both), Err(BoltError::Damaged { page: 0, .. })));
    assert!(matches!(file.with(0, &vec![7; 2 * PAGE]), Err(BoltError::NotBolt)));
    assert!(matches!(Bolt::open(file.path.parent().unwrap()), Err(BoltError::Open { .. })));
    assert!(matches!(Bolt::open(file.path.with_extension("no")), Err(BoltError::Open { .. })));
}

fn what(found: Result<Contents, BoltError>) -> &'static str {
    match found {
        Err(BoltError::Damaged { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

/// A database with room in it, of which page 2 and those behind it can be overwritten; its bucket has page 2 as root.
fn made_up(pages: &[Vec<u8>]) -> Result<Contents, BoltError> {
    let file = Patched::new(|path| {
        let mut writer = Writer::create(path).unwrap();
        let mut bucket = writer.bucket(b"b").unwrap();
        bucket.put(b"k", &vec![0; 60 * PAGE]).unwrap();
        bucket.finish().unwrap();
        writer.finish().unwrap();
    });
    let mut bytes = pages.concat();
    bytes.resize(61 * PAGE, 0);
    file.with(2 * PAGE, &bytes)
}

#[test]
fn a_chain_of_branches_comes_to_an_end() {
    let chain: Vec<_> = (2..50).map(|id| structure::branch(id, &[(b"k", id + 1)])).collect();
    assert_eq!(what(made_up(&chain)), "the tree is too deep");
    assert_eq!(what(made_up(&[structure::branch(2, &[(b"k", 2)])])), "it lies below itself");
    let circle = [structure::branch(2, &[(b"k", 3)]), structure::branch(3, &[(b"k", 2)])];
    assert_eq!(what(made_up(&circle)), "it lies below itself");
}

#[test]
fn pages_that_lie_in_each_other_are_refused() {
    let children: Vec<(Vec<u8>, u64)> = (3..40u64).map(|id| (vec![id as u8], id)).collect();
    let children: Vec<(&[u8], u64)> = children.iter().map(|(key, id)| (key.as_slice(), *id)).collect();
    let mut pages = vec![structure::branch(2, &children)];
    // Each leaf has a value that reaches to the end of the file.
    pages.extend((3..40u64).map(|id| structure::leaf(id, &[id as u8], (62 - id as usize) * PAGE)));
    assert_eq!(what(made_up(&pages)), "it is referred to twice");

    let twice = [structure::branch(2, &[(b"a", 3), (b"b", 3)]), structure::leaf(3, b"a", 10)];
    assert_eq!(what(made_up(&twice)), "it is referred to twice");
}

#[test]
fn children_outside_of_their_range_are_refused() {
    let wrong = "its keys are not those that the page above it says";
    let low = [structure::branch(2, &[(b"b", 3), (b"d", 4)]), structure::leaf(3, b"a", 1), structure::leaf(4, b"d", 1)];
    assert_eq!(what(made_up(&low)), wrong);
    let high =
        [structure::branch(2, &[(b"b", 3), (b"d", 4)]), structure::leaf(3, b"d", 1), structure::leaf(4, b"d", 1)];
    assert_eq!(what(made_up(&high)), wrong);
    let outside = [structure::branch(2, &[(b"b", 1)])];
    assert!(what(made_up(&outside)).starts_with("it is referred to, and is not one"));
    let beyond = [structure::branch(2, &[(b"b", u64::MAX)])];
    assert!(what(made_up(&beyond)).starts_with("it is referred to, and is not one"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// Words of headers and elements become small numbers, large ones, or each other.
    #[test]
    fn many_damaged_words_are_survived(
        patches in proptest::collection::vec((any::<proptest::sample::Index>(), 0u32..12, 0u32..64), 1..6),
    ) {
        thread_local!(static SAMPLE: Patched = Patched::new(sample));
        SAMPLE.with(|file| {
            let mut bytes = file.bytes.clone();
            for (place, kind, number) in patches {
                // Metas have a checksum, so only the pages behind are of interest.
                let at = 2 * PAGE + place.index((bytes.len() - 2 * PAGE) / 4) * 4;
                let word = match kind {
                    0 => u32::MAX - number,
                    1 => 1 << (number % 32),
                    2 => number * PAGE as u32,
                    _ => number,
                };
                bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
            let _ = file.with(0, &bytes);
        });
    }
}
