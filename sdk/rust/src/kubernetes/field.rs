//! Fields of objects in both encodings. Whoever reads them does not see which it is.

use std::collections::BTreeMap;

use super::{Unreadable, base64, json, protobuf};

const TWICE: Unreadable = Unreadable("the JSON has a name twice");
const NOT_TEXT: Unreadable = Unreadable("malformed protobuf: a text is not UTF-8");
const NOT_BASE64: Unreadable = Unreadable("a field of the JSON is not base64");

/// The name of a field in JSON and its number in protobuf.
pub(super) type Name = (&'static str, u32);

/// An object as it is stored, to be read as often as needed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    Json(&'a [u8]),
    Protobuf(&'a [u8]),
}

impl<'a> Body<'a> {
    /// Takes the fields of `names`.
    pub(super) fn read(self, names: &[Name], take: Take<'_, 'a>) -> Result<(), Unreadable> {
        match self {
            Self::Json(text) => {
                let mut reader = json::Reader::new(text)?;
                Field::Json(&mut reader).message(names, take)?;
                reader.end()
            }
            Self::Protobuf(message) => Field::Protobuf(protobuf::Field::whole(message)).message(names, take),
        }
    }
}

/// What takes a field; it is given the field's name in JSON.
pub(super) type Take<'t, 'a> = &'t mut dyn FnMut(&'static str, Field<'a, '_>) -> Result<(), Unreadable>;

/// The value of a field.
pub(super) enum Field<'a, 'r> {
    Json(&'r mut json::Reader<'a>),
    Protobuf(protobuf::Field<'a>),
}

impl<'a> Field<'a, '_> {
    /// Takes the fields of `names` of the message that this is.
    ///
    /// A field that is in it twice is an error in JSON, of which no two readers take the same one. In protobuf there
    /// is a rule, and this and the API server keep it: lists grow, messages merge, and of all else the last counts.
    pub(super) fn message(self, names: &[Name], take: Take<'_, 'a>) -> Result<(), Unreadable> {
        match self {
            Self::Json(reader) => {
                let mut seen = 0_u64;
                reader.object(&mut |reader, name| {
                    let Some(index) = names.iter().position(|(known, _)| *known == name) else { return reader.skip() };
                    if seen >> index & 1 == 1 {
                        return Err(TWICE);
                    }
                    seen |= 1 << index;
                    take(names[index].0, Field::Json(reader))
                })
            }
            Self::Protobuf(field) => {
                let mut fields = protobuf::Fields(field.bytes()?);
                while let Some(field) = fields.next()? {
                    if let Some((name, _)) = names.iter().find(|(_, number)| *number == field.number) {
                        take(name, Field::Protobuf(field))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Takes what in protobuf is one level deeper, in field `number`, and in JSON stands here.
    pub(super) fn inlined(
        self,
        number: u32,
        take: &mut dyn FnMut(Field<'a, '_>) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Json(_) => take(self),
            Self::Protobuf(_) => self.message(&[("", number)], &mut |_, field| take(field)),
        }
    }

    /// Takes the fields of `names`, and those of `inner`, which in protobuf are one level deeper, in field `number`, and in
    /// JSON stand here.
    pub(super) fn message_with(
        self,
        names: &[Name],
        number: u32,
        inner: &[Name],
        take: Take<'_, 'a>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Json(_) => self.message(&[names, inner].concat(), take),
            Self::Protobuf(_) => self.message(&[names, &[("", number)]].concat(), &mut |name, field| {
                if name.is_empty() { field.message(inner, &mut *take) } else { take(name, field) }
            }),
        }
    }

    /// Takes the items of a list: in JSON all of them, in protobuf the one that this is.
    pub(super) fn items(self, take: &mut dyn FnMut(Field<'a, '_>) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        match self {
            Self::Json(reader) => reader.array(&mut |reader| take(Field::Json(reader))),
            Self::Protobuf(_) => take(self),
        }
    }

    /// Takes the entries of a map from texts to texts: in JSON all of them, in protobuf the one that this is.
    pub(super) fn texts(self, map: &mut BTreeMap<String, String>) -> Result<(), Unreadable> {
        self.entries(map, |field| field.text())
    }

    /// The same for a map from texts to bytes.
    pub(super) fn binaries(self, map: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Unreadable> {
        self.entries(map, |field| field.bytes())
    }

    fn entries<V: Default>(
        self,
        map: &mut BTreeMap<String, V>,
        value: fn(Field<'a, '_>) -> Result<V, Unreadable>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Json(reader) => reader.object(&mut |reader, name| {
                let earlier = map.insert(name.into_owned(), value(Field::Json(reader))?);
                if earlier.is_none() { Ok(()) } else { Err(TWICE) }
            }),
            Self::Protobuf(_) => {
                let mut entry = (String::new(), V::default());
                self.message(&[("key", 1), ("value", 2)], &mut |name, field| {
                    match name {
                        "key" => entry.0 = field.text()?,
                        _ => entry.1 = value(field)?,
                    }
                    Ok(())
                })?;
                map.insert(entry.0, entry.1);
                Ok(())
            }
        }
    }

    /// What `take` takes; none for null.
    pub(super) fn optional<T>(
        mut self,
        take: impl FnOnce(Self) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        if let Self::Json(reader) = &mut self
            && reader.null()
        {
            return Ok(None);
        }
        take(self).map(Some)
    }

    /// Takes a text.
    pub(super) fn text(self) -> Result<String, Unreadable> {
        match self {
            Self::Json(reader) => Ok(reader.string()?.into_owned()),
            Self::Protobuf(field) => Ok(std::str::from_utf8(field.bytes()?).map_err(|_| NOT_TEXT)?.to_owned()),
        }
    }

    /// Takes bytes, which in JSON are base64.
    pub(super) fn bytes(self) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Json(reader) => base64::decode(&reader.string()?).ok_or(NOT_BASE64),
            Self::Protobuf(field) => Ok(field.bytes()?.to_vec()),
        }
    }

    /// Takes true or false.
    pub(super) fn flag(self) -> Result<bool, Unreadable> {
        match self {
            Self::Json(reader) => reader.flag(),
            Self::Protobuf(field) => field.flag(),
        }
    }
    /// Takes a whole number of 64 bits.
    pub(super) fn integer(self) -> Result<i64, Unreadable> {
        match self {
            Self::Json(reader) => reader.integer(),
            Self::Protobuf(field) => field.integer(),
        }
    }
}
