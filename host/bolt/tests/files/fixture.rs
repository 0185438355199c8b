//! Files that real etcd and real bbolt wrote; see fixtures/README.md.

use std::path::{Path, PathBuf};

use bolt::{Bolt, BoltError};
use bytes::Bytes;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn a_snapshot_of_etcd_has_its_buckets_and_revisions() {
    let path = fixture("etcd-3.4.snapshot");
    let bytes = std::fs::metadata(&path).unwrap().len() - 32;
    let file = Bolt::open_prefix(&path, bytes).unwrap();
    assert_eq!(file.page_bytes(), 4096);
    assert!(!file.meta_lost());
    let names = file.buckets().unwrap();
    let expected =
        ["alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members", "members_removed", "meta"];
    assert_eq!(names, expected.map(str::as_bytes));

    let key = file.bucket(b"key").unwrap().unwrap();
    let revisions: Vec<_> = key.iter().map(|pair| pair.unwrap().0).collect();
    // 39 keys, one with a lease, and one that was deleted again: revision 43 is a tombstone.
    assert_eq!(revisions.len(), 42);
    let main = |revision: &[u8]| u64::from_be_bytes(revision[..8].try_into().unwrap());
    assert!(revisions.iter().map(|revision| main(revision)).eq(2..=43));
    assert_eq!(revisions[41].last(), Some(&b't'));
    let value = key.get(&revisions[0]).unwrap().unwrap();
    assert!(value.windows(9).any(|window| window == b"/fix/0001"));

    let users = file.bucket(b"authUsers").unwrap().unwrap();
    assert!(users.get(b"root").unwrap().is_some());
    assert_eq!(file.bucket(b"lease").unwrap().unwrap().iter().count(), 1);
    // Inside of the leaf that names it, and empty.
    assert_eq!(file.bucket(b"alarm").unwrap().unwrap().iter().count(), 0);
    assert!(file.bucket(b"nothing").unwrap().is_none());
}

#[test]
fn a_file_of_bbolt_with_small_pages_has_every_kind_of_page() {
    let file = Bolt::open(fixture("bbolt-1024.db")).unwrap();
    assert_eq!(file.page_bytes(), 1024);
    assert_eq!(file.buckets().unwrap(), ["deep", "empty", "inline", "large", "nested"].map(str::as_bytes));

    let deep = file.bucket(b"deep").unwrap().unwrap();
    let expected: Vec<(Bytes, Bytes)> =
        (0..200).filter(|n| n % 7 != 3).map(|n| (format!("key-{n:060}").into(), format!("value {n}").into())).collect();
    assert!(deep.iter().map(Result::unwrap).eq(expected.clone()));
    for (key, value) in expected {
        assert_eq!(deep.get(&key).unwrap().unwrap(), value);
    }
    for absent in ["", "a", "key-0", "key-1", "z"] {
        assert_eq!(deep.get(absent.as_bytes()).unwrap(), None, "{absent}");
    }

    assert_eq!(file.bucket(b"empty").unwrap().unwrap().iter().count(), 0);
    let inline = file.bucket(b"inline").unwrap().unwrap();
    assert_eq!(inline.get(b"small").unwrap().unwrap(), "bucket");
    let large = file.bucket(b"large").unwrap().unwrap();
    let lengths: Vec<_> = large.iter().map(|pair| pair.unwrap().1.len()).collect();
    assert_eq!(lengths, [0, 5000, 1, 3000]);
}

#[test]
fn a_bucket_in_a_bucket_is_named() {
    let file = Bolt::open(fixture("bbolt-1024.db")).unwrap();
    let nested = file.bucket(b"nested").unwrap().unwrap();
    assert_eq!(nested.get(b"a").unwrap().unwrap(), "1");
    assert!(matches!(nested.get(b"inner"), Err(BoltError::Nested { .. })));
    let mut pairs = nested.iter();
    assert!(pairs.next().unwrap().is_ok());
    assert!(matches!(pairs.next(), Some(Err(BoltError::Nested { .. }))));
    assert!(pairs.next().is_none());
}
