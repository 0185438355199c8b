//! Protobuf messages, written byte by byte, so that they can be wrong in ways that an encoder would not let through.

use harness::Random;
use prost_reflect::{Kind, MessageDescriptor};

use crate::dictionary::{bytes, damage, noise, number};

/// Deeper than any sound message, and than prost's own bound of 100.
const DEPTH_MAX: u64 = 150;

/// A request of this kind: sound, absurd, or damaged.
pub(crate) fn request(random: &mut Random, descriptor: &MessageDescriptor) -> Vec<u8> {
    let mut message = Vec::new();
    // Most are shallow; some go as deep as they can.
    let depth = if random.below(40) == 0 { DEPTH_MAX } else { 4 };
    write(random, descriptor, depth, &mut message);
    match random.below(10) {
        0..3 => damage(random, &mut message),
        3 => message.extend(noise(random, 40)),
        _ => {}
    }
    message
}

fn write(random: &mut Random, descriptor: &MessageDescriptor, depth: u64, out: &mut Vec<u8>) {
    for field in descriptor.fields() {
        // Half of the fields; a single one of a message that is to go deep, or it would grow without bound.
        let times = match (random.below(2), field.is_list() && depth < 5) {
            (0, _) => 0,
            (_, true) => 1 + random.below(3),
            _ => 1,
        };
        for _ in 0..times {
            self::field(random, field.number(), &field.kind(), depth, out);
        }
    }
    if random.below(20) == 0 {
        // A field that nobody knows, of any wire type, two of which nobody may send.
        varint(number(random) >> 3 << 3 | random.below(8), out);
        out.extend(noise(random, 12));
    }
}

fn field(random: &mut Random, tag: u32, kind: &Kind, depth: u64, out: &mut Vec<u8>) {
    let tag = u64::from(tag) << 3;
    match kind {
        Kind::Message(inner) if depth > 0 => {
            let mut message = Vec::new();
            // Only what can nest itself goes deep, one branch at a time.
            write(random, inner, if depth > 4 && !nests(inner) { 4 } else { depth - 1 }, &mut message);
            delimited(random, tag, &message, out);
        }
        Kind::Message(_) => {}
        Kind::String | Kind::Bytes => {
            let value = bytes(random);
            delimited(random, tag, &value, out);
        }
        _ => {
            varint(tag, out);
            varint(number(random), out);
        }
    }
}

/// Whether a transaction can be in it.
fn nests(descriptor: &MessageDescriptor) -> bool {
    ["TxnRequest", "RequestOp"].contains(&descriptor.name())
}

/// A length that is right, but for one in a hundred.
fn delimited(random: &mut Random, tag: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(tag | 2, out);
    let length = if random.below(100) == 0 { number(random) } else { value.len() as u64 };
    varint(length, out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Transactions in transactions, so many deep.
pub(crate) fn nested_txn(depth: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..depth {
        // TxnRequest.success (2) holds a RequestOp whose request_txn (4) holds a TxnRequest.
        let mut operation = Vec::new();
        varint(4 << 3 | 2, &mut operation);
        varint(message.len() as u64, &mut operation);
        operation.append(&mut message);
        varint(2 << 3 | 2, &mut message);
        varint(operation.len() as u64, &mut message);
        message.append(&mut operation);
    }
    message
}

#[cfg(test)]
mod tests {
    use prost_reflect::DynamicMessage;

    use super::*;
    use crate::schema::Schema;

    #[test]
    fn some_messages_are_sound_and_some_are_not() {
        let (schema, mut random) = (Schema::read(), Random::new(3));
        let txn = schema.methods.iter().find(|method| method.path.ends_with("KV/Txn")).unwrap();
        let decodes = |message: &[u8]| DynamicMessage::decode(txn.request.clone(), message).is_ok();
        let sound = (0..400).filter(|_| decodes(&request(&mut random, &txn.request))).count();
        assert!((40..360).contains(&sound), "{sound} of 400");
        assert!(decodes(&nested_txn(10)) && !decodes(&nested_txn(200)));
    }
}
