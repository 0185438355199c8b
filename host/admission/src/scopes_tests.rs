//! The index against looking at every prefix of every plugin.

use proptest::collection::vec;
use proptest::prelude::*;
use types::{DeleteRange, Put, PutLease, PutValue, Txn};

use super::*;

/// Few letters, so that prefixes nest and touch; among them the last byte, behind which there is no other.
fn word(length: std::ops::Range<usize>) -> impl Strategy<Value = Bytes> {
    vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0xff)], length).prop_map(Bytes::from)
}

fn range() -> impl Strategy<Value = KeyRange> {
    (word(1..4), prop_oneof![Just(RangeEnd::Single), Just(RangeEnd::Unbounded), word(1..4).prop_map(RangeEnd::Before)])
        .prop_map(|(start, end)| KeyRange { start, end })
        // Requests whose end lies before their start are refused before anybody reviews them.
        .prop_filter("an empty range", |range| !matches!(&range.end, RangeEnd::Before(end) if *end <= range.start))
}

fn put(key: Bytes) -> Put {
    Put { key, value: PutValue::Keep, lease: PutLease::Keep, prev_kv: false }
}

fn concerned(plugins: &[Vec<Bytes>], touches: impl Fn(&KeyRange) -> bool) -> Vec<bool> {
    plugins.iter().map(|prefixes| prefixes.iter().any(|prefix| touches(&KeyRange::prefix(prefix)))).collect()
}

proptest! {
    #[test]
    fn everybody_is_found_and_nobody_else(plugins in vec(vec(word(1..5), 0..6), 0..8), key in word(1..6), range in range()) {
        let scopes = Scopes::new(plugins.iter().map(|prefixes| prefixes.iter()));
        let found = |operation: &Operation| {
            let concerned = scopes.of(operation);
            (0..plugins.len()).map(|place| concerned.has(place)).collect::<Vec<_>>()
        };
        let of_key = concerned(&plugins, |scope| scope.contains(&key));
        prop_assert_eq!(&found(&Operation::Put(put(key.clone()))), &of_key);
        let delete = DeleteRange { range: range.clone(), prev_kv: false };
        let of_range = concerned(&plugins, |scope| scope.overlaps(&range));
        prop_assert_eq!(&found(&Operation::DeleteRange(delete.clone())), &of_range);
        let inner = Txn { compare: Vec::new(), success: Vec::new(), failure: vec![TxnOp::DeleteRange(delete)] };
        let txn = Txn { compare: Vec::new(), success: vec![TxnOp::Txn(inner)], failure: vec![TxnOp::Put(put(key))] };
        let both: Vec<_> = of_key.iter().zip(&of_range).map(|(one, other)| one | other).collect();
        prop_assert_eq!(found(&Operation::Txn(txn)), both);
    }
}
