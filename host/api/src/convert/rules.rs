//! etcd's rules for the wire messages, in etcd's order (`checkRangeRequest` and its neighbours in `v3rpc/key.go`).
//!
//! The first rule that is broken is the one that a client is told, so they are checked on the message, before any of it
//! is converted. Which keys a transaction writes twice is [`types::Operation::check`].

use proto::etcdserverpb::{self as wire, range_request, request_op::Request};
use types::{Invalid, TXN_DEPTH_MAX};

pub(crate) fn check_range(request: &wire::RangeRequest) -> Result<(), Invalid> {
    check_key(&request.key)?;
    range_request::SortOrder::try_from(request.sort_order).map_err(|_| Invalid::SortOption)?;
    range_request::SortTarget::try_from(request.sort_target).map_err(|_| Invalid::SortOption)?;
    Ok(())
}

pub(crate) fn check_put(request: &wire::PutRequest) -> Result<(), Invalid> {
    check_key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Invalid::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Invalid::LeaseProvided);
    }
    Ok(())
}

pub(crate) fn check_delete(request: &wire::DeleteRangeRequest) -> Result<(), Invalid> {
    check_key(&request.key)
}

pub(crate) fn check_txn(request: &wire::TxnRequest, ops_max: usize) -> Result<(), Invalid> {
    check_txn_within(request, ops_max, 1)
}

fn check_txn_within(request: &wire::TxnRequest, ops_left: usize, depth: usize) -> Result<(), Invalid> {
    let widest = request.compare.len().max(request.success.len()).max(request.failure.len());
    let ops_left = ops_left.checked_sub(widest).ok_or(Invalid::TooManyOps)?;
    if depth > TXN_DEPTH_MAX {
        return Err(Invalid::TooManyOps);
    }
    request.compare.iter().try_for_each(|compare| check_key(&compare.key))?;
    request.success.iter().chain(&request.failure).try_for_each(|op| check_op(op, ops_left, depth))
}

fn check_op(op: &wire::RequestOp, ops_left: usize, depth: usize) -> Result<(), Invalid> {
    match op.request.as_ref().ok_or(Invalid::EmptyOperation)? {
        Request::RequestRange(request) => check_range(request),
        Request::RequestPut(request) => check_put(request),
        Request::RequestDeleteRange(request) => check_delete(request),
        Request::RequestTxn(request) => check_txn_within(request, ops_left, depth + 1),
    }
}

fn check_key(key: &[u8]) -> Result<(), Invalid> {
    if key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}
