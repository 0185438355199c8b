//! The wire rules that the types cannot hold, and the headers of nested answers.

use bytes::Bytes;
use proto::etcdserverpb::{self as wire, compare::TargetUnion, request_op::Request, response_op::Response};
use types::{CompareTarget, Invalid, KeyRange, OpOutcome, PutLease, PutValue, TxnOutcome};

use super::*;
use crate::ApiError;

fn put_request() -> wire::PutRequest {
    wire::PutRequest { key: "a".into(), ..Default::default() }
}

#[test]
fn ignoring_a_value_or_lease_forbids_giving_one() {
    let request = wire::PutRequest { ignore_value: true, value: "v".into(), ..put_request() };
    assert_eq!(put(request).err(), Some(Invalid::ValueProvided));
    let request = wire::PutRequest { ignore_lease: true, lease: 1, ..put_request() };
    assert_eq!(put(request).err(), Some(Invalid::LeaseProvided));
    let kept = put(wire::PutRequest { ignore_value: true, ignore_lease: true, ..put_request() }).unwrap();
    assert!(matches!(kept.value, PutValue::Keep) && kept.lease == PutLease::Keep);
}

#[test]
fn a_sort_option_outside_the_enumeration_is_refused() {
    for (sort_order, sort_target) in [(3, 0), (0, 5), (-1, 0)] {
        let request = wire::RangeRequest { key: "a".into(), sort_order, sort_target, ..Default::default() };
        assert_eq!(range_query(request).err(), Some(Invalid::SortOption));
    }
}

#[test]
fn an_operation_that_names_nothing_is_refused() {
    let request = wire::TxnRequest { success: vec![wire::RequestOp { request: None }], ..Default::default() };
    assert_eq!(
        tonic::Status::from(ApiError::from(txn(request, 128).err().unwrap())).message(),
        "etcdserver: key not found"
    );
}

#[test]
fn the_target_decides_what_is_compared() {
    let compared = |target, target_union| {
        let compare = wire::Compare { target, target_union, key: "a".into(), ..Default::default() };
        txn(wire::TxnRequest { compare: vec![compare], ..Default::default() }, 128).map(|mut txn| txn.compare.pop())
    };
    let matching =
        compared(wire::compare::CompareTarget::Mod.into(), Some(TargetUnion::ModRevision(7))).unwrap().unwrap();
    assert!(matches!(matching.target, CompareTarget::Mod(7)));
    let other = compared(wire::compare::CompareTarget::Mod.into(), Some(TargetUnion::Version(7))).unwrap().unwrap();
    assert!(matches!(other.target, CompareTarget::Mod(0)));
    assert!(compared(9, None).unwrap().is_none(), "what etcd does not know equals everything");
}

#[test]
fn a_watch_without_a_key_starts_at_the_smallest() {
    let all = watch_range(Bytes::new(), Bytes::from_static(&[0])).unwrap();
    assert!(all.contains(b"\0") && all.contains(b"z"));
    assert_eq!(watch_range("a".into(), Bytes::new()).unwrap(), KeyRange::single("a"));
    assert!(matches!(watch_range("b".into(), "a".into()), Err(ApiError::EmptyWatchRange)));
}

#[test]
fn the_first_broken_rule_is_told_in_etcds_order() {
    let range = |key: &'static str, sort_order| wire::RequestOp {
        request: Some(Request::RequestRange(wire::RangeRequest { key: key.into(), sort_order, ..Default::default() })),
    };
    let told = |success: Vec<_>, failure: Vec<_>| {
        let compare = vec![wire::Compare { key: "a".into(), ..Default::default() }];
        txn(wire::TxnRequest { compare, success, failure }, 3).err()
    };
    assert_eq!(
        told(vec![range("a", 9), range("", 0), range("a", 0), range("a", 0)], vec![]),
        Some(Invalid::TooManyOps)
    );
    assert_eq!(told(vec![range("a", 9), range("", 0)], vec![]), Some(Invalid::SortOption));
    assert_eq!(told(vec![range("a", 0)], vec![range("", 9)]), Some(Invalid::EmptyKey));
    assert_eq!(told(vec![range("a", 0)], vec![range("b", 0)]), None);
}

fn revisions(outcome: TxnOutcome<types::Plain>) -> Vec<i64> {
    let of = |response: &Response| match response {
        Response::ResponseRange(response) => response.header,
        Response::ResponsePut(response) => response.header,
        Response::ResponseDeleteRange(response) => response.header,
        Response::ResponseTxn(response) => response.header,
    };
    let responses = transacted(outcome, 10).responses;
    responses.iter().map(|op| of(op.response.as_ref().unwrap()).unwrap().revision).collect()
}

#[test]
fn the_revision_moves_with_the_first_change_of_a_transaction() {
    let delete = |deleted| OpOutcome::DeleteRange { deleted, prevs: vec![] };
    let put = || OpOutcome::Put { prev: None };
    let inner = OpOutcome::Txn(TxnOutcome { succeeded: true, responses: vec![put()] });
    assert_eq!(revisions(TxnOutcome { succeeded: true, responses: vec![delete(0), put(), delete(0)] }), [9, 10, 10]);
    assert_eq!(revisions(TxnOutcome { succeeded: true, responses: vec![delete(0), inner, delete(0)] }), [9, 0, 10]);
    assert_eq!(
        revisions(TxnOutcome { succeeded: true, responses: vec![delete(0), delete(1), delete(0)] }),
        [9, 10, 10]
    );
    assert_eq!(revisions(TxnOutcome { succeeded: false, responses: vec![delete(0)] }), [10]);
}
