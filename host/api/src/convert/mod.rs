//! Wire to meaning and back, without a copy of any value.

mod permission;
mod request;
mod response;
mod rules;
#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;

pub(crate) use permission::{permission, permission_record, record_of_range};
pub(crate) use request::{delete_range, put, range_query, streamed_query, txn, watch_range};
pub(crate) use response::{deleted, event, key_value, list_piece, ranged, transacted};
