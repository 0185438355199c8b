//! Transactions that `etcdctl` cannot write: nested ones, ranges in comparisons, comparisons on leases, every field of every operation.

use proto::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
};
use tonic::Code;

use crate::{
    render,
    session::{Session, agree},
};

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

pub(crate) fn put(key: &'static str, value: &'static str) -> RequestOp {
    op(Request::RequestPut(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }))
}

pub(crate) fn get(key: &'static str) -> RequestOp {
    op(Request::RequestRange(RangeRequest { key: key.into(), ..RangeRequest::default() }))
}

pub(crate) fn delete(start: &'static str, end: &'static str) -> RequestOp {
    let request = DeleteRangeRequest { key: start.into(), range_end: end.into(), prev_kv: true };
    op(Request::RequestDeleteRange(request))
}

pub(crate) fn nested(txn: TxnRequest) -> RequestOp {
    op(Request::RequestTxn(txn))
}

pub(crate) fn always(success: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, ..TxnRequest::default() }
}

fn compare(key: &'static str, end: &'static str, result: CompareResult, union: TargetUnion) -> Compare {
    let target = match union {
        TargetUnion::Version(_) => CompareTarget::Version,
        TargetUnion::CreateRevision(_) => CompareTarget::Create,
        TargetUnion::ModRevision(_) => CompareTarget::Mod,
        TargetUnion::Value(_) => CompareTarget::Value,
        TargetUnion::Lease(_) => CompareTarget::Lease,
    };
    let (result, target) = (result.into(), target.into());
    Compare { result, target, key: key.into(), range_end: end.into(), target_union: Some(union) }
}

fn exists(key: &'static str) -> Compare {
    compare(key, "", CompareResult::Greater, TargetUnion::Version(0))
}

async fn txn(s: &mut Session, what: &str, request: TxnRequest) {
    let answer = s.client.kv.txn(request).await;
    let answer = s.answered(what, answer);
    s.note(what, &render::txn(&answer));
}

async fn everything(s: &mut Session) {
    s.ok(&["get", "", "--prefix", "-w", "json"]).await;
}

#[tokio::test]
async fn transactions_in_transactions() {
    agree(async |s: &mut Session| {
        let inner = |key| TxnRequest {
            compare: vec![exists("a")],
            success: vec![put(key, "a is there"), get(key)],
            failure: vec![put(key, "a is not there"), get(key)],
        };
        // Comparisons of every level are made before anything is written.
        txn(
            s,
            "before a is there",
            always(vec![put("a", "1"), nested(inner("b")), nested(always(vec![nested(inner("c"))]))]),
        )
        .await;
        everything(s).await;
        txn(s, "with a there", always(vec![nested(inner("d")), delete("a", ""), nested(inner("e")), get("a")])).await;
        everything(s).await;
        txn(s, "reads only", always(vec![nested(always(vec![get("d")])), get("e")])).await;
        txn(s, "empty", TxnRequest::default()).await;
        txn(s, "empty inside", always(vec![nested(TxnRequest::default())])).await;
    })
    .await;
}

#[tokio::test]
async fn later_operations_see_earlier_ones() {
    agree(async |s: &mut Session| {
        let all = || {
            op(Request::RequestRange(RangeRequest {
                key: "\0".into(),
                range_end: "\0".into(),
                ..RangeRequest::default()
            }))
        };
        s.ok(&["put", "b", "1"]).await;
        txn(
            s,
            "put, read, delete, read",
            always(vec![put("a", "1"), all(), delete("b", ""), all(), put("c", "2"), all()]),
        )
        .await;
        everything(s).await;
        txn(s, "delete twice", always(vec![delete("c", ""), delete("c", ""), delete("\0", "\0")])).await;
        everything(s).await;
        s.ok(&["put", "b", "3"]).await;
        let old = RangeRequest { key: "b".into(), revision: 2, ..RangeRequest::default() };
        txn(s, "an older revision", always(vec![put("c", "3"), op(Request::RequestRange(old))])).await;
    })
    .await;
}

#[tokio::test]
async fn a_future_revision_spoils_the_whole_transaction() {
    agree(async |s: &mut Session| {
        let future = RangeRequest { key: "a".into(), revision: 99, ..RangeRequest::default() };
        let request = always(vec![put("a", "1"), op(Request::RequestRange(future))]);
        let answer = s.client.kv.txn(request).await;
        s.refused("future", answer, Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision");
        everything(s).await;
    })
    .await;
}

#[tokio::test]
async fn comparisons_over_ranges_and_on_leases() {
    agree(async |s: &mut Session| {
        let granted = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 600, id: 5 }).await;
        s.answered("lease grant", granted);
        for (key, value) in [("k/a", "1"), ("k/b", "1"), ("k/c", "2")] {
            s.ok(&["put", key, value, "--lease", "5"]).await;
        }
        s.ok(&["put", "l", "1"]).await;
        let cases = [
            ("all of a range equal", compare("k/a", "k/c", CompareResult::Equal, TargetUnion::Value("1".into()))),
            ("one of a range differs", compare("k/a", "k/d", CompareResult::Equal, TargetUnion::Value("1".into()))),
            ("none of a range equals", compare("k/a", "k/d", CompareResult::NotEqual, TargetUnion::Value("3".into()))),
            ("a range of changes", compare("k/a", "k/d", CompareResult::Less, TargetUnion::ModRevision(5))),
            ("to the end", compare("k/a", "\0", CompareResult::Greater, TargetUnion::CreateRevision(1))),
            ("an empty range, version 0", compare("x", "y", CompareResult::Equal, TargetUnion::Version(0))),
            ("an empty range, version 1", compare("x", "y", CompareResult::Equal, TargetUnion::Version(1))),
            ("an empty range, a value", compare("x", "y", CompareResult::Equal, TargetUnion::Value("".into()))),
            ("the lease", compare("k/a", "", CompareResult::Equal, TargetUnion::Lease(5))),
            ("another lease", compare("k/a", "", CompareResult::Equal, TargetUnion::Lease(6))),
            ("no lease", compare("l", "", CompareResult::Equal, TargetUnion::Lease(0))),
            ("a lease of a range", compare("k/a", "m", CompareResult::Greater, TargetUnion::Lease(0))),
        ];
        for (what, comparison) in cases {
            txn(s, what, TxnRequest { compare: vec![comparison], success: vec![get("l")], failure: vec![] }).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_field_of_a_put_inside() {
    agree(async |s: &mut Session| {
        let granted = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 600, id: 5 }).await;
        s.answered("lease grant", granted);
        let put = |request| op(Request::RequestPut(request));
        let full = PutRequest { key: "a".into(), value: "1".into(), lease: 5, prev_kv: true, ..PutRequest::default() };
        txn(s, "lease", always(vec![put(full.clone())])).await;
        let keep_value = PutRequest { key: "a".into(), ignore_value: true, prev_kv: true, ..PutRequest::default() };
        txn(s, "ignore value", always(vec![put(keep_value), get("a")])).await;
        txn(s, "lease again", always(vec![put(full)])).await;
        let keep_lease = PutRequest { key: "a".into(), value: "2".into(), ignore_lease: true, ..PutRequest::default() };
        txn(s, "ignore lease", always(vec![put(keep_lease.clone()), get("a")])).await;
        let none = PutRequest { key: "none".into(), ..keep_lease };
        let answer = s
            .client
            .kv
            .txn(always(vec![put(PutRequest { key: "b".into(), ..PutRequest::default() }), put(none)]))
            .await;
        s.refused("ignore lease of nothing", answer, Code::InvalidArgument, "etcdserver: key not found");
        everything(s).await;
    })
    .await;
}
