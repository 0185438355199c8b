//! Writes protobuf.

/// A field of bytes, text or a message.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [varint(u64::from(number) << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A field that is true or false.
pub(super) fn flag(number: u8, truth: bool) -> Vec<u8> {
    [varint(u64::from(number) << 3), vec![truth.into()]].concat()
}

/// A field that is a number of 64 bits.
pub(super) fn number(field: u8, value: i64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value.cast_unsigned())].concat()
}

/// An entry of a map.
pub(super) fn entry(number: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
    field(number, &[field(1, key), field(2, value)].concat())
}

/// An object in Kubernetes' envelope, with the empty fields that the API server writes.
pub(super) fn envelope(api_version: &[u8], kind: &[u8], raw: &[u8]) -> Vec<u8> {
    let type_meta = [field(1, api_version), field(2, kind)].concat();
    [b"k8s\0".to_vec(), field(1, &type_meta), field(2, raw), field(3, b""), field(4, b"")].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
