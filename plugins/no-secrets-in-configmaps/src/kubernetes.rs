//! Kubernetes Secret objects, in the three encodings the API server takes.

use crate::text::{positions, skip_blank, skip_space};

const KIND: &[u8] = b"Secret";
/// What Kubernetes writes before a protobuf object (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
const PROTOBUF_MAGIC: &[u8] = b"k8s\0";

/// Whether a Secret stands in `text`: on its own, in a list, or as a file within another object.
pub(crate) fn has_secret(text: &[u8]) -> bool {
    has_json_secret(text) || has_yaml_secret(text) || has_protobuf_secret(text)
}

fn has_json_secret(text: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"kind\"";
    positions(text, FIELD).any(|at| {
        let rest = skip_space(&text[at + FIELD.len()..]);
        rest.strip_prefix(b":").is_some_and(|rest| skip_space(rest).starts_with(b"\"Secret\""))
    })
}

fn has_yaml_secret(text: &[u8]) -> bool {
    const FIELD: &[u8] = b"kind:";
    positions(text, FIELD).any(|at| {
        let begins = at == 0 || !is_word(text[at - 1]);
        let rest = &text[at + FIELD.len()..];
        begins && rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) && is_secret_scalar(skip_blank(rest))
    })
}

/// Whether the rest of a line is the scalar `Secret`, quoted or not, and nothing but a comment after it.
fn is_secret_scalar(line: &[u8]) -> bool {
    let after = match line {
        [quote @ (b'"' | b'\''), rest @ ..] => {
            rest.strip_prefix(KIND).and_then(|rest| rest.strip_prefix(std::slice::from_ref(quote)))
        }
        _ => line.strip_prefix(KIND),
    };
    // The file may end inside a binary object, where anything but more of the word can follow.
    after.is_some_and(|rest| !rest.first().is_some_and(|byte| is_word(*byte) || matches!(byte, b'/' | b'.')))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn has_protobuf_secret(text: &[u8]) -> bool {
    positions(text, PROTOBUF_MAGIC).any(|at| {
        // `runtime.Unknown`: field 1 is the TypeMeta, of which field 2 is the kind.
        let type_meta = field(&text[at + PROTOBUF_MAGIC.len()..], 1);
        type_meta.and_then(|type_meta| field(type_meta, 2)) == Some(KIND)
    })
}

/// The first length-delimited field `number` of a protobuf message, as long as only such fields stand before it.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
    const LENGTH_DELIMITED: u64 = 2;
    loop {
        let (tag, rest) = varint(message)?;
        let (len, rest) = varint(rest)?;
        let len = usize::try_from(len).ok()?;
        if tag & 7 != LENGTH_DELIMITED || len > rest.len() {
            return None;
        }
        let (content, rest) = rest.split_at(len);
        if tag >> 3 == number {
            return Some(content);
        }
        message = rest;
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protobuf_envelope_is_read_by_its_kind() {
        assert!(has_secret(b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x00"));
        assert!(!has_secret(b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x00"));
        // Cut off, or longer than it is.
        assert!(!has_secret(b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secr"));
        assert!(!has_secret(b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    }

    #[test]
    fn other_kinds_that_begin_alike_are_not_secrets() {
        for text in ["kind: SecretStore", "kind: Secret-like", "secretkind: Secret", "\"kind\": \"SecretClass\""] {
            assert!(!has_secret(text.as_bytes()), "{text}");
        }
        for text in [
            "kind: Secret",
            "- kind: 'Secret'\n",
            "kind: \"Secret\" # x",
            "{\"kind\" : \"Secret\"}",
            "\"kind\"kind\":\"Secret\"",
        ] {
            assert!(has_secret(text.as_bytes()), "{text}");
        }
    }
}
