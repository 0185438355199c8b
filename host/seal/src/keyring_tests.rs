use super::*;
use crate::fixtures::{CLUSTER, FixedRoot, keyless, open, record};

fn plain(value: &str) -> Plain {
    value.as_bytes().to_vec().into()
}

fn range(start: &'static str, end: &'static str) -> KeyRange {
    KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()))
}

fn retired(mut record: DataKeyRecord) -> DataKeyRecord {
    record.active = false;
    record
}

#[test]
fn only_keys_under_a_sealed_prefix_are_sealed() {
    let keyring = open(&[record("/s/", 1, None)]);
    for (key, sealed) in [("/s/a", true), ("/s/", true), ("/s", false), ("/t/a", false), ("", false)] {
        assert_eq!(keyring.covers(key.as_bytes()), sealed, "{key}");
        let value = keyring.seal(key.as_bytes(), &plain("value")).unwrap();
        assert_eq!(value.is_sealed(), sealed, "{key}");
        assert_eq!(keyring.open_value(key.as_bytes(), &value).unwrap().expose(), b"value");
    }
}

#[test]
fn a_clear_value_is_not_copied() {
    let value = plain("value");
    let address = value.expose().as_ptr();
    assert_eq!(Keyring::empty(CLUSTER).seal(b"/a", &value).unwrap().bytes().as_ptr(), address);
}

#[test]
fn a_range_is_covered_when_a_sealed_key_could_lie_in_it() {
    let keyring = open(&[record("/s/", 1, None)]);
    for (start, end, covered) in
        [("/a", "/z", true), ("/s/a", "", true), ("/s0", "\0", false), ("/", "\0", true), ("/a", "/s/", false)]
    {
        assert_eq!(keyring.covers_range(&range(start, end)), covered, "{start} {end}");
    }
}

#[test]
fn the_longest_prefix_counts() {
    let outer = open(&[record("/s/", 1, None)]);
    let before = outer.seal(b"/s/in/a", &plain("v")).unwrap();
    let keyring = open(&[record("/s/", 1, None), record("/s/in/", 2, None)]);
    assert_eq!(keyring.seal(b"/s/in/a", &plain("v")).unwrap().key_id(), Some(2));
    assert_eq!(keyring.seal(b"/s/out", &plain("v")).unwrap().key_id(), Some(1));
    assert_eq!(keyring.prefixes().collect::<Vec<_>>(), ["/s/in/", "/s/"]);
    assert_eq!(before.key_id(), Some(1));
}

#[test]
fn a_prefix_sealed_within_another_keeps_old_values_readable_and_comparable() {
    let outer = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&outer));
    let old = before.seal(b"/s/in/a", &plain("v")).unwrap();
    let after = open(&[outer, record("/s/in/", 2, Some(&before))]);
    assert_eq!(after.open_value(b"/s/in/a", &old).unwrap().expose(), b"v");
    assert_eq!(after.seal(b"/s/in/a", &plain("v")).unwrap().digest(), old.digest());
}

#[test]
fn a_rotated_key_seals_anew_and_keeps_the_digests() {
    let first = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&first));
    let old = before.seal(b"/s/a", &plain("v")).unwrap();
    let after = open(&[retired(first), record("/s/", before.next_id(), Some(&before))]);
    let new = after.seal(b"/s/a", &plain("v")).unwrap();
    assert_eq!((new.key_id(), new.digest()), (Some(2), old.digest()));
    assert_eq!(after.open_value(b"/s/a", &old).unwrap().expose(), b"v");
    let unrelated = open(&[record("/s/", 1, None)]);
    assert_ne!(unrelated.seal(b"/s/a", &plain("v")).unwrap().digest(), old.digest());
}

#[test]
fn of_two_active_keys_the_newer_seals() {
    let records = [record("/s/", 1, None), record("/s/", 2, None)];
    for records in [[records[0].clone(), records[1].clone()], [records[1].clone(), records[0].clone()]] {
        assert_eq!(open(&records).seal(b"/s/a", &plain("v")).unwrap().key_id(), Some(2));
    }
}

/// Written once by this version; must open for ever.
#[test]
fn a_record_of_format_1_still_opens() {
    let record = DataKeyRecord::decode(hex::decode(FORMAT_1).unwrap().as_slice()).unwrap();
    let digest = open(&[record]).seal(b"/s/a", &plain("v")).unwrap().digest().unwrap();
    assert_eq!(hex::encode(digest), FORMAT_1_DIGEST);
}

const FORMAT_1: &str = "0a032f732f10011880e2cfaa0620012a7b0a0e66697865643a3665356363373734126901165cf5909f97734a233a5f8ab6d5\
    da55b8111a71472dff7511b8473fc6bd43d927019c6c298fed336a2cd1350d1c3480e24bec552bd71b5675d0b78765110fb8\
    d83ee9ffb7ffe27b4bf63656b9914e4ec0b156d30ce5029f413a73f7a503b7a0d2d8c93153194b04";
const FORMAT_1_DIGEST: &str = "89eb7bb50d9a85f296de93b0f3d94a8fbaa2e4c5ec96ea020092b11e717d6bd0";

#[test]
fn a_prefix_with_retired_keys_only_opens_but_does_not_seal() {
    let first = record("/s/", 1, None);
    let old = open(std::slice::from_ref(&first)).seal(b"/s/a", &plain("v")).unwrap();
    let keyring = open(&[retired(first)]);
    assert_eq!(keyring.open_value(b"/s/a", &old).unwrap().expose(), b"v");
    assert!(matches!(keyring.seal(b"/s/a", &plain("v")), Err(SealError::NoActiveKey { .. })));
}

#[test]
fn a_value_is_opened_with_the_key_it_names_or_not_at_all() {
    let value = open(&[record("/s/", 1, None)]).seal(b"/s/a", &plain("v")).unwrap();
    let same_id = open(&[record("/s/", 1, None)]);
    assert!(matches!(same_id.open_value(b"/s/a", &value), Err(SealError::DamagedValue { id: 1 })));
    let other_id = open(&[record("/s/", 2, None)]);
    assert!(matches!(other_id.open_value(b"/s/a", &value), Err(SealError::UnknownDataKey { id: 1 })));
}

#[test]
fn a_keyless_member_knows_what_is_sealed_and_refuses_it() {
    let records = [record("/s/", 1, None)];
    let value = open(&records).seal(b"/s/a", &plain("v")).unwrap();
    let keyring = keyless(&records);
    assert!(keyring.is_keyless() && !keyring.root_key_present() && keyring.covers(b"/s/a"));
    let is_keyless = |error| matches!(error, SealError::Keyless { prefix } if prefix == "/s/");
    assert!(is_keyless(keyring.seal(b"/s/a", &plain("v")).unwrap_err()));
    assert!(is_keyless(keyring.open_value(b"/s/a", &value).err().unwrap()));
    assert!(is_keyless(keyring.open_value(b"/s/a", &Sealed::clear(Bytes::from_static(b"old"))).err().unwrap()));
    let key = KeyRange::single("/s/a");
    assert!(is_keyless(keyring.operand(&key, CompareResult::Equal, &plain("v")).unwrap_err()));
    assert!(keyring.open_value(b"/s/a", &Sealed::empty()).is_ok_and(|value| value.is_empty()));
    assert!(keyring.seal(b"/t/a", &plain("v")).is_ok_and(|value| !value.is_sealed()));
    let prefix = Bytes::from_static(b"/s/");
    let rotated = Keyring::generate(CLUSTER, &prefix, 2, 0, Some(&keyring), &FixedRoot::new(1));
    assert!(is_keyless(rotated.unwrap_err()));
}

#[test]
fn nothing_sealed_is_not_keyless() {
    assert!(!Keyring::empty(CLUSTER).is_keyless());
    assert!(!keyless(&[]).is_keyless());
    assert!(open(&[]).root_key_present());
}

#[test]
fn another_root_key_is_named_in_the_error() {
    let error = Keyring::open(CLUSTER, &[record("/s/", 1, None)], Some(&FixedRoot::new(2))).unwrap_err();
    let (right, wrong) = (FixedRoot::new(1).name(), FixedRoot::new(2).name());
    let sentence = format!(r#"wrong root key: data key 1 of "/s/" is wrapped by {right}, and this member has {wrong}"#);
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn a_wrap_moved_to_another_cluster_prefix_or_id_does_not_open() {
    let good = record("/s/", 1, None);
    let mut moved = [good.clone(), good.clone(), good.clone()];
    moved[0].id = 2;
    moved[1].prefix = Bytes::from_static(b"/t/");
    moved[2].wraps[0].blob = record("/s/", 1, None).wraps[0].blob.slice(1..);
    for record in moved {
        let opened = Keyring::open(CLUSTER, &[record], Some(&FixedRoot::new(1)));
        assert!(matches!(opened, Err(SealError::DamagedWrap { .. })));
    }
    let elsewhere = Keyring::open(CLUSTER + 1, &[good], Some(&FixedRoot::new(1)));
    assert!(matches!(elsewhere, Err(SealError::DamagedWrap { .. })));
}

#[test]
fn any_one_of_several_wraps_will_do() {
    let mut both = record("/s/", 1, None);
    both.wraps.insert(0, Wrap { provider: "kms:elsewhere".to_owned(), blob: Bytes::from_static(b"not ours") });
    assert!(open(&[both]).usable(b"/s/", 1));
}

#[test]
fn ids_are_unique_over_all_prefixes() {
    for clash in [[record("/s/", 1, None), record("/t/", 1, None)], [record("/s/", 1, None), record("/t/", 0, None)]] {
        let opened = Keyring::open(CLUSTER, &clash, Some(&FixedRoot::new(1)));
        assert!(matches!(opened, Err(SealError::BadKeyRecord { .. })));
    }
    assert_eq!(Keyring::empty(CLUSTER).next_id(), 1);
    assert_eq!(keyless(&[record("/s/", 4, None), record("/t/", 2, None)]).next_id(), 5);
}

#[test]
fn usable_means_unwrapped_here_for_this_prefix() {
    let records = [record("/s/", 1, None)];
    assert!(open(&records).usable(b"/s/", 1));
    assert!(!open(&records).usable(b"/t/", 1));
    assert!(!open(&records).usable(b"/s/", 2));
    assert!(!keyless(&records).usable(b"/s/", 1));
}

#[test]
fn an_operand_is_clear_outside_and_a_digest_inside() {
    let keyring = open(&[record("/s/", 1, None)]);
    let value = plain("v");
    let digest = keyring.seal(b"/s/a", &value).unwrap().digest().unwrap();
    for result in [CompareResult::Equal, CompareResult::NotEqual] {
        let inside = keyring.operand(&KeyRange::single("/s/a"), result, &value).unwrap();
        assert_eq!(inside, Operand::Digest(digest));
    }
    for result in [CompareResult::Greater, CompareResult::Less] {
        let inside = keyring.operand(&KeyRange::single("/s/a"), result, &value);
        assert!(matches!(inside, Err(SealError::OrderedCompare)));
        let outside = keyring.operand(&range("/a", "/b"), result, &value).unwrap();
        assert_eq!(outside, Operand::Clear(Bytes::from_static(b"v")));
    }
    for (start, end) in [("/s/a", "/s/b"), ("/a", "/z"), ("/", "\0")] {
        let across = keyring.operand(&range(start, end), CompareResult::Equal, &value);
        assert!(matches!(across, Err(SealError::RangeCompare)), "{start} {end}");
    }
}
