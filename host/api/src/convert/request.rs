//! What the client asks, from the wire.

use bytes::Bytes;
use proto::etcdserverpb::{
    self as wire, compare::CompareResult as WireResult, compare::CompareTarget as WireTarget, compare::TargetUnion,
    range_request, request_op::Request,
};
use types::{
    Branch, Compare, CompareResult, CompareTarget, DeleteRange, Invalid, KeyRange, Plain, Put, PutLease, PutValue,
    RangeEnd, RangeQuery, SortOrder, SortTarget, Txn, TxnOp,
};

use super::rules::{check_delete, check_put, check_range, check_txn};
use crate::ApiError;

pub(crate) fn range_query(request: wire::RangeRequest) -> Result<RangeQuery, Invalid> {
    check_range(&request)?;
    Ok(checked_range(request))
}

/// A range that is to be streamed: etcd does so only in the order of the keys, and unfiltered.
pub(crate) fn streamed_query(request: wire::RangeRequest) -> Result<RangeQuery, ApiError> {
    let query = range_query(request)?;
    if !query.is_as_stored() {
        return Err(ApiError::StreamSorted);
    }
    if query.has_revision_bounds() {
        return Err(ApiError::StreamFiltered);
    }
    Ok(query)
}

pub(crate) fn put(request: wire::PutRequest) -> Result<Put, Invalid> {
    check_put(&request)?;
    Ok(checked_put(request))
}

pub(crate) fn delete_range(request: wire::DeleteRangeRequest) -> Result<DeleteRange, Invalid> {
    check_delete(&request)?;
    Ok(checked_delete(request))
}

pub(crate) fn txn(request: wire::TxnRequest, ops_max: usize) -> Result<Txn, Invalid> {
    check_txn(&request, ops_max)?;
    Ok(checked_txn(request))
}

fn checked_range(request: wire::RangeRequest) -> RangeQuery {
    RangeQuery {
        sort_order: sort_order(request.sort_order()),
        sort_target: sort_target(request.sort_target()),
        range: KeyRange::from_wire(request.key, request.range_end),
        limit: request.limit,
        revision: request.revision,
        serializable: request.serializable,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    }
}

fn sort_order(order: range_request::SortOrder) -> SortOrder {
    match order {
        range_request::SortOrder::None => SortOrder::None,
        range_request::SortOrder::Ascend => SortOrder::Ascend,
        range_request::SortOrder::Descend => SortOrder::Descend,
    }
}

fn sort_target(target: range_request::SortTarget) -> SortTarget {
    match target {
        range_request::SortTarget::Key => SortTarget::Key,
        range_request::SortTarget::Version => SortTarget::Version,
        range_request::SortTarget::Create => SortTarget::Create,
        range_request::SortTarget::Mod => SortTarget::Mod,
        range_request::SortTarget::Value => SortTarget::Value,
    }
}

fn checked_put(request: wire::PutRequest) -> Put {
    let value = if request.ignore_value { PutValue::Keep } else { PutValue::Set(Plain::from(request.value)) };
    let lease = if request.ignore_lease { PutLease::Keep } else { PutLease::Set(request.lease) };
    Put { key: request.key, value, lease, prev_kv: request.prev_kv }
}

fn checked_delete(request: wire::DeleteRangeRequest) -> DeleteRange {
    DeleteRange { range: KeyRange::from_wire(request.key, request.range_end), prev_kv: request.prev_kv }
}

/// Nesting is bounded by the check that came before.
fn checked_txn(request: wire::TxnRequest) -> Txn {
    Txn {
        compare: request.compare.into_iter().filter_map(compare).collect(),
        success: branch(request.success),
        failure: branch(request.failure),
    }
}

fn branch(ops: Vec<wire::RequestOp>) -> Branch {
    ops.into_iter().filter_map(|op| op.request).map(txn_op).collect()
}

fn txn_op(request: Request) -> TxnOp {
    match request {
        Request::RequestRange(request) => TxnOp::Range(checked_range(request)),
        Request::RequestPut(request) => TxnOp::Put(checked_put(request)),
        Request::RequestDeleteRange(request) => TxnOp::DeleteRange(checked_delete(request)),
        Request::RequestTxn(request) => TxnOp::Txn(checked_txn(request)),
    }
}

/// A condition; `None` for one that always holds.
///
/// etcd takes every number here. A result that it does not know always holds, but for the value of a key that is not
/// there; a target that it does not know counts as equal to everything.
fn compare(compare: wire::Compare) -> Option<Compare> {
    let result = match WireResult::try_from(compare.result) {
        Ok(WireResult::Equal) => Some(CompareResult::Equal),
        Ok(WireResult::Greater) => Some(CompareResult::Greater),
        Ok(WireResult::Less) => Some(CompareResult::Less),
        Ok(WireResult::NotEqual) => Some(CompareResult::NotEqual),
        Err(_) => None,
    };
    let (result, target) = match (result, WireTarget::try_from(compare.target)) {
        (Some(result), Ok(target)) => (result, compare_target(target, compare.target_union)),
        (None, Ok(WireTarget::Value)) => (CompareResult::Greater, CompareTarget::Version(0)),
        (None | Some(CompareResult::Equal), _) => return None,
        // No number is less than the least: it never holds.
        (Some(_), Err(_)) => (CompareResult::Less, CompareTarget::Version(i64::MIN)),
    };
    Some(Compare { range: KeyRange::from_wire(compare.key, compare.range_end), result, target })
}

/// As in etcd, `target` decides what is compared, and an operand of another kind counts as zero or empty.
fn compare_target(target: WireTarget, operand: Option<TargetUnion>) -> CompareTarget {
    match (target, operand) {
        (WireTarget::Version, Some(TargetUnion::Version(version))) => CompareTarget::Version(version),
        (WireTarget::Version, _) => CompareTarget::Version(0),
        (WireTarget::Create, Some(TargetUnion::CreateRevision(revision))) => CompareTarget::Create(revision),
        (WireTarget::Create, _) => CompareTarget::Create(0),
        (WireTarget::Mod, Some(TargetUnion::ModRevision(revision))) => CompareTarget::Mod(revision),
        (WireTarget::Mod, _) => CompareTarget::Mod(0),
        (WireTarget::Value, Some(TargetUnion::Value(value))) => CompareTarget::Value(Plain::from(value)),
        (WireTarget::Value, _) => CompareTarget::Value(Plain::default()),
        (WireTarget::Lease, Some(TargetUnion::Lease(lease))) => CompareTarget::Lease(lease),
        (WireTarget::Lease, _) => CompareTarget::Lease(0),
    }
}

/// The range of a watch, where an empty key means the smallest one.
pub(crate) fn watch_range(key: Bytes, range_end: Bytes) -> Result<KeyRange, ApiError> {
    let key = if key.is_empty() { Bytes::from_static(&[0]) } else { key };
    let range = KeyRange::from_wire(key, range_end);
    match &range.end {
        RangeEnd::Before(end) if range.start >= *end => Err(ApiError::EmptyWatchRange),
        _ => Ok(range),
    }
}
