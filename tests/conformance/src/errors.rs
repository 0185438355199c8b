//! What is refused: the exact gRPC code and the exact words.

use proto::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseGrantRequest, LeaseRevokeRequest, PutRequest, RangeRequest, TxnRequest,
};
use tonic::Code::{FailedPrecondition, InvalidArgument, NotFound, OutOfRange};

use crate::{
    nested::{always, delete, get, nested, put},
    session::{Session, agree},
};

const DUPLICATE: &str = "etcdserver: duplicate key given in txn request";
const EMPTY_KEY: &str = "etcdserver: key is not provided";
const FUTURE: &str = "etcdserver: mvcc: required revision is a future revision";
const NO_LEASE: &str = "etcdserver: requested lease not found";
const TOO_LARGE: &str = "etcdserver: request is too large";
const TOO_MANY: &str = "etcdserver: too many operations in txn request";

#[tokio::test]
async fn an_empty_key() {
    agree(async |s: &mut Session| {
        let answer = s.client.kv.range(RangeRequest::default()).await;
        s.refused("range", answer, InvalidArgument, EMPTY_KEY);
        let answer = s.client.kv.put(PutRequest { value: "1".into(), ..PutRequest::default() }).await;
        s.refused("put", answer, InvalidArgument, EMPTY_KEY);
        let answer = s
            .client
            .kv
            .delete_range(DeleteRangeRequest { range_end: "z".into(), ..DeleteRangeRequest::default() })
            .await;
        s.refused("delete", answer, InvalidArgument, EMPTY_KEY);
        for (what, inside) in [
            ("get", get("")),
            ("put", put("", "1")),
            ("delete", delete("", "")),
            ("nested", nested(always(vec![get("")]))),
        ] {
            let answer = s.client.kv.txn(always(vec![put("a", "1"), inside.clone()])).await;
            s.refused(&format!("{what} in a branch"), answer, InvalidArgument, EMPTY_KEY);
            // The branch that is not taken is checked, too.
            let answer = s.client.kv.txn(TxnRequest { failure: vec![inside], ..TxnRequest::default() }).await;
            s.refused(&format!("{what} in the other branch"), answer, InvalidArgument, EMPTY_KEY);
        }
        let answer = s.client.kv.txn(TxnRequest { compare: vec![Compare::default()], ..TxnRequest::default() }).await;
        s.refused("compare", answer, InvalidArgument, EMPTY_KEY);
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_ignored_may_not_be_given() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        let value = PutRequest { key: "a".into(), value: "2".into(), ignore_value: true, ..PutRequest::default() };
        let answer = s.client.kv.put(value).await;
        s.refused("value", answer, InvalidArgument, "etcdserver: value is provided");
        let lease = PutRequest { key: "a".into(), lease: 9, ignore_lease: true, ..PutRequest::default() };
        let answer = s.client.kv.put(lease).await;
        s.refused("lease", answer, InvalidArgument, "etcdserver: lease is provided");
        s.ok(&["get", "a", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn one_key_written_twice_in_a_transaction() {
    agree(async |s: &mut Session| {
        for (what, operations) in [
            ("two puts", vec![put("a", "1"), put("a", "2")]),
            ("a put and a delete", vec![put("a", "1"), delete("a", "")]),
            ("a put and a delete over it", vec![put("b", "1"), delete("a", "c")]),
            ("nested puts", vec![put("a", "1"), nested(always(vec![put("a", "2")]))]),
            ("puts of two nested ones", vec![nested(always(vec![put("a", "1")])), nested(always(vec![put("a", "2")]))]),
            ("a nested delete", vec![put("a", "1"), nested(always(vec![delete("a", "b")]))]),
        ] {
            let answer = s.client.kv.txn(always(operations)).await;
            s.refused(what, answer, InvalidArgument, DUPLICATE);
        }
        let branches =
            TxnRequest { success: vec![put("x", "1")], failure: vec![put("x", "2")], ..TxnRequest::default() };
        let both = TxnRequest { compare: vec![], success: vec![nested(branches)], failure: vec![] };
        let answer = s.client.kv.txn(both).await;
        s.answered("one put in each branch of a nested one", answer);
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        // etcd's check does not know that a zero byte means no end, and lets this pass. Strongroom refuses every overlap.
        let answer = s.client.kv.txn(always(vec![put("b", "1"), delete("a", "\0")])).await;
        if s.is_etcd() {
            s.answered("a put and a delete to the end", answer);
        } else {
            let status = answer.unwrap_err();
            assert_eq!((status.code(), status.message()), (InvalidArgument, DUPLICATE));
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_operations() {
    agree(async |s: &mut Session| {
        for (count, accepted) in [(128, true), (129, false)] {
            let answer = s.client.kv.txn(always(vec![get("a"); count])).await;
            if accepted {
                s.answered("as many as are allowed", answer);
                s.note("so many", "accepted");
            } else {
                s.refused("one more", answer, InvalidArgument, TOO_MANY);
            }
        }
        let answer = s.client.kv.txn(TxnRequest { failure: vec![get("a"); 129], ..TxnRequest::default() }).await;
        s.refused("in the other branch", answer, InvalidArgument, TOO_MANY);
        let answer = s.client.kv.txn(always(vec![nested(always(vec![get("a"); 129]))])).await;
        s.refused("inside", answer, InvalidArgument, TOO_MANY);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_too_large() {
    agree(async |s: &mut Session| {
        // etcd bounds the request, not the value; a little room is left for the rest of it.
        for (bytes, accepted) in [(1_572_864 - 1024, true), (1_572_864, false), (1_800_000, false)] {
            let value = vec![b'x'; bytes].into();
            let answer = s.client.kv.put(PutRequest { key: "a".into(), value, ..PutRequest::default() }).await;
            if accepted {
                s.answered("a large put", answer);
            } else {
                s.refused("too large a put", answer, InvalidArgument, TOO_LARGE);
            }
        }
        let answer = s.client.kv.range(RangeRequest { key: "a".into(), ..RangeRequest::default() }).await;
        let kvs = s.answered("the large value", answer).kvs;
        s.note("bytes kept", &kvs[0].value.len().to_string());
        let input = "y".repeat(1_600_000);
        let finished = s.etcdctl().run_with_input(&["put", "a"], &input).await;
        assert!(finished.error.contains(TOO_LARGE), "{}", finished.error);
    })
    .await;
}

#[tokio::test]
async fn revisions_that_are_not_there() {
    agree(async |s: &mut Session| {
        s.fails(&["get", "a", "--rev=9"], FUTURE).await;
        s.fails(&["compaction", "9"], FUTURE).await;
        let answer = s.client.kv.range(RangeRequest { key: "a".into(), revision: 9, ..RangeRequest::default() }).await;
        s.refused("range", answer, OutOfRange, FUTURE);
        for value in ["1", "2", "3"] {
            s.ok(&["put", "a", value]).await;
        }
        s.ok(&["compaction", "3"]).await;
        s.fails(&["get", "a", "--rev=2"], "etcdserver: mvcc: required revision has been compacted").await;
        s.fails(&["compaction", "3"], "etcdserver: mvcc: required revision has been compacted").await;
        let answer = s.client.kv.range(RangeRequest { key: "a".into(), revision: 2, ..RangeRequest::default() }).await;
        s.refused("range", answer, OutOfRange, "etcdserver: mvcc: required revision has been compacted");
    })
    .await;
}

#[tokio::test]
async fn leases_that_are_not_there_or_cannot_be() {
    agree(async |s: &mut Session| {
        s.fails(&["put", "a", "1", "--lease=123"], NO_LEASE).await;
        s.fails(&["lease", "revoke", "123"], NO_LEASE).await;
        let answer = s.client.lease.lease_revoke(LeaseRevokeRequest { id: 7 }).await;
        s.refused("revoke", answer, NotFound, NO_LEASE);
        let answer = s.client.kv.put(PutRequest { key: "a".into(), lease: 7, ..PutRequest::default() }).await;
        s.refused("put", answer, NotFound, NO_LEASE);
        let answer = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 600, id: 7 }).await;
        s.answered("grant", answer);
        let answer = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 600, id: 7 }).await;
        s.refused("grant twice", answer, FailedPrecondition, "etcdserver: lease already exists");
        let answer = s.client.lease.lease_grant(LeaseGrantRequest { ttl: 9_000_000_001, id: 8 }).await;
        s.refused("too long", answer, OutOfRange, "etcdserver: too large lease TTL");
        s.ok(&["get", "a", "-w", "json"]).await;
    })
    .await;
}
