//! What is written is read again.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::structure::{self, PAGE, folder};
use bolt::{Bolt, BoltError, KEY_BYTES_MAX, Writer};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Above this a bucket has pages of its own.
const INLINE_BYTES: usize = PAGE / 4;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;
type Buckets = BTreeMap<Vec<u8>, Pairs>;

fn write(path: &Path, buckets: &Buckets) {
    let mut writer = Writer::create(path).unwrap();
    for (name, pairs) in buckets {
        let mut bucket = writer.bucket(name).unwrap();
        for (key, value) in pairs {
            bucket.put(key, value).unwrap();
        }
        bucket.finish().unwrap();
    }
    writer.finish().unwrap();
}

fn check(path: &Path, buckets: &Buckets) {
    let file = Bolt::open(path).unwrap();
    assert!(!file.meta_lost());
    assert!(file.buckets().unwrap().iter().eq(buckets.keys()));
    for (name, pairs) in buckets {
        let bucket = file.bucket(name).unwrap().unwrap();
        assert!(
            bucket
                .iter()
                .map(Result::unwrap)
                .eq(pairs.iter().map(|(key, value)| (key.clone().into(), value.clone().into())))
        );
        // Looking up all keys of a large bucket would only take long.
        for (key, value) in pairs.iter().step_by(1 + pairs.len() / 50) {
            assert_eq!(bucket.get(key).unwrap().as_ref().unwrap(), value);
            let after = [key.as_slice(), &[0]].concat();
            assert_eq!(bucket.get(&after).unwrap().is_some(), pairs.contains_key(&after));
        }
    }
}

fn round_trip(buckets: &Buckets) {
    let folder = folder();
    let path = folder.path().join("db");
    write(&path, buckets);
    check(&path, buckets);
    // bbolt panics when it deletes below a branch with a single child.
    let counts = structure::branch_counts(&std::fs::read(&path).unwrap());
    assert!(counts.iter().all(|&count| count >= 2), "{counts:?}");
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), 1..24), 2 => vec(any::<u8>(), 1..600), 1 => long(4000..=KEY_BYTES_MAX)]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), 0..120), 2 => long(0..=9000), 1 => long(0..=200_000)]
}

/// Long, without a random number for every byte.
fn long(bytes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; 8]>(), bytes).prop_map(|(seed, bytes)| seed.iter().copied().cycle().take(bytes.max(1)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn any_buckets(buckets in btree_map(key(), btree_map(key(), value(), 0..60), 0..6)) {
        round_trip(&buckets);
    }

    #[test]
    fn many_small_keys(pairs in btree_map(vec(any::<u8>(), 1..12), vec(any::<u8>(), 0..12), 0..3000)) {
        round_trip(&Buckets::from([(b"key".to_vec(), pairs)]));
    }
}

#[test]
fn no_bucket_at_all() {
    round_trip(&Buckets::new());
}

#[test]
fn three_levels_of_branches_and_more() {
    let pairs = (0..30_000u64).map(|n| (n.to_be_bytes().to_vec(), n.to_le_bytes()[..(n % 9) as usize].to_vec()));
    round_trip(&Buckets::from([(b"key".to_vec(), pairs.collect())]));
}

#[test]
fn the_longest_keys_make_branches_of_two() {
    let key = |n: u32| [&n.to_be_bytes()[..], &vec![7; KEY_BYTES_MAX - 4]].concat();
    let pairs = |count| (0..count).map(|n| (key(n), vec![1])).collect();
    round_trip(&(1..20u32).chain([40]).map(|count| (count.to_be_bytes().to_vec(), pairs(count))).collect());
}

#[test]
fn pages_that_are_exactly_full() {
    let around = |bytes: usize| bytes - 40..bytes + 40;
    let pairs = |bytes| [(vec![1], vec![1]), (vec![2], vec![2; bytes]), (vec![3], vec![]), (vec![4], vec![4])];
    let lengths = around(INLINE_BYTES).chain(around(PAGE)).chain(around(2 * PAGE));
    round_trip(&lengths.map(|bytes| (bytes.to_be_bytes().to_vec(), pairs(bytes).into())).collect());
}

#[test]
fn a_value_of_many_mebibytes() {
    let pairs = Pairs::from([(vec![1], vec![5; 40 << 20]), (vec![2], vec![6; 1 << 20])]);
    round_trip(&Buckets::from([(b"key".to_vec(), pairs)]));
}

#[test]
fn hundreds_of_buckets() {
    let small = Pairs::from([(b"k".to_vec(), b"v".to_vec())]);
    round_trip(&(0..500u32).map(|n| (n.to_be_bytes().to_vec(), small.clone())).collect());
}

#[test]
fn a_refused_key_changes_nothing() {
    let folder = folder();
    let path = folder.path().join("db");
    let mut writer = Writer::create(&path).unwrap();
    let mut bucket = writer.bucket(b"b").unwrap();
    bucket.put(b"k", b"1").unwrap();
    assert!(matches!(bucket.put(b"k", b"2"), Err(BoltError::Order)));
    assert!(matches!(bucket.put(b"a", b"2"), Err(BoltError::Order)));
    assert!(matches!(bucket.put(b"", b"2"), Err(BoltError::KeyBytes(0))));
    assert!(matches!(bucket.put(&[9; KEY_BYTES_MAX + 1], b"2"), Err(BoltError::KeyBytes(32769))));
    bucket.put(b"l", b"3").unwrap();
    bucket.finish().unwrap();
    assert!(matches!(writer.bucket(b"b"), Err(BoltError::Order)));
    assert!(matches!(writer.bucket(b"a"), Err(BoltError::Order)));
    assert!(matches!(writer.bucket(b""), Err(BoltError::KeyBytes(0))));
    writer.finish().unwrap();
    let pairs = Pairs::from([(b"k".to_vec(), b"1".to_vec()), (b"l".to_vec(), b"3".to_vec())]);
    check(&path, &Buckets::from([(b"b".to_vec(), pairs)]));
}

#[test]
fn a_bucket_that_was_let_go_leaves_no_database() {
    let folder = folder();
    let path = folder.path().join("db");
    let mut writer = Writer::create(&path).unwrap();
    writer.bucket(b"b").unwrap().put(b"k", &[1; 100_000]).unwrap();
    assert!(matches!(writer.bucket(b"c"), Err(BoltError::Unfinished)));
    assert!(matches!(writer.finish(), Err(BoltError::Unfinished)));
    assert!(matches!(Bolt::open(&path), Err(BoltError::NotBolt)));
}

#[test]
fn a_file_that_is_there_is_not_overwritten_and_a_new_one_is_private() {
    let folder = folder();
    let path = folder.path().join("db");
    Writer::create(&path).unwrap().finish().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(Writer::create(&path), Err(BoltError::Open { .. })));
}
