use super::*;
use crate::TXN_OPS_MAX;

fn put(key: &'static str) -> TxnOp {
    TxnOp::Put(Put {
        key: Bytes::from_static(key.as_bytes()),
        value: PutValue::Set(Plain::default()),
        lease: PutLease::Set(0),
        prev_kv: false,
    })
}

fn delete(start: &'static str, end: &'static str) -> TxnOp {
    let range = KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()));
    TxnOp::DeleteRange(DeleteRange { range, prev_kv: false })
}

fn txn(success: Vec<TxnOp>, failure: Vec<TxnOp>) -> Txn {
    Txn { compare: Vec::new(), success, failure }
}

fn check(txn: Txn) -> Result<(), Invalid> {
    Operation::Txn(txn).check(TXN_OPS_MAX)
}

#[test]
fn one_key_may_be_put_once_per_branch() {
    assert_eq!(check(txn(vec![put("a"), put("a")], vec![])), Err(Invalid::DuplicateKey));
    assert_eq!(check(txn(vec![put("a")], vec![put("a")])), Ok(()));
}

#[test]
fn a_put_under_a_delete_of_the_same_branch_is_refused() {
    assert_eq!(check(txn(vec![put("b"), delete("a", "c")], vec![])), Err(Invalid::DuplicateKey));
    assert_eq!(check(txn(vec![put("c"), delete("a", "c")], vec![])), Ok(()));
    assert_eq!(check(txn(vec![delete("a", "c"), delete("b", "d")], vec![])), Ok(()));
}

#[test]
fn nested_writes_count_against_the_outer_branch() {
    let inner = TxnOp::Txn(txn(vec![put("a")], vec![put("b")]));
    assert_eq!(check(txn(vec![inner.clone(), put("b")], vec![])), Err(Invalid::DuplicateKey));
    assert_eq!(check(txn(vec![inner.clone(), delete("a", "")], vec![])), Err(Invalid::DuplicateKey));
    assert_eq!(check(txn(vec![inner], vec![put("a")])), Ok(()));
}

#[test]
fn a_delete_without_an_end_and_a_later_one_within_clash_with_no_put() {
    assert_eq!(check(txn(vec![put("b"), delete("a", "\0")], vec![])), Ok(()));
    let (puts, deletes) = (TxnOp::Txn(txn(vec![put("a")], vec![])), TxnOp::Txn(txn(vec![delete("a", "c")], vec![])));
    assert_eq!(check(txn(vec![puts.clone(), deletes.clone()], vec![])), Ok(()));
    assert_eq!(check(txn(vec![deletes, puts], vec![])), Err(Invalid::DuplicateKey));
}

#[test]
fn a_transaction_within_has_what_the_outer_one_leaves() {
    let wide = |ops: usize| (0..ops).map(|_| delete("a", "")).collect::<Vec<_>>();
    let nested = |outer: usize, inner: usize| {
        let mut ops = wide(outer - 1);
        ops.push(TxnOp::Txn(txn(wide(inner), vec![])));
        check(txn(ops, vec![]))
    };
    assert_eq!(nested(28, 100), Ok(()));
    assert_eq!(nested(28, 101), Err(Invalid::TooManyOps));
}

proptest::proptest! {
    #[test]
    fn joined_stretches_hold_what_the_ranges_hold(
        ranges in proptest::collection::vec(("[a-d]{1,2}", "[a-d]{0,2}"), 0..12), key in "[a-d]{1,3}",
    ) {
        let mut deletes = Deletes::default();
        let ranges: Vec<_> = ranges.into_iter().map(|(start, end)| KeyRange::from_wire(start.into(), end.into())).collect();
        ranges.iter().for_each(|range| deletes.add_range(range));
        let within = ranges.iter().any(|range| range.contains(key.as_bytes()));
        proptest::prop_assert_eq!(deletes.contain(&key.into()), within);
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let wide = (0..=TXN_OPS_MAX).map(|_| delete("a", "")).collect();
    assert_eq!(check(txn(wide, vec![])), Err(Invalid::TooManyOps));
    let mut deep = txn(vec![], vec![]);
    for _ in 0..TXN_DEPTH_MAX {
        deep = txn(vec![TxnOp::Txn(deep)], vec![]);
    }
    assert_eq!(check(deep), Err(Invalid::TooManyOps));
}

#[test]
fn an_empty_key_is_refused_wherever_it_stands() {
    assert_eq!(check(txn(vec![put("")], vec![])), Err(Invalid::EmptyKey));
    assert_eq!(check(txn(vec![], vec![delete("", "z")])), Err(Invalid::EmptyKey));
}
