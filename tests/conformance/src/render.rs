//! Answers as text: everything in them but who answered. `Debug` of the messages will not do, for it hides values.

use proto::{
    etcdserverpb::{
        DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, ResponseOp, TxnResponse, WatchResponse,
        response_op::Response,
    },
    mvccpb::{Event, KeyValue},
};
use serde_json::Value;

/// Names that etcd's JSON gives to numbers which differ between any two servers.
const IDENTITIES: [&str; 3] = ["cluster_id", "member_id", "raft_term"];

/// The same as `etcdctl -w fields` writes them.
const IDENTITY_FIELDS: [&str; 3] = ["\"ClusterID\"", "\"MemberID\"", "\"RaftTerm\""];

/// What `etcdctl` printed, with `filled` in the place of a number that says who answered. A zero stays: the field is not filled.
pub(crate) fn without_identities(printed: &str) -> String {
    printed.lines().map(line_without_identities).collect::<Vec<_>>().join("\n")
}

fn line_without_identities(line: &str) -> String {
    if let Ok(mut json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(line) {
        mask(&mut json);
        return json.to_string();
    }
    match line.split_once(" : ") {
        Some((name, value)) if IDENTITY_FIELDS.contains(&name) && value != "0" => format!("{name} : filled"),
        _ => line.to_owned(),
    }
}

fn mask(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (name, value) in fields {
                if IDENTITIES.contains(&name.as_str()) && *value != 0 {
                    *value = "filled".into();
                }
                mask(value);
            }
        }
        _ => {}
    }
}

/// A header: its revision, and whether the rest is filled.
pub(crate) fn header(header: Option<&ResponseHeader>) -> String {
    let Some(header) = header else { return "no header".into() };
    let filled = [header.cluster_id, header.member_id, header.raft_term].map(|number| number != 0);
    format!("revision {} filled {filled:?}", header.revision)
}

/// A key with everything that is known of it.
pub(crate) fn pair(kv: &KeyValue) -> String {
    let KeyValue { key, value, create_revision, mod_revision, version, lease } = kv;
    let [key, value] = [key, value].map(|bytes| bytes.escape_ascii().to_string());
    format!("{key}={value} create {create_revision} mod {mod_revision} version {version} lease {lease}")
}

fn pairs(kvs: &[KeyValue]) -> String {
    kvs.iter().map(pair).collect::<Vec<_>>().join("; ")
}

fn maybe_pair(kv: Option<&KeyValue>) -> String {
    kv.map_or_else(|| "none".into(), pair)
}

/// An answer to a range.
pub(crate) fn range(answer: &RangeResponse) -> String {
    format!("{}, count {} more {} [{}]", header(answer.header.as_ref()), answer.count, answer.more, pairs(&answer.kvs))
}

/// An answer to a put.
pub(crate) fn put(answer: &PutResponse) -> String {
    format!("{}, previous {}", header(answer.header.as_ref()), maybe_pair(answer.prev_kv.as_ref()))
}

/// An answer to a delete.
pub(crate) fn delete(answer: &DeleteRangeResponse) -> String {
    format!("{}, deleted {} [{}]", header(answer.header.as_ref()), answer.deleted, pairs(&answer.prev_kvs))
}

/// An answer to a transaction.
pub(crate) fn txn(answer: &TxnResponse) -> String {
    let responses: Vec<_> = answer.responses.iter().map(response).collect();
    format!("{}, succeeded {} {{{}}}", header(answer.header.as_ref()), answer.succeeded, responses.join(" | "))
}

fn response(response: &ResponseOp) -> String {
    match &response.response {
        Some(Response::ResponseRange(answer)) => format!("range {}", range(answer)),
        Some(Response::ResponsePut(answer)) => format!("put {}", put(answer)),
        Some(Response::ResponseDeleteRange(answer)) => format!("delete {}", delete(answer)),
        Some(Response::ResponseTxn(answer)) => format!("txn {}", txn(answer)),
        None => "nothing".into(),
    }
}

/// An event.
pub(crate) fn event(event: &Event) -> String {
    let [kv, previous] = [&event.kv, &event.prev_kv].map(|kv| maybe_pair(kv.as_ref()));
    format!("{} {kv} previous {previous}", event.r#type().as_str_name())
}

/// Events, one after the other.
pub(crate) fn events(all: &[Event]) -> String {
    all.iter().map(event).collect::<Vec<_>>().join("; ")
}

/// A message of a watch stream, without its cancel reason: a case that wants one compares it by itself.
pub(crate) fn watch(answer: &WatchResponse) -> String {
    format!(
        "{}, watch {} created {} canceled {} compacted {} fragment {} [{}]",
        header(answer.header.as_ref()),
        answer.watch_id,
        answer.created,
        answer.canceled,
        answer.compact_revision,
        answer.fragment,
        events(&answer.events),
    )
}

#[test]
fn only_who_answered_is_masked() {
    let json = r#"{"header":{"cluster_id":7,"member_id":0,"revision":3,"raft_term":2}}"#;
    let expected = r#"{"header":{"cluster_id":"filled","member_id":0,"raft_term":"filled","revision":3}}"#;
    assert_eq!(without_identities(json), expected);
    assert_eq!(
        without_identities("\"MemberID\" : 5\n\"Revision\" : 5\n5"),
        "\"MemberID\" : filled\n\"Revision\" : 5\n5"
    );
}
