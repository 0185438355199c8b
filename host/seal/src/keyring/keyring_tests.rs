use std::collections::HashSet;

use super::*;
use crate::fixtures::{CLUSTER, FixedRoot, keyless, open, record, root, with_rules};
use crate::xaes::RUN_MESSAGES;
use crate::{DataKeyRecord, Providers, RootKeyProvider as _, Wrap};

fn plain(value: &str) -> Plain {
    value.as_bytes().to_vec().into()
}

fn range(start: &'static str, end: &'static str) -> KeyRange {
    KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()))
}

fn retired(record: DataKeyRecord) -> DataKeyRecord {
    record.in_state(KeyState::Retired)
}

#[test]
fn only_keys_under_a_sealed_prefix_are_sealed() {
    let keyring = open(&[record("/s/", 1, None)]);
    for (key, sealed) in [("/s/a", true), ("/s/", true), ("/s", false), ("/t/a", false), ("", false)] {
        assert_eq!(keyring.covers(key.as_bytes()), sealed, "{key}");
        let value = keyring.seal(key.as_bytes(), &plain("value")).unwrap();
        assert_eq!(value.is_sealed(), sealed, "{key}");
        assert_eq!(keyring.open_value(key.as_bytes(), value.clone()).unwrap().expose(), b"value");
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
    let after = open(&[outer, record("/s/in/", 0, Some(&before))]);
    assert_eq!(after.open_value(b"/s/in/a", old.clone()).unwrap().expose(), b"v");
    assert_eq!(after.seal(b"/s/in/a", &plain("v")).unwrap().digest(), old.digest());
}

#[test]
fn a_rotated_key_seals_anew_and_keeps_the_digests() {
    let first = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&first));
    let old = before.seal(b"/s/a", &plain("v")).unwrap();
    let after = open(&[retired(first), record("/s/", 0, Some(&before))]);
    let new = after.seal(b"/s/a", &plain("v")).unwrap();
    assert_eq!((new.key_id(), new.digest()), (Some(2), old.digest()));
    assert_eq!(after.open_value(b"/s/a", old.clone()).unwrap().expose(), b"v");
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
const FORMAT_1_DIGEST: &str = "2eac606f9820cb5f5c1d7558bbc6b6d89055ec1b603ef484059c2250bef56f2f";

#[test]
fn a_prefix_with_retired_keys_only_opens_but_does_not_seal() {
    let first = record("/s/", 1, None);
    let old = open(std::slice::from_ref(&first)).seal(b"/s/a", &plain("v")).unwrap();
    let keyring = with_rules(&[SealRule::seal("/s/".into())], &[retired(first)]);
    assert_eq!(keyring.open_value(b"/s/a", old.clone()).unwrap().expose(), b"v");
    assert!(matches!(keyring.seal(b"/s/a", &plain("v")), Err(SealError::NoActiveKey { .. })));
}

#[test]
fn a_value_is_opened_with_the_key_it_names_or_not_at_all() {
    let value = open(&[record("/s/", 1, None)]).seal(b"/s/a", &plain("v")).unwrap();
    let same_id = open(&[record("/s/", 1, None)]);
    assert!(matches!(same_id.open_value(b"/s/a", value.clone()), Err(SealError::DamagedValue { id: 1 })));
    let other_id = open(&[record("/s/", 2, None)]);
    assert!(matches!(other_id.open_value(b"/s/a", value.clone()), Err(SealError::UnknownDataKey { id: 1 })));
}

#[test]
fn a_keyless_member_knows_what_is_sealed_and_refuses_it() {
    let records = [record("/s/", 1, None)];
    let value = open(&records).seal(b"/s/a", &plain("v")).unwrap();
    let keyring = keyless(&records);
    assert!(keyring.is_keyless() && !keyring.root_key_present() && keyring.covers(b"/s/a"));
    let is_keyless = |error| matches!(error, SealError::Keyless { prefix } if prefix == "/s/");
    assert!(is_keyless(keyring.seal(b"/s/a", &plain("v")).unwrap_err()));
    assert!(is_keyless(keyring.open_value(b"/s/a", value.clone()).err().unwrap()));
    assert!(is_keyless(keyring.open_value(b"/s/a", Sealed::clear(Bytes::from_static(b"old"))).err().unwrap()));
    let key = KeyRange::single("/s/a");
    assert!(is_keyless(keyring.operand(&key, CompareResult::Equal, &plain("v")).unwrap_err()));
    assert!(keyring.open_value(b"/s/a", Sealed::empty()).is_ok_and(|value| value.is_empty()));
    assert!(keyring.seal(b"/t/a", &plain("v")).is_ok_and(|value| !value.is_sealed()));
    let rule = SealRule::seal(Bytes::from_static(b"/s/"));
    assert!(is_keyless(keyring.generate(&rule, 0, &root(1)).unwrap_err()));
}

#[test]
fn nothing_sealed_is_not_keyless() {
    assert!(!Keyring::empty(CLUSTER).is_keyless());
    assert!(!keyless(&[]).is_keyless());
    assert!(open(&[]).root_key_present());
}

#[test]
fn another_root_key_is_named_in_the_error() {
    let error = Keyring::open(CLUSTER, &[], &[record("/s/", 1, None)], Some(&root(2)), None).unwrap_err();
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
        let opened = Keyring::open(CLUSTER, &[], &[record], Some(&root(1)), None);
        assert!(matches!(opened, Err(SealError::DamagedWrap { .. })));
    }
    let elsewhere = Keyring::open(CLUSTER + 1, &[], &[good], Some(&root(1)), None);
    assert!(matches!(elsewhere, Err(SealError::DamagedWrap { .. })));
}

#[test]
fn any_one_of_several_wraps_will_do() {
    let mut both = record("/s/", 1, None);
    both.wraps.insert(
        0,
        Wrap {
            provider: "kms:elsewhere".to_owned(),
            blob: Bytes::from_static(b"not ours"),
            root_key_id: String::new(),
        },
    );
    assert!(open(&[both]).usable(b"/s/", 1));
}

#[test]
fn ids_are_unique_over_all_prefixes() {
    for clash in [
        [record("/s/", 1, None), record("/t/", 1, None)],
        [record("/s/", 1, None), DataKeyRecord { id: 0, ..record("/t/", 1, None) }],
    ] {
        let opened = Keyring::open(CLUSTER, &[], &clash, Some(&root(1)), None);
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
        assert_eq!(inside, Operand::Digest { by: 1, digest });
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

#[test]
fn an_exception_within_a_sealed_prefix_stays_clear() {
    let rules = [SealRule::seal("/s/".into()), SealRule { sealed: false, ..SealRule::seal("/s/public/".into()) }];
    let keyring = with_rules(&rules, &[record("/s/", 1, None)]);
    assert!(!keyring.seal(b"/s/public/a", &plain("v")).unwrap().is_sealed());
    assert!(keyring.seal(b"/s/publi", &plain("v")).unwrap().is_sealed());
    let within = KeyRange::prefix(b"/s/public/");
    assert!(!keyring.covers_range(&within) && !keyring.covers_range(&KeyRange::prefix(b"/s/public/x/")));
    assert!(keyring.covers_range(&KeyRange::prefix(b"/s/p")));
    let operand = keyring.operand(&within, CompareResult::Less, &plain("v")).unwrap();
    assert_eq!(operand, Operand::Clear(Bytes::from_static(b"v")));
}

#[test]
fn what_is_sealed_within_an_exception_is_sealed() {
    let exception = SealRule { sealed: false, ..SealRule::seal("/s/public/".into()) };
    let keyring = with_rules(&[exception], &[record("/s/", 1, None), record("/s/public/not/", 2, None)]);
    assert_eq!(keyring.seal(b"/s/public/not/a", &plain("v")).unwrap().key_id(), Some(2));
    assert!(keyring.covers_range(&KeyRange::prefix(b"/s/public/")));
    assert!(!keyring.covers_range(&KeyRange::prefix(b"/s/public/yes/")));
}

#[test]
fn nothing_is_sealed_by_a_use_that_was_not_reserved() {
    let keyring = Keyring::open(CLUSTER, &[], &[record("/s/", 1, None)], Some(&root(1)), None).unwrap();
    let is_spent = |sealed: Result<Sealed, SealError>| matches!(sealed, Err(SealError::UsesSpent { id: 1 }));
    assert!(is_spent(keyring.seal(b"/s/a", &plain("v"))));
    keyring.add_uses(1, 1);
    assert!(keyring.seal(b"/s/a", &plain("v")).is_ok() && is_spent(keyring.seal(b"/s/a", &plain("v"))));
    assert!(keyring.operand(&KeyRange::single("/s/a"), CompareResult::Equal, &plain("v")).is_ok(), "no nonce is used");
}

#[test]
fn the_next_keyring_takes_over_uses_and_what_is_unwrapped() {
    let records = [record("/s/", 1, None)];
    let before = open(&records);
    // A root key that could not unwrap it any more.
    let after = Keyring::open(CLUSTER, &[], &records, Some(&root(2)), Some(&before)).unwrap();
    assert!(after.usable(b"/s/", 1));
    assert_eq!(after.uses_left(1), 1000);
    after.seal(b"/s/a", &plain("v")).unwrap();
    assert_eq!(before.uses_left(1), 999, "they share one account");
}

#[test]
fn a_data_key_that_cannot_be_unwrapped_later_harms_only_itself() {
    let first = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&first));
    let mut second = record("/t/", 2, None);
    second.wraps[0].blob = Bytes::from_static(b"damaged");
    let after = Keyring::open(CLUSTER, &[], &[first, second], Some(&root(1)), Some(&before)).unwrap();
    assert!(after.seal(b"/s/a", &plain("v")).is_ok());
    assert!(matches!(after.seal(b"/t/a", &plain("v")), Err(SealError::DamagedWrap { id: 2, .. })));
    assert_eq!(after.unopened().map(|(id, _)| id).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_pending_key_seals_nothing_and_a_destroyed_one_opens_nothing() {
    let first = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&first));
    let old = before.seal(b"/s/a", &plain("v")).unwrap();
    let second = record("/s/", 0, Some(&before));
    let pending = open(&[first.clone(), second.clone().in_state(KeyState::Pending)]);
    assert!(pending.usable(b"/s/", 2));
    assert_eq!(pending.seal(b"/s/a", &plain("v")).unwrap().key_id(), Some(1));
    let after = open(&[first.in_state(KeyState::Destroyed), second]);
    assert!(matches!(after.open_value(b"/s/a", old.clone()), Err(SealError::Destroyed { id: 1 })));
    assert_eq!(after.unopened().count(), 0);
}

#[test]
fn a_rewrap_seals_with_the_active_key_and_keeps_value_and_digest() {
    let first = record("/s/", 1, None);
    let before = open(std::slice::from_ref(&first));
    let old = before.seal(b"/s/a", &plain("v")).unwrap();
    let after = open(&[retired(first), record("/s/", 0, Some(&before))]);
    let new = after.rewrap(b"/s/a", &old).unwrap().unwrap();
    assert_eq!((new.key_id(), new.digest()), (Some(2), old.digest()));
    assert_eq!(after.open_value(b"/s/a", new.clone()).unwrap().expose(), b"v");
    assert_eq!(after.rewrap(b"/s/a", &new).unwrap(), None);
    let clear = Sealed::clear(Bytes::from_static(b"v"));
    assert_eq!(after.rewrap(b"/s/a", &clear).unwrap().unwrap().digest(), old.digest());
    assert_eq!(after.rewrap(b"/t/a", &clear).unwrap(), None);
    let unsealed = SealRule { sealed: false, ..SealRule::seal("/s/".into()) };
    let opened = with_rules(&[unsealed], &[retired(record("/s/", 1, None))]);
    assert!(opened.is_current(b"/s/a", &clear));
}

#[test]
fn prefixes_of_concern_are_the_outermost_of_rules_and_kept_keys() {
    let records = [
        record("/s/", 1, None),
        record("/s/in/", 2, None),
        retired(record("/t/", 3, None)),
        record("/u/", 4, None).in_state(KeyState::Destroyed),
    ];
    assert_eq!(open(&records).concerned(), ["/s/", "/t/"]);
}

#[test]
fn wraps_are_renewed_for_another_root_key_and_left_alone_otherwise() {
    let held = record("/s/", 1, None);
    let keyring = open(std::slice::from_ref(&held));
    assert_eq!(keyring.renew_wraps(&held, &root(1)).unwrap(), None);
    let named =
        |byte: u8| -> (String, Box<dyn crate::RootKeyProvider>) { (byte.to_string(), Box::new(FixedRoot::new(byte))) };
    let moving = Providers::new(vec![named(2), named(1)], vec![Box::new(FixedRoot::new(3))]);
    let renewed = keyring.renew_wraps(&held, &moving).unwrap().unwrap();
    let by: Vec<_> = renewed.wraps.iter().map(|wrap| wrap.provider.clone()).collect();
    assert_eq!(by, [FixedRoot::new(2).name(), FixedRoot::new(3).name()]);
    let value = keyring.seal(b"/s/a", &plain("v")).unwrap();
    for byte in [2, 3] {
        let moved = Keyring::open(CLUSTER, &[], std::slice::from_ref(&renewed), Some(&root(byte)), None).unwrap();
        assert_eq!(moved.open_value(b"/s/a", value.clone()).unwrap().expose(), b"v");
    }
    assert!(Keyring::open(CLUSTER, &[], std::slice::from_ref(&renewed), Some(&root(1)), None).is_err());
    assert_eq!(keyring.renew_wraps(&renewed, &moving).unwrap(), None);
    // A member that knows neither keeps both beside its own.
    let mut known = renewed.clone();
    known.wraps.extend(held.wraps.clone());
    let kept = keyring.renew_wraps(&known, &root(4)).err();
    assert!(kept.is_some(), "it cannot unwrap it to begin with");
    let moved_on = Providers::new(vec![named(1)], vec![Box::new(FixedRoot::new(4))]);
    let extended = keyring.renew_wraps(&known, &moved_on).unwrap().unwrap();
    let by: Vec<_> = extended.wraps.iter().map(|wrap| wrap.provider.clone()).collect();
    assert_eq!(by, [1, 4, 2, 3].map(|byte| FixedRoot::new(byte).name()));
}

/// How many nonces are drawn: enough to see a counter that starts again, or a generator with a short period. Ten million by
/// `STRONGROOM_NONCES=10000000 cargo test -p seal --lib nonce`.
fn nonces() -> usize {
    std::env::var("STRONGROOM_NONCES").map_or(400_000, |count| count.parse().unwrap())
}

#[test]
fn no_nonce_repeats_within_or_across_members_and_restarts() {
    const MEMBERS: usize = 4;
    let count = nonces() / MEMBERS;
    let record = record("/s/", 1, None);
    let member = || {
        // Opened as after a restart: with nothing but the record.
        let keyring = Keyring::open(CLUSTER, &[], std::slice::from_ref(&record), Some(&root(1)), None).unwrap();
        keyring.add_uses(1, count as u64);
        let sealed = (0..count).map(|_| keyring.seal(b"/s/a", &plain("")).unwrap());
        sealed.map(|sealed| *sealed.parsed().unwrap().nonce).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let members = [(); MEMBERS].map(|()| scope.spawn(member));
        members.into_iter().flat_map(|member| member.join().unwrap()).collect()
    });
    assert_eq!(all.len(), count * MEMBERS);
    all.sort_unstable();
    assert!(all.array_windows().all(|[one, next]| one != next), "a nonce was drawn twice");
    // Neither does the half that is drawn for each message, nor, from one run of messages to another, the half before it.
    let (firsts, seconds): (HashSet<_>, HashSet<_>) = all.iter().map(|nonce| nonce.split_at(12)).unzip();
    assert_eq!(firsts.len(), MEMBERS * count.div_ceil(RUN_MESSAGES as usize));
    assert_eq!(seconds.len(), all.len());
}

#[test]
fn what_another_cluster_sealed_opens_and_nothing_new_is_sealed_with_its_key() {
    let made = record("/s/", 1, None);
    let value = open(std::slice::from_ref(&made)).seal(b"/s/a", &plain("v")).unwrap();
    let there = |records: &[DataKeyRecord]| {
        Keyring::open(CLUSTER + 1, &[crate::SealRule::seal("/s/".into())], records, Some(&root(1)), None)
    };
    assert!(there(std::slice::from_ref(&made)).is_err(), "its wraps are bound to the cluster");
    let carried = made.carried_over(CLUSTER);
    let keyring = there(std::slice::from_ref(&carried)).unwrap();
    assert_eq!(keyring.open_value(b"/s/a", value.clone()).unwrap().expose(), b"v");
    assert!(matches!(keyring.seal(b"/s/a", &plain("w")), Err(SealError::NoActiveKey { .. })));
    assert!(keyring.open_value(b"/s/b", value).is_err(), "and to its own name, as ever");
    // Carried on once more it is still bound to where it was made.
    assert_eq!(carried.clone().carried_over(CLUSTER + 1), carried);
}
