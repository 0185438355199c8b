//! From a message on the wire to proto3 JSON, as Go's `protojson` writes it for etcd: names as in the `.proto` file, in
//! the order of the file, and nothing that is not set.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::encoding::{self, WireType};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// The services' answer is no message: a bug of this member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer could not be read")]
pub(crate) struct Unreadable;

/// Whether `<`, `>` and `&` are escaped, as Go does where it wraps a message into an object of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    Plain,
    Html,
}

/// Appends a message of `shape` to `json`.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn encode(
    wire: &[u8],
    shape: &MessageDescriptor,
    escapes: Escapes,
    json: &mut String,
) -> Result<(), Unreadable> {
    let mut values = split(wire, shape)?;
    values.sort_by_key(|value| value.place);
    json.push('{');
    let mut rest = values.as_slice();
    while let Some(first) = rest.first() {
        let (same, others) = rest.split_at(rest.iter().take_while(|value| value.place == first.place).count());
        if json.as_bytes().last() != Some(&b'{') {
            json.push(',');
        }
        field(same, escapes, json)?;
        rest = others;
    }
    json.push('}');
    Ok(())
}

/// One value of a field as it is on the wire.
struct Value<'a> {
    /// Of its field, in the order of the `.proto` file.
    place: usize,
    field: FieldDescriptor,
    raw: Raw<'a>,
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

fn split<'a>(mut wire: &'a [u8], shape: &MessageDescriptor) -> Result<Vec<Value<'a>>, Unreadable> {
    // The descriptor's own list is sorted by number; the order of the file is in the encoded descriptor.
    let order: Vec<i32> = shape.descriptor_proto().field.iter().filter_map(|field| field.number).collect();
    let mut values = Vec::new();
    while !wire.is_empty() {
        let (number, wire_type) = encoding::decode_key(&mut wire).map_err(|_| Unreadable)?;
        let raw = match wire_type {
            WireType::Varint => Raw::Varint(encoding::decode_varint(&mut wire).map_err(|_| Unreadable)?),
            WireType::LengthDelimited => Raw::Bytes(delimited(&mut wire)?),
            _ => return Err(Unreadable),
        };
        let field = shape.get_field(number).ok_or(Unreadable)?;
        let place = order.iter().position(|other| i64::from(*other) == i64::from(number)).ok_or(Unreadable)?;
        values.push(Value { place, field, raw });
    }
    Ok(values)
}

fn delimited<'a>(wire: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let length = encoding::decode_varint(wire).map_err(|_| Unreadable)?;
    let length = usize::try_from(length).map_err(|_| Unreadable)?;
    let (bytes, rest) = wire.split_at_checked(length).ok_or(Unreadable)?;
    *wire = rest;
    Ok(bytes)
}

/// All values of one field; there is at least one.
fn field(values: &[Value<'_>], escapes: Escapes, json: &mut String) -> Result<(), Unreadable> {
    let last = values.last().ok_or(Unreadable)?;
    text(last.field.name(), escapes, json);
    json.push(':');
    if !last.field.is_list() {
        return single(&last.field, last.raw, escapes, json);
    }
    json.push('[');
    for value in values {
        match value.raw {
            Raw::Bytes(packed) if value.field.is_packed() => elements(&value.field, packed, escapes, json)?,
            raw => element(&value.field, raw, escapes, json)?,
        }
    }
    json.push(']');
    Ok(())
}

fn elements(field: &FieldDescriptor, mut packed: &[u8], escapes: Escapes, json: &mut String) -> Result<(), Unreadable> {
    while !packed.is_empty() {
        let number = encoding::decode_varint(&mut packed).map_err(|_| Unreadable)?;
        element(field, Raw::Varint(number), escapes, json)?;
    }
    Ok(())
}

fn element(field: &FieldDescriptor, raw: Raw<'_>, escapes: Escapes, json: &mut String) -> Result<(), Unreadable> {
    if json.as_bytes().last() != Some(&b'[') {
        json.push(',');
    }
    single(field, raw, escapes, json)
}

fn single(field: &FieldDescriptor, raw: Raw<'_>, escapes: Escapes, json: &mut String) -> Result<(), Unreadable> {
    // Writing to a string does not fail.
    let _ = match (field.kind(), raw) {
        (Kind::Message(shape), Raw::Bytes(wire)) => return encode(wire, &shape, escapes, json),
        (Kind::Bool, Raw::Varint(number)) => write!(json, "{}", number != 0),
        (Kind::Int32, Raw::Varint(number)) => write!(json, "{}", number.cast_signed()),
        (Kind::Uint32, Raw::Varint(number)) => write!(json, "{number}"),
        // A JavaScript number cannot hold 64 bits.
        (Kind::Int64, Raw::Varint(number)) => write!(json, "\"{}\"", number.cast_signed()),
        (Kind::Uint64, Raw::Varint(number)) => write!(json, "\"{number}\""),
        (Kind::Enum(values), Raw::Varint(number)) => {
            let number = i32::try_from(number.cast_signed()).map_err(|_| Unreadable)?;
            match values.get_value(number) {
                Some(value) => write!(json, "\"{}\"", value.name()),
                None => write!(json, "{number}"),
            }
        }
        (Kind::Bytes, Raw::Bytes(bytes)) => {
            json.push('"');
            STANDARD.encode_string(bytes, json);
            json.push('"');
            Ok(())
        }
        (Kind::String, Raw::Bytes(bytes)) => {
            text(std::str::from_utf8(bytes).map_err(|_| Unreadable)?, escapes, json);
            Ok(())
        }
        _ => return Err(Unreadable),
    };
    Ok(())
}

/// Appends a string as Go writes it.
pub(crate) fn text(text: &str, escapes: Escapes, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' => json.write_str("\\\""),
            '\\' => json.write_str("\\\\"),
            '\u{8}' => json.write_str("\\b"),
            '\u{c}' => json.write_str("\\f"),
            '\n' => json.write_str("\\n"),
            '\r' => json.write_str("\\r"),
            '\t' => json.write_str("\\t"),
            '\0'..='\u{1f}' => write!(json, "\\u{:04x}", u32::from(character)),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if escapes == Escapes::Html => {
                write!(json, "\\u{:04x}", u32::from(character))
            }
            other => json.write_char(other),
        };
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;
    use proto::etcdserverpb::{
        AlarmMember, AlarmResponse, ResponseHeader, TxnResponse, WatchCreateRequest, WatchResponse,
    };
    use proto::mvccpb::{Event, KeyValue};

    fn json(name: &str, message: &impl prost::Message, escapes: Escapes) -> String {
        let mut json = String::new();
        let shape = schema::message(&format!("etcdserverpb.{name}")).unwrap();
        encode(&message.encode_to_vec(), &shape, escapes, &mut json).unwrap();
        json
    }

    #[test]
    fn what_is_not_set_is_not_written_and_the_order_is_the_files() {
        let kv = KeyValue { key: "foo".into(), mod_revision: -2, version: 1, value: "<".into(), ..Default::default() };
        let watch = WatchResponse {
            header: Some(ResponseHeader { cluster_id: u64::MAX, ..Default::default() }),
            created: true,
            cancel_reason: "a<b \"\n\u{1}".to_owned(),
            events: vec![Event { r#type: 1, kv: Some(kv), prev_kv: None }],
            ..Default::default()
        };
        let expected = concat!(
            r#"{"header":{"cluster_id":"18446744073709551615"},"created":true,"cancel_reason":"a<b \"\n\u0001","#,
            r#""events":[{"type":"DELETE","kv":{"key":"Zm9v","mod_revision":"-2","version":"1","value":"PA=="}}]}"#
        );
        assert_eq!(json("WatchResponse", &watch, Escapes::Plain), expected);
        assert!(json("WatchResponse", &watch, Escapes::Html).contains(r#""a\u003cb "#));
    }

    #[test]
    fn lists_enumerations_and_empty_messages_are_written() {
        let alarms = vec![AlarmMember { member_id: 1, alarm: 1 }, AlarmMember { member_id: 2, alarm: 9 }];
        let alarms = AlarmResponse { header: None, alarms };
        let expected = r#"{"alarms":[{"memberID":"1","alarm":"NOSPACE"},{"memberID":"2","alarm":9}]}"#;
        assert_eq!(json("AlarmResponse", &alarms, Escapes::Plain), expected);
        let empty = TxnResponse { header: Some(ResponseHeader::default()), ..Default::default() };
        assert_eq!(json("TxnResponse", &empty, Escapes::Plain), r#"{"header":{}}"#);
        let packed = WatchCreateRequest { filters: vec![0, 1], ..Default::default() };
        assert_eq!(json("WatchCreateRequest", &packed, Escapes::Plain), r#"{"filters":["NOPUT","NODELETE"]}"#);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let shape = schema::message("etcdserverpb.RangeResponse").unwrap();
        for wire in [&b"\x0a\x05"[..], b"\xff", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x7a\x00"] {
            assert_eq!(encode(wire, &shape, Escapes::Plain, &mut String::new()), Err(Unreadable), "{wire:?}");
        }
    }
}
