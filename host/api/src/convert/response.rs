//! What was done, to the wire.

use flow::ListPiece;
use proto::etcdserverpb::{
    DeleteRangeResponse, PutResponse, RangeResponse, RangeStreamResponse, ResponseOp, TxnResponse,
    response_op::Response,
};
use proto::mvccpb::{self, event::EventType};
use types::{Event, EventKind, KeyValue, OpOutcome, Plain, RangeOutcome, TxnOutcome};

use crate::header;

pub(crate) fn key_value(kv: KeyValue<Plain>) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key,
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value.release(),
        lease: kv.lease,
    }
}

pub(crate) fn event(event: Event<Plain>) -> mvccpb::Event {
    let kind = match event.kind {
        EventKind::Put => EventType::Put,
        EventKind::Delete => EventType::Delete,
    };
    mvccpb::Event { r#type: kind.into(), kv: Some(key_value(event.kv)), prev_kv: event.prev.map(key_value) }
}

/// A range's answer, still without a header.
pub(crate) fn ranged(outcome: RangeOutcome<Plain>) -> RangeResponse {
    let kvs = outcome.kvs.into_iter().map(key_value).collect();
    RangeResponse { header: None, kvs, more: outcome.more, count: outcome.count }
}

/// One piece of a streamed range; the last carries the header and the numbers.
pub(crate) fn list_piece(piece: ListPiece) -> RangeStreamResponse {
    let kvs = piece.kvs.into_iter().map(key_value).collect();
    let (header, more, count) =
        piece.end.map_or((None, false, 0), |end| (header::full(end.header), end.more, end.count));
    RangeStreamResponse { range_response: Some(RangeResponse { header, kvs, more, count }) }
}

/// A delete's answer, still without a header.
pub(crate) fn deleted(deleted: i64, prevs: Vec<KeyValue<Plain>>) -> DeleteRangeResponse {
    DeleteRangeResponse { header: None, deleted, prev_kvs: prevs.into_iter().map(key_value).collect() }
}

/// A transaction's answer, still without a header; `revision` is that of the store after it.
pub(crate) fn transacted(outcome: TxnOutcome<Plain>, revision: i64) -> TxnResponse {
    let before = if writes(&outcome) { revision - 1 } else { revision };
    Revisions { before, after: revision, written: false }.txn(outcome)
}

/// Whether anything was changed, so that the transaction has a revision of its own.
fn writes(outcome: &TxnOutcome<Plain>) -> bool {
    outcome.responses.iter().any(|response| match response {
        OpOutcome::Range(_) => false,
        OpOutcome::Put { .. } => true,
        OpOutcome::DeleteRange { deleted, .. } => *deleted > 0,
        OpOutcome::Txn(inner) => writes(inner),
    })
}

/// The revision as each operation of a transaction sees it: it moves with the first change.
struct Revisions {
    before: i64,
    after: i64,
    written: bool,
}

impl Revisions {
    fn txn(&mut self, outcome: TxnOutcome<Plain>) -> TxnResponse {
        let responses = outcome.responses.into_iter().map(|response| self.response_op(response)).collect();
        TxnResponse { header: None, succeeded: outcome.succeeded, responses }
    }

    fn response_op(&mut self, outcome: OpOutcome<Plain>) -> ResponseOp {
        let response = match outcome {
            OpOutcome::Range(outcome) => {
                let header = header::nested(self.current());
                Response::ResponseRange(RangeResponse { header, ..ranged(outcome) })
            }
            OpOutcome::Put { prev } => {
                self.written = true;
                let header = header::nested(self.current());
                Response::ResponsePut(PutResponse { header, prev_kv: prev.map(key_value) })
            }
            OpOutcome::DeleteRange { deleted: count, prevs } => {
                self.written |= count > 0;
                let header = header::nested(self.current());
                Response::ResponseDeleteRange(DeleteRangeResponse { header, ..deleted(count, prevs) })
            }
            // etcd leaves the header of a nested transaction empty.
            OpOutcome::Txn(inner) => {
                Response::ResponseTxn(TxnResponse { header: header::nested(0), ..self.txn(inner) })
            }
        };
        ResponseOp { response: Some(response) }
    }

    fn current(&self) -> i64 {
        if self.written { self.after } else { self.before }
    }
}
