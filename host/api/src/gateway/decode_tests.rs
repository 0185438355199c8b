//! What is read and what is refused; every text is one that etcd 3.7's gateway answers with.

use std::collections::BTreeSet;

use proto::etcdserverpb::{PutRequest, RangeRequest, TxnRequest, WatchCreateRequest};

use super::super::{route, schema};
use super::*;

fn read<M: prost::Message + Default>(name: &str, json: &str) -> Result<M, String> {
    let shape = schema::message(&format!("etcdserverpb.{name}")).unwrap();
    let wire = decode(json.as_bytes(), &shape).map_err(|error| error.to_string())?;
    Ok(M::decode(wire.as_slice()).unwrap())
}

fn range(json: &str) -> Result<RangeRequest, String> {
    read("RangeRequest", json)
}

#[test]
fn names_are_taken_in_both_forms_and_unknown_ones_passed_over() {
    let asked = range(r#"{"key":"Zm9v","rangeEnd":"Zm9w","sort_order":"DESCEND","sortTarget":3,"x":[{}]}"#).unwrap();
    assert_eq!((asked.key.as_ref(), asked.range_end.as_ref()), (&b"foo"[..], &b"fop"[..]));
    assert_eq!((asked.sort_order, asked.sort_target), (2, 3));
    assert_eq!(range(r#"{"sort_order":"BOGUS","limit":null}"#).unwrap(), RangeRequest::default());
}

#[test]
fn whole_numbers_are_taken_in_every_form() {
    for text in ["7", "\"7\"", "7.0", "70e-1", "0.7e1"] {
        assert_eq!(range(&format!(r#"{{"limit":{text}}}"#)).unwrap().limit, 7, "{text}");
    }
    assert_eq!(range(r#"{"limit":"-9223372036854775808"}"#).unwrap().limit, i64::MIN);
    for text in ["1.5", "\" 7\"", "\"07\"", "\"\"", "true", "9223372036854775808", "1e99", "1e999999999999"] {
        assert!(range(&format!(r#"{{"limit":{text}}}"#)).is_err(), "{text}");
    }
}

#[test]
fn bytes_are_taken_in_both_alphabets() {
    let value = |text: &str| read::<PutRequest>("PutRequest", &format!(r#"{{"value":"{text}"}}"#)).map(|put| put.value);
    assert_eq!(value("AA_-").unwrap(), value("AA/+").unwrap());
    assert_eq!(value("AA").unwrap().as_ref(), [0]);
    assert_eq!(value("AA==").unwrap().as_ref(), [0]);
    for text in ["A", "AA=", "!!", "AA_+"] {
        assert!(value(text).is_err(), "{text}");
    }
}

#[test]
fn lists_oneofs_and_nested_messages_are_taken() {
    let json = r#"{"compare":[{"key":"YQ==","target":"VERSION","version":"0"}],
        "success":[{"requestPut":{"key":"YQ==","prev_kv":true}},{"request_txn":{}}]}"#;
    let txn: TxnRequest = read("TxnRequest", json).unwrap();
    assert_eq!((txn.compare.len(), txn.success.len()), (1, 2));
    assert!(txn.compare[0].target_union.is_some(), "a zero inside a oneof is set");
    let watch: WatchCreateRequest = read("WatchCreateRequest", r#"{"filters":["NODELETE",0]}"#).unwrap();
    assert_eq!(watch.filters, [1, 0]);
}

#[test]
fn errors_are_gos() {
    for (json, error) in [
        (r"[]", "proto: syntax error (line 1:1): unexpected token ["),
        ("null", "proto: syntax error (line 1:1): unexpected token null"),
        (r#"{"key":1}"#, "proto: (line 1:8): invalid value for bytes field key: 1"),
        (r#"{"key":"!!"}"#, "proto: (line 1:8): invalid value for bytes field key: \"!!\""),
        (r#"{"key":"Zm9v","limit":1.5}"#, "proto: (line 1:23): invalid value for int64 field limit: 1.5"),
        (r#"{"key":"Zm9v","limit":1,"limit":2}"#, "proto: (line 1:25): duplicate field \"limit\""),
        (r#"{"range_end":{}}"#, "proto: (line 1:14): invalid value for bytes field rangeEnd: {"),
    ] {
        assert_eq!(range(json).unwrap_err(), error, "{json}");
    }
    let both = r#"{"success":[{"request_put":{},"request_range":{}}]}"#;
    let error =
        "proto: (line 1:31): error parsing \"request_range\", oneof etcdserverpb.RequestOp.request is already set";
    assert_eq!(read::<TxnRequest>("TxnRequest", both).unwrap_err(), error);
}

#[test]
fn messages_may_not_be_nested_without_end() {
    let nested = |levels: usize| {
        let json = format!(r"{}{{}}{}", r#"{"success":[{"request_txn":"#.repeat(levels), "}]}".repeat(levels));
        read::<TxnRequest>("TxnRequest", &json)
    };
    assert!(nested(40).is_ok());
    assert_eq!(nested(60).unwrap_err(), "proto: exceeded max recursion depth");
}

/// Every message that a route reads or writes has only fields of kinds that are known here.
#[test]
fn every_kind_of_field_is_known() {
    let mut seen = BTreeSet::new();
    for route in route::TABLE {
        let method = schema::method(route.service, route.method).unwrap();
        look(&method.input(), &mut seen);
        look(&method.output(), &mut seen);
    }
    assert!(seen.len() > 100, "{seen:?}");
}

fn look(shape: &MessageDescriptor, seen: &mut BTreeSet<String>) {
    if !seen.insert(shape.full_name().to_owned()) {
        return;
    }
    for field in shape.fields() {
        assert!(!field.is_map(), "{}", field.full_name());
        match field.kind() {
            FieldKind::Message(inner) => look(&inner, seen),
            FieldKind::Enum(_) => {}
            kind => assert_ne!(kind_name(&field), "message", "{} is {kind:?}", field.full_name()),
        }
    }
}
