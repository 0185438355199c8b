//! What the client asks, from the wire.
//!
//! Here are the rules that need the wire message: etcd's `checkRangeRequest` and `checkPutRequest` (`v3rpc/key.go`).
//! The rules for keys and transactions are [`types::Operation::check`].

use bytes::Bytes;
use proto::etcdserverpb::{
    self as wire, compare::CompareResult as WireResult, compare::CompareTarget as WireTarget, compare::TargetUnion,
    range_request, request_op::Request,
};
use types::{
    Branch, Compare, CompareResult, CompareTarget, DeleteRange, Invalid, KeyRange, Plain, Put, PutLease, PutValue,
    RangeEnd, RangeQuery, SortOrder, SortTarget, Txn, TxnOp,
};

use crate::ApiError;

pub(crate) fn range_query(request: wire::RangeRequest) -> Result<RangeQuery, Invalid> {
    if request.key.is_empty() {
        return Err(Invalid::EmptyKey);
    }
    Ok(RangeQuery {
        sort_order: sort_order(request.sort_order)?,
        sort_target: sort_target(request.sort_target)?,
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
    })
}

fn sort_order(order: i32) -> Result<SortOrder, Invalid> {
    match range_request::SortOrder::try_from(order).map_err(|_| Invalid::SortOption)? {
        range_request::SortOrder::None => Ok(SortOrder::None),
        range_request::SortOrder::Ascend => Ok(SortOrder::Ascend),
        range_request::SortOrder::Descend => Ok(SortOrder::Descend),
    }
}

fn sort_target(target: i32) -> Result<SortTarget, Invalid> {
    match range_request::SortTarget::try_from(target).map_err(|_| Invalid::SortOption)? {
        range_request::SortTarget::Key => Ok(SortTarget::Key),
        range_request::SortTarget::Version => Ok(SortTarget::Version),
        range_request::SortTarget::Create => Ok(SortTarget::Create),
        range_request::SortTarget::Mod => Ok(SortTarget::Mod),
        range_request::SortTarget::Value => Ok(SortTarget::Value),
    }
}

pub(crate) fn put(request: wire::PutRequest) -> Result<Put, Invalid> {
    if request.key.is_empty() {
        return Err(Invalid::EmptyKey);
    }
    let value = match (request.ignore_value, request.value.is_empty()) {
        (true, false) => return Err(Invalid::ValueProvided),
        (true, true) => PutValue::Keep,
        (false, _) => PutValue::Set(Plain::from(request.value)),
    };
    let lease = match (request.ignore_lease, request.lease) {
        (true, 0) => PutLease::Keep,
        (true, _) => return Err(Invalid::LeaseProvided),
        (false, lease) => PutLease::Set(lease),
    };
    Ok(Put { key: request.key, value, lease, prev_kv: request.prev_kv })
}

pub(crate) fn delete_range(request: wire::DeleteRangeRequest) -> DeleteRange {
    DeleteRange { range: KeyRange::from_wire(request.key, request.range_end), prev_kv: request.prev_kv }
}

/// The depth of nesting is bounded by prost's recursion limit here, and by [`types::TXN_DEPTH_MAX`] in the check that
/// follows.
pub(crate) fn txn(request: wire::TxnRequest) -> Result<Txn, ApiError> {
    Ok(Txn {
        compare: request.compare.into_iter().map(compare).collect::<Result<_, _>>()?,
        success: branch(request.success)?,
        failure: branch(request.failure)?,
    })
}

fn branch(ops: Vec<wire::RequestOp>) -> Result<Branch, ApiError> {
    ops.into_iter().map(txn_op).collect()
}

fn txn_op(op: wire::RequestOp) -> Result<TxnOp, ApiError> {
    Ok(match op.request.ok_or(Invalid::EmptyOperation)? {
        Request::RequestRange(request) => TxnOp::Range(range_query(request)?),
        Request::RequestPut(request) => TxnOp::Put(put(request)?),
        Request::RequestDeleteRange(request) => TxnOp::DeleteRange(delete_range(request)),
        Request::RequestTxn(request) => TxnOp::Txn(txn(request)?),
    })
}

fn compare(compare: wire::Compare) -> Result<Compare, ApiError> {
    let result = match WireResult::try_from(compare.result).map_err(|_| ApiError::UnknownCompare)? {
        WireResult::Equal => CompareResult::Equal,
        WireResult::Greater => CompareResult::Greater,
        WireResult::Less => CompareResult::Less,
        WireResult::NotEqual => CompareResult::NotEqual,
    };
    let target = WireTarget::try_from(compare.target).map_err(|_| ApiError::UnknownCompare)?;
    let target = compare_target(target, compare.target_union);
    Ok(Compare { range: KeyRange::from_wire(compare.key, compare.range_end), result, target })
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
