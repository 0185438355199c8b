//! From proto3 JSON to a message on the wire, as Go's `protojson` reads it with unknown fields discarded.
//!
//! Only the kinds of fields that etcd's API has are known here; a test looks at all of its messages.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{self, WireType};
use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};

use super::json::token::{Kind, Malformed, Token, Tokens};

/// Deepest nesting of messages: what is deeper, the services' own decoder would refuse.
const DEPTH_MAX: usize = 100;

/// Reads one JSON value as a message of `shape`.
///
/// # Errors
/// [`Malformed`], with the text of Go's reader.
pub(crate) fn decode(json: &[u8], shape: &MessageDescriptor) -> Result<Vec<u8>, Malformed> {
    let mut wire = Vec::with_capacity(json.len());
    message(&mut Tokens::new(json), shape, DEPTH_MAX, &mut wire)?;
    Ok(wire)
}

fn message(
    tokens: &mut Tokens<'_>,
    shape: &MessageDescriptor,
    depth: usize,
    wire: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or_else(|| Malformed("exceeded max recursion depth".to_owned()))?;
    let open = tokens.read()?;
    if open.kind != Kind::OpenObject {
        return Err(tokens.unexpected(&open));
    }
    let (mut fields_seen, mut oneofs_seen) = (Vec::new(), Vec::new());
    loop {
        let name = tokens.read()?;
        if name.kind == Kind::CloseObject {
            return Ok(());
        }
        let text = tokens.text(&name)?;
        let Some(field) = shape.get_field_by_json_name(&text).or_else(|| shape.get_field_by_name(&text)) else {
            tokens.skip_value()?;
            continue;
        };
        if fields_seen.contains(&field.number()) {
            return Err(tokens.error(&name, format_args!("duplicate field {}", name.shown())));
        }
        fields_seen.push(field.number());
        if tokens.peek()?.kind == Kind::Null {
            tokens.read()?;
            continue;
        }
        if let Some(oneof) = field.containing_oneof() {
            if oneofs_seen.contains(&oneof.name().to_owned()) {
                let text = format!("error parsing {}, oneof {} is already set", name.shown(), oneof.full_name());
                return Err(tokens.error(&name, text));
            }
            oneofs_seen.push(oneof.name().to_owned());
        }
        if field.is_list() { list(tokens, &field, depth, wire)? } else { value(tokens, &field, depth, wire)? }
    }
}

fn list(tokens: &mut Tokens<'_>, field: &FieldDescriptor, depth: usize, wire: &mut Vec<u8>) -> Result<(), Malformed> {
    let open = tokens.read()?;
    if open.kind != Kind::OpenArray {
        return Err(tokens.unexpected(&open));
    }
    while tokens.peek()?.kind != Kind::CloseArray {
        value(tokens, field, depth, wire)?;
    }
    tokens.read().map(drop)
}

/// One value of a field, with its key. Elements of lists are never packed, which every decoder accepts.
fn value(tokens: &mut Tokens<'_>, field: &FieldDescriptor, depth: usize, wire: &mut Vec<u8>) -> Result<(), Malformed> {
    if let FieldKind::Message(shape) = field.kind() {
        let mut inner = Vec::new();
        message(tokens, &shape, depth, &mut inner)?;
        delimited(field, &inner, wire);
        return Ok(());
    }
    let token = tokens.read()?;
    match scalar(tokens, field, &token)? {
        Some(Scalar::Varint(number)) => {
            encoding::encode_key(field.number(), WireType::Varint, wire);
            encoding::encode_varint(number, wire);
            Ok(())
        }
        Some(Scalar::Bytes(bytes)) => {
            delimited(field, &bytes, wire);
            Ok(())
        }
        Some(Scalar::Discarded) => Ok(()),
        None => {
            let text = format!("invalid value for {} field {}: {}", kind_name(field), field.json_name(), token.shown());
            Err(tokens.error(&token, text))
        }
    }
}

fn delimited(field: &FieldDescriptor, bytes: &[u8], wire: &mut Vec<u8>) {
    encoding::encode_key(field.number(), WireType::LengthDelimited, wire);
    encoding::encode_varint(bytes.len() as u64, wire);
    wire.extend_from_slice(bytes);
}

enum Scalar {
    Varint(u64),
    Bytes(Vec<u8>),
    /// A name that the enumeration does not have, which is passed over like an unknown field.
    Discarded,
}

/// The value of a scalar, `None` when it is not one of the field's kind.
fn scalar(tokens: &Tokens<'_>, field: &FieldDescriptor, token: &Token<'_>) -> Result<Option<Scalar>, Malformed> {
    let text = if token.kind == Kind::Text { Some(tokens.text(token)?) } else { None };
    let number = || match token.kind {
        Kind::Number => std::str::from_utf8(token.raw).ok().and_then(integer),
        _ => text.as_deref().and_then(integer),
    };
    Ok(match field.kind() {
        FieldKind::Bool if token.kind == Kind::Bool => Some(Scalar::Varint(u64::from(token.raw == b"true"))),
        FieldKind::Int32 => number().and_then(|n| i32::try_from(n).ok()).map(|n| signed(n.into())),
        FieldKind::Int64 => number().and_then(|n| i64::try_from(n).ok()).map(signed),
        FieldKind::Uint32 => number().and_then(|n| u32::try_from(n).ok()).map(|n| Scalar::Varint(n.into())),
        FieldKind::Uint64 => number().and_then(|n| u64::try_from(n).ok()).map(Scalar::Varint),
        FieldKind::String => text.map(|text| Scalar::Bytes(text.into_owned().into_bytes())),
        FieldKind::Bytes => text.as_deref().and_then(base64).map(Scalar::Bytes),
        FieldKind::Enum(values) => match text {
            Some(name) => Some(match values.get_value_by_name(&name) {
                Some(value) => signed(value.number().into()),
                None => Scalar::Discarded,
            }),
            None if token.kind == Kind::Number => {
                number().and_then(|n| i32::try_from(n).ok()).map(|n| signed(n.into()))
            }
            None => None,
        },
        _ => None,
    })
}

fn signed(number: i64) -> Scalar {
    Scalar::Varint(number.cast_unsigned())
}

/// A whole number as JSON writes it: `12`, and also `12.0` and `1.2e1`.
fn integer(text: &str) -> Option<i128> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only(whole) || !digits_only(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let trailing = i32::try_from(digits.len() - digits.trim_end_matches('0').len()).ok()?;
    let power = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(trailing)?;
    let scale = 10_i128.checked_pow(u32::try_from(power).ok()?)?;
    let number = significant.parse::<i128>().ok()?.checked_mul(scale)?;
    Some(if negative { -number } else { number })
}

/// Base64 of either alphabet, with the padding or without.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let padding =
        if text.len().is_multiple_of(4) { DecodePaddingMode::RequireCanonical } else { DecodePaddingMode::RequireNone };
    let alphabet = if text.contains(['-', '_']) { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    let engine = GeneralPurpose::new(alphabet, LENIENT.with_decode_padding_mode(padding));
    if text.contains(['\r', '\n']) {
        return engine.decode(text.replace(['\r', '\n'], "")).ok();
    }
    engine.decode(text).ok()
}

fn kind_name(field: &FieldDescriptor) -> &'static str {
    match field.kind() {
        FieldKind::Bool => "bool",
        FieldKind::Int32 => "int32",
        FieldKind::Int64 => "int64",
        FieldKind::Uint32 => "uint32",
        FieldKind::Uint64 => "uint64",
        FieldKind::String => "string",
        FieldKind::Bytes => "bytes",
        FieldKind::Enum(_) => "enum",
        _ => "message",
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
