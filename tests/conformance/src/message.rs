//! Messages as cases write them, and as answers are shown.
//!
//! Fields have their names of the `.proto` files. Bytes are text; what is not, is `{hex: ff00}`, and `{repeat: x, times: 1000}`
//! saves room. An answer shows only what is set: an absent field has its default value.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value as Field};
use serde_json::{Map, Number, Value};

/// Longer bytes are shown by their length and a digest, in bytes.
const SHOWN_BYTES_MAX: usize = 4096;

/// Builds a message.
pub(crate) fn build(descriptor: &MessageDescriptor, value: &Value) -> Result<DynamicMessage, String> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let Value::Object(fields) = value else {
        return if value.is_null() { Ok(message) } else { Err(format!("{value} is no {}", descriptor.full_name())) };
    };
    for (name, value) in fields {
        let field = descriptor.get_field_by_name(name);
        let field = field.ok_or_else(|| format!("{} has no field {name}", descriptor.full_name()))?;
        let built = build_field(&field, value).map_err(|error| format!("{}: {error}", field.full_name()))?;
        message.set_field(&field, built);
    }
    Ok(message)
}

fn build_field(field: &FieldDescriptor, value: &Value) -> Result<Field, String> {
    match value {
        Value::Array(items) if field.is_list() => {
            items.iter().map(|item| build_one(field, item)).collect::<Result<_, _>>().map(Field::List)
        }
        _ if field.is_list() => Err("it is a list".to_owned()),
        _ => build_one(field, value),
    }
}

fn build_one(field: &FieldDescriptor, value: &Value) -> Result<Field, String> {
    let wrong = || format!("{value} does not fit");
    match field.kind() {
        Kind::Message(inner) => build(&inner, value).map(Field::Message),
        Kind::Bytes => bytes(value).map(|bytes| Field::Bytes(bytes.into())).ok_or_else(wrong),
        Kind::String => {
            let text = bytes(value).and_then(|bytes| String::from_utf8(bytes).ok());
            text.map(Field::String).ok_or_else(wrong)
        }
        Kind::Bool => value.as_bool().map(Field::Bool).ok_or_else(wrong),
        Kind::Int64 => value.as_i64().map(Field::I64).ok_or_else(wrong),
        Kind::Uint64 => value.as_u64().map(Field::U64).ok_or_else(wrong),
        Kind::Uint32 => value.as_u64().and_then(|number| number.try_into().ok()).map(Field::U32).ok_or_else(wrong),
        Kind::Enum(kind) => {
            let number = match value {
                Value::String(name) => kind.get_value_by_name(name).map(|known| known.number()),
                other => other.as_i64().and_then(|number| number.try_into().ok()),
            };
            number.map(Field::EnumNumber).ok_or_else(wrong)
        }
        other => Err(format!("etcd's wire has no {other:?}")),
    }
}

/// What a case means by bytes.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        Value::Object(fields) => {
            if let Some(Value::String(hex)) = fields.get("hex") {
                let pair = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
                return (0..hex.len()).step_by(2).map(pair).collect();
            }
            let times = fields.get("times")?.as_u64()?.try_into().ok()?;
            Some(fields.get("repeat")?.as_str()?.repeat(times).into_bytes())
        }
        _ => None,
    }
}

/// Shows a message. `scalar` is asked for each number and text, and may put something else in its place.
pub(crate) fn show(message: &DynamicMessage, scalar: &mut impl FnMut(&FieldDescriptor, Value) -> Value) -> Value {
    let mut shown = Map::new();
    for (field, value) in message.fields() {
        shown.insert(field.name().to_owned(), show_field(&field, value, scalar));
    }
    Value::Object(shown)
}

fn show_field(
    field: &FieldDescriptor,
    value: &Field,
    scalar: &mut impl FnMut(&FieldDescriptor, Value) -> Value,
) -> Value {
    match value {
        Field::Message(inner) => show(inner, scalar),
        Field::List(items) => items.iter().map(|item| show_field(field, item, scalar)).collect(),
        other => {
            let plain = show_scalar(field, other);
            scalar(field, plain)
        }
    }
}

fn show_scalar(field: &FieldDescriptor, value: &Field) -> Value {
    match value {
        Field::Bool(truth) => Value::Bool(*truth),
        Field::I64(number) => Value::Number((*number).into()),
        Field::U64(number) => Value::Number((*number).into()),
        Field::U32(number) => Value::Number(Number::from(*number)),
        Field::String(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => Value::String(text(bytes)),
        Field::EnumNumber(number) => {
            let known =
                field.kind().as_enum().and_then(|kind| kind.get_value(*number)).map(|known| known.name().to_owned());
            known.map_or_else(|| Value::Number((*number).into()), Value::String)
        }
        other => unreachable!("etcd's wire has no {other:?}"),
    }
}

/// Bytes as text; those that are none are escaped.
pub(crate) fn text(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES_MAX {
        let mut digest = DefaultHasher::new();
        bytes.hash(&mut digest);
        return format!("({} bytes, digest {:016x})", bytes.len(), digest.finish());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// Calls `seen` with the name of every field that is set, at any depth.
pub(crate) fn walk(message: &DynamicMessage, seen: &mut impl FnMut(&FieldDescriptor)) {
    for (field, value) in message.fields() {
        seen(&field);
        walk_value(value, seen);
    }
}

fn walk_value(value: &Field, seen: &mut impl FnMut(&FieldDescriptor)) {
    match value {
        Field::Message(inner) => walk(inner, seen),
        Field::List(items) => items.iter().for_each(|item| walk_value(item, seen)),
        Field::Map(entries) => entries.iter().for_each(|(_, value): (&MapKey, _)| walk_value(value, seen)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire;

    fn round_trip(method: &str, value: &Value) -> Result<Value, String> {
        let message = build(&wire::method(method).unwrap().input(), value)?;
        Ok(show(&message, &mut |_, value| value))
    }

    #[test]
    fn what_is_built_is_shown_without_defaults() {
        let txn = json!({
            "compare": [{"key": "a", "target": "VALUE", "result": "NOT_EQUAL", "value": 7}],
            "success": [{"request_put": {"key": "a", "value": {"hex": "ff00"}, "lease": -5, "prev_kv": false}}],
        });
        let shown = json!({
            "compare": [{"key": "a", "target": "VALUE", "result": "NOT_EQUAL", "value": "7"}],
            "success": [{"request_put": {"key": "a", "value": "\\xff\\x00", "lease": -5}}],
        });
        assert_eq!(round_trip("KV/Txn", &txn), Ok(shown));
        let long = json!({"key": {"repeat": "ab", "times": 3000}});
        let shown = round_trip("KV/Range", &long).unwrap();
        assert!(shown["key"].as_str().unwrap().starts_with("(6000 bytes, digest "), "{shown}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for value in [
            json!({"kee": "a"}),
            json!({"limit": "many"}),
            json!({"sort_order": "UP"}),
            json!({"key": {"hex": "f"}}),
            json!({"key": true}),
            json!([]),
        ] {
            assert!(round_trip("KV/Range", &value).is_err(), "{value}");
        }
    }
}
