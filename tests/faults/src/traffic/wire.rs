//! Operations as etcd's requests, and answers back.

use harness::Client;
use proto::{
    etcdserverpb::{
        Compare, DeleteRangeRequest, DeleteRangeResponse, PutRequest, RangeRequest, RangeResponse, RequestOp,
        ResponseHeader, TxnRequest, WatchResponse,
        compare::{CompareResult, CompareTarget, TargetUnion},
        request_op::Request,
        response_op::Response,
    },
    mvccpb::{Event, KeyValue, event::EventType},
};
use tonic::{Code, Status};

use crate::verdict::{
    call::{Answer, Guard, Operation, Record, Span, Step, Told},
    state::Change,
};

/// Sends an operation and gives its answer.
pub(crate) async fn carry(client: &Client, operation: &Operation) -> Result<Answer, Status> {
    let mut kv = client.kv.clone();
    let single =
        |header: Option<ResponseHeader>, told| Answer { revision: revision(header), succeeded: true, told: vec![told] };
    match (operation.success.as_slice(), operation.guards.is_empty()) {
        ([Step::Put { key, value, lease }], true) => {
            let answer = kv.put(put(key, value, *lease)).await?.into_inner();
            Ok(single(answer.header, Told::Put))
        }
        ([Step::Get(span)], true) => {
            let answer = kv.range(range(span, operation.serializable)).await?.into_inner();
            Ok(single(answer.header, got(answer)))
        }
        ([Step::Delete(span)], true) => {
            let answer = kv.delete_range(delete(span)).await?.into_inner();
            Ok(single(answer.header, deleted(answer)))
        }
        _ => {
            let answer = kv.txn(transaction(operation)).await?.into_inner();
            let told = answer.responses.into_iter().filter_map(|one| one.response).filter_map(told).collect();
            Ok(Answer { revision: revision(answer.header), succeeded: answer.succeeded, told })
        }
    }
}

/// Whether the server said that it will not do it, or there was none to be asked. Everything else leaves open what becomes of it.
pub(crate) fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::InvalidArgument | Code::PermissionDenied | Code::NotFound) || was_never_sent(status)
}

/// Whether no connection came about.
fn was_never_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn revision(header: Option<ResponseHeader>) -> i64 {
    header.map_or(0, |header| header.revision)
}

fn put(key: &str, value: &str, lease: i64) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), lease, ..PutRequest::default() }
}

fn range(span: &Span, serializable: bool) -> RangeRequest {
    let (key, range_end) = (span.from.clone().into(), span.to.clone().into());
    RangeRequest { key, range_end, serializable, ..RangeRequest::default() }
}

fn delete(span: &Span) -> DeleteRangeRequest {
    DeleteRangeRequest { key: span.from.clone().into(), range_end: span.to.clone().into(), prev_kv: true }
}

fn transaction(operation: &Operation) -> TxnRequest {
    TxnRequest {
        compare: operation.guards.iter().map(compare).collect(),
        success: operation.success.iter().map(request).collect(),
        failure: operation.failure.iter().map(request).collect(),
    }
}

fn compare(guard: &Guard) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key: guard.key.clone().into(),
        range_end: "".into(),
        target_union: Some(TargetUnion::ModRevision(guard.mod_revision)),
    }
}

fn request(step: &Step) -> RequestOp {
    let request = match step {
        Step::Put { key, value, lease } => Request::RequestPut(put(key, value, *lease)),
        Step::Get(span) => Request::RequestRange(range(span, false)),
        Step::Delete(span) => Request::RequestDeleteRange(delete(span)),
    };
    RequestOp { request: Some(request) }
}

fn told(response: Response) -> Option<Told> {
    match response {
        Response::ResponsePut(_) => Some(Told::Put),
        Response::ResponseRange(answer) => Some(got(answer)),
        Response::ResponseDeleteRange(answer) => Some(deleted(answer)),
        Response::ResponseTxn(_) => None,
    }
}

fn got(answer: RangeResponse) -> Told {
    Told::Got(answer.kvs.into_iter().map(record).collect())
}

fn deleted(answer: DeleteRangeResponse) -> Told {
    Told::Deleted(answer.prev_kvs.into_iter().map(record).collect())
}

fn record(kv: KeyValue) -> Record {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Record {
        key: text(&kv.key),
        value: text(&kv.value),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

/// The events of an answer as the checkers know them.
pub(crate) fn changes(answer: WatchResponse) -> Vec<Change> {
    answer.events.into_iter().map(change).collect()
}

fn change(event: Event) -> Change {
    let deleted = event.r#type() == EventType::Delete;
    Change { record: record(event.kv.unwrap_or_default()), deleted, previous: event.prev_kv.map(record) }
}
