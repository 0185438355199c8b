//! Protobuf messages, field by field.

use super::Unreadable;

const CUT_OFF: Unreadable = Unreadable("malformed protobuf: it is cut off");
const NO_FIELD: Unreadable = Unreadable("malformed protobuf: no such field");
const LONG_NUMBER: Unreadable = Unreadable("malformed protobuf: a number is too long");
const OTHER_TYPE: Unreadable = Unreadable("malformed protobuf: a field is of another type");

/// Bytes that a number of 64 bits takes.
const VARINT_BYTES_MAX: usize = 10;

/// A field of a message.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl<'a> Field<'a> {
    /// A whole message, as if it were a field.
    pub(super) fn whole(message: &'a [u8]) -> Self {
        Self { number: 0, value: Value::Bytes(message) }
    }

    /// What is in a field of bytes, text or a message.
    pub(super) fn bytes(self) -> Result<&'a [u8], Unreadable> {
        if let Value::Bytes(bytes) = self.value { Ok(bytes) } else { Err(OTHER_TYPE) }
    }

    /// A truth value.
    pub(super) fn flag(self) -> Result<bool, Unreadable> {
        if let Value::Varint(number) = self.value { Ok(number != 0) } else { Err(OTHER_TYPE) }
    }

    /// A whole number; a negative one has the bits of one without a sign.
    pub(super) fn integer(self) -> Result<i64, Unreadable> {
        if let Value::Varint(number) = self.value { Ok(number.cast_signed()) } else { Err(OTHER_TYPE) }
    }
}

/// A walk through the fields of a message, in their order.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Unreadable> {
        if self.0.is_empty() {
            return Ok(None);
        }
        // Some readers drop the upper bits of a tag: what is beyond 32 is not what it looks like.
        let tag = u32::try_from(self.varint()?).map_err(|_| NO_FIELD)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(NO_FIELD);
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(NO_FIELD),
        };
        Ok(Some(Field { number, value }))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Unreadable> {
        let len = usize::try_from(len).map_err(|_| CUT_OFF)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Unreadable> {
        let mut value = 0;
        for index in 0..VARINT_BYTES_MAX {
            let (byte, rest) = self.0.split_first().ok_or(CUT_OFF)?;
            self.0 = rest;
            if index == VARINT_BYTES_MAX - 1 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(LONG_NUMBER)
    }
}
