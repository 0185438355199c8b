//! No error text and no `Debug` text holds a byte of a value or of a key.

use std::fmt::Debug;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use types::{CompareResult, KeyRange, Plain};
use zeroize::Zeroizing;

use crate::fixtures::{CLUSTER, FixedRoot, keyless, open, record, root};
use crate::{DataKeyRecord, Digest, KeyFile, Keyring, Operand, RootKey, RootKeyProvider as _, SealError, Sealed};

const CANARY: &[u8] = b"canary-9b1c-value-of-a-secret-32";

/// The canary as text, hex, base64 and as a list of numbers, each cut so that a part of it is found too.
fn needles(secret: &[u8]) -> Vec<String> {
    let part = &secret[3..15];
    let list = format!("{part:?}");
    let encoded = BASE64_STANDARD.encode(secret);
    let text = String::from_utf8_lossy(part).into_owned();
    vec![text, hex::encode(part), encoded[4..16].to_owned(), list[1..list.len() - 1].to_owned()]
}

pub(crate) fn assert_silent(shown: &str, secret: &[u8]) {
    for needle in needles(secret) {
        assert!(!shown.to_lowercase().contains(&needle.to_lowercase()), "{shown}");
    }
}

fn assert_debug_silent(shown: &impl Debug) {
    assert_silent(&format!("{shown:?} {shown:#?}"), CANARY);
}

#[test]
fn the_search_finds_what_it_is_meant_to_find() {
    let list = format!("{CANARY:?}");
    for leak in [String::from_utf8_lossy(CANARY).as_ref(), &hex::encode(CANARY), &BASE64_STANDARD.encode(CANARY), &list]
    {
        let found = std::panic::catch_unwind(|| assert_silent(leak, CANARY));
        assert!(found.is_err(), "{leak}");
    }
}

#[test]
fn values_and_operands_do_not_show_what_they_hold() {
    let keyring = open(&[record("/s/", 1, None)]);
    let value = Plain::from(CANARY.to_vec());
    assert_debug_silent(&keyring.seal(b"/s/a", &value).unwrap());
    assert_debug_silent(&keyring.seal(b"/t/a", &value).unwrap());
    assert_debug_silent(&Operand::Clear(Bytes::from_static(CANARY)));
    let digest: Digest = CANARY.try_into().unwrap();
    assert_debug_silent(&Operand::Digest { by: 1, digest });
    assert_debug_silent(&keyring);
}

#[test]
fn root_keys_do_not_show_themselves() {
    let key = RootKey::from_bytes(Zeroizing::new(CANARY.try_into().unwrap()));
    assert_debug_silent(&key);
    assert_silent(&key.fingerprint(), CANARY);
    let directory = tempfile::tempdir().unwrap();
    let file = KeyFile::create(directory.path().join("root.key")).unwrap();
    let line = std::fs::read_to_string(file.path()).unwrap();
    let secret = BASE64_STANDARD.decode(line.trim_end().rsplit(':').next().unwrap()).unwrap();
    assert_silent(&format!("{file:?} {file:#?} {}", file.name()), &secret);
}

#[test]
fn records_do_not_show_their_wraps() {
    let mut record = record("/s/", 1, None);
    record.wraps[0].blob = Bytes::from_static(CANARY);
    assert_debug_silent(&record);
    let damaged = Keyring::open(CLUSTER, &[], &[record], Some(&root(1)), None).unwrap_err();
    assert_silent(&format!("{damaged} {damaged:?}"), CANARY);
}

#[test]
fn errors_do_not_repeat_what_they_were_about() {
    for error in errors() {
        assert_silent(&format!("{error} {error:?} {error:#?}"), CANARY);
    }
}

/// An error from every door that a value, an operand or key material goes through.
fn errors() -> Vec<SealError> {
    let records = [record("/s/", 1, None)];
    let (keyring, keyless, value) = (open(&records), keyless(&records), Plain::from(CANARY.to_vec()));
    let sealed = keyring.seal(b"/s/a", &value).unwrap();
    let clear = Sealed::from_state(0, Bytes::from_static(CANARY)).unwrap();
    let single = KeyRange::single("/s/a");
    vec![
        keyless.seal(b"/s/a", &value).unwrap_err(),
        keyless.open_value(b"/s/a", sealed.clone()).err().unwrap(),
        keyless.open_value(b"/s/a", clear.clone()).err().unwrap(),
        keyless.operand(&single, CompareResult::Equal, &value).unwrap_err(),
        keyring.operand(&single, CompareResult::Less, &value).unwrap_err(),
        keyring.operand(&KeyRange::prefix(b"/s/"), CompareResult::Equal, &value).unwrap_err(),
        keyring.open_value(b"/s/b", sealed.clone()).err().unwrap(),
        open(&[record("/s/", 2, None)]).open_value(b"/s/a", sealed.clone()).err().unwrap(),
        Sealed::from_state(1, Bytes::from_static(CANARY)).unwrap_err(),
        Sealed::from_state(9, Bytes::from_static(CANARY)).unwrap_err(),
        DataKeyRecord::decode(CANARY).unwrap_err(),
        FixedRoot::new(1).unwrap(CANARY, CANARY).unwrap_err(),
    ]
}
