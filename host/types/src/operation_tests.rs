use super::*;

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
    Operation::Txn(txn).check()
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
