//! The set against the naive model: a key is in the union when it is in one of the ranges.

use proptest::prelude::*;

use super::*;

/// Every key of up to two bytes from a small alphabet; enough to have a key in each gap that matters.
fn universe() -> Vec<Bytes> {
    let letters = [0_u8, 1, b'a', b'b', 0xff];
    let mut keys: Vec<Bytes> = letters.iter().map(|one| Bytes::copy_from_slice(&[*one])).collect();
    for one in letters {
        keys.extend(letters.iter().map(|other| Bytes::copy_from_slice(&[one, *other])));
    }
    keys.extend(
        letters.iter().flat_map(|one| letters.iter().map(move |other| Bytes::copy_from_slice(&[*one, *other, 0]))),
    );
    keys
}

fn key() -> impl Strategy<Value = Bytes> {
    let letter = prop_oneof![Just(0_u8), Just(1), Just(b'a'), Just(b'b'), Just(0xff)];
    proptest::collection::vec(letter, 1..3).prop_map(Bytes::from)
}

fn range() -> impl Strategy<Value = KeyRange> {
    let end = prop_oneof![
        3 => Just(RangeEnd::Single),
        5 => key().prop_map(RangeEnd::Before),
        1 => Just(RangeEnd::Unbounded)
    ];
    (key(), end).prop_map(|(start, end)| KeyRange { start, end })
}

proptest! {
    #[test]
    fn a_key_is_covered_when_one_range_holds_it(ranges in proptest::collection::vec(range(), 0..8)) {
        let set: RangeSet = ranges.iter().cloned().collect();
        for key in universe() {
            let expected = ranges.iter().any(|range| range.contains(&key));
            prop_assert_eq!(set.covers(&KeyRange::single(key.clone())), expected, "{:?}", key);
        }
    }

    #[test]
    fn a_range_is_covered_when_all_its_keys_are(
        ranges in proptest::collection::vec(range(), 0..8), asked in range(),
    ) {
        let set: RangeSet = ranges.iter().cloned().collect();
        let mut keys = universe().into_iter().filter(|key| asked.contains(key)).peekable();
        let holds_some = keys.peek().is_some();
        let all = keys.all(|key| ranges.iter().any(|range| range.contains(&key)));
        if set.covers(&asked) {
            prop_assert!(all);
        } else if holds_some && asked.end != RangeEnd::Unbounded {
            // The alphabet has a key in every gap that ranges over it can leave, but none after the last one.
            prop_assert!(!all, "{:?} in {:?}", asked, set);
        }
    }

    #[test]
    fn intervals_stay_apart(ranges in proptest::collection::vec(range(), 0..8)) {
        let set: RangeSet = ranges.into_iter().collect();
        for pair in set.0.windows(2) {
            prop_assert!(pair[0].end.as_ref().is_some_and(|end| *end < pair[1].start));
        }
    }
}

fn of(pairs: &[(&'static str, &'static str)]) -> RangeSet {
    pairs.iter().map(|pair| wire(*pair)).collect()
}

fn wire((start, end): (&'static str, &'static str)) -> KeyRange {
    KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()))
}

#[test]
fn ranges_that_meet_cover_what_spans_them() {
    let set = of(&[("b", "c"), ("a", "b"), ("c", "")]);
    assert!(set.covers(&wire(("a", "c"))));
    assert!(set.covers(&wire(("a", "c\0"))));
    assert!(!set.covers(&wire(("a", "c\0\0"))));
    assert!(!of(&[("a", "b"), ("b\0", "c")]).covers(&wire(("a", "c"))));
}

#[test]
fn only_an_open_end_covers_an_open_end() {
    assert!(!of(&[("a", "z")]).covers(&wire(("a", "\0"))));
    assert!(of(&[("a", "c"), ("b", "\0")]).covers(&wire(("a", "\0"))));
    assert!(!of(&[("b", "\0")]).covers(&wire(("a", "\0"))));
}

#[test]
fn the_empty_key_is_in_no_set() {
    assert!(!of(&[("\0", "\0")]).covers(&KeyRange::single(Bytes::new())));
    assert!(!RangeSet::default().covers(&wire(("a", ""))));
}
