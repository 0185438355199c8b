//! How records and keys lie on disk.
//!
//! | family | key | value |
//! |---|---|---|
//! | `live` | user key | [`Record`] |
//! | `index` | user key | revision of its record in `live` (big endian) |
//! | `counts` | user key, or nothing | number of live keys from there up to the next one of these (big endian) |
//! | `past` | escaped user key, then the revision with its bits inverted (newest first) | [`Record`] or a tombstone |
//! | `events` | revision, sub-revision (big endian) | [`Change`] |
//! | `auth` | `S`, `U` name, `R` name | settings, users, roles (see `users/record.rs`) |
//! | `lease` | `L` id, or `K` id key | TTL, or nothing |

use bytes::{BufMut as _, Bytes, BytesMut};
use seal::Sealed;
use types::{EventKind, KeyValue};

use crate::StoreError;

/// A tombstone's form; 0 and 1 are the forms of [`Sealed`].
const FORM_TOMBSTONE: u8 = 2;

/// Bytes before the value: form, create, mod, version, lease.
const RECORD_HEADER_BYTES: usize = 1 + 4 * 8;

/// The state of one key at one revision.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
    pub(crate) lease: i64,
    pub(crate) value: Sealed,
}

impl Record {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(RECORD_HEADER_BYTES + self.value.bytes().len());
        out.put_u8(self.value.form());
        out.put_i64(self.create_revision);
        out.put_i64(self.mod_revision);
        out.put_i64(self.version);
        out.put_i64(self.lease);
        out.put_slice(self.value.bytes());
        out.freeze()
    }

    /// Reads a record; `None` for a tombstone.
    pub(crate) fn decode(bytes: Bytes) -> Result<Option<Self>, StoreError> {
        let header = bytes.get(..RECORD_HEADER_BYTES).ok_or_else(|| StoreError::damaged("a record is cut short"))?;
        let form = header[0];
        if form == FORM_TOMBSTONE {
            return Ok(None);
        }
        Ok(Some(Self {
            create_revision: number(header, 1),
            mod_revision: number(header, 9),
            version: number(header, 17),
            lease: number(header, 25),
            value: Sealed::from_state(form, bytes.slice(RECORD_HEADER_BYTES..))?,
        }))
    }

    /// Only the revision of the last write, without touching the value.
    pub(crate) fn mod_revision_of(bytes: &[u8]) -> Result<i64, StoreError> {
        if bytes.len() < RECORD_HEADER_BYTES {
            return Err(StoreError::damaged("a record is cut short"));
        }
        Ok(number(bytes, 9))
    }

    /// Whether these bytes are a tombstone.
    pub(crate) fn is_tombstone(bytes: &[u8]) -> bool {
        bytes.first() == Some(&FORM_TOMBSTONE)
    }

    pub(crate) fn into_key_value(self, key: Bytes) -> KeyValue<Sealed> {
        KeyValue {
            key,
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
            value: self.value,
        }
    }
}

/// The record of a deletion at `revision`.
pub(crate) fn tombstone(revision: i64) -> Bytes {
    let mut out = BytesMut::with_capacity(RECORD_HEADER_BYTES);
    out.put_u8(FORM_TOMBSTONE);
    out.put_i64(0);
    out.put_i64(revision);
    out.put_i64(0);
    out.put_i64(0);
    out.freeze()
}

/// One entry of `events`: what happened to which key, and which older record it superseded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) kind: EventKind,
    /// Revision of the record that was there before this revision, zero for none.
    pub(crate) superseded: i64,
    pub(crate) key: Bytes,
    /// Of a change that a later one of the same revision replaced: the record that it wrote, which is nowhere else;
    /// empty for a delete.
    pub(crate) replaced: Option<Bytes>,
}

/// Bit of a change's first byte: it is a delete.
const CHANGE_DELETE: u8 = 1;

/// Bit of a change's first byte: it was replaced, and its key has a length in front and a record behind it.
const CHANGE_REPLACED: u8 = 2;

impl Change {
    pub(crate) fn encode(&self) -> Bytes {
        let record = self.replaced.as_ref().map_or(0, |record| 4 + record.len());
        let mut out = BytesMut::with_capacity(9 + self.key.len() + record);
        let delete = if self.kind == EventKind::Delete { CHANGE_DELETE } else { 0 };
        out.put_u8(delete | if self.replaced.is_some() { CHANGE_REPLACED } else { 0 });
        out.put_i64(self.superseded);
        if self.replaced.is_some() {
            out.put_u32(u32::try_from(self.key.len()).expect("a request, and so a key, is smaller than 4 GiB"));
        }
        out.put_slice(&self.key);
        out.put_slice(self.replaced.as_deref().unwrap_or_default());
        out.freeze()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let cut_short = || StoreError::damaged("an event is cut short");
        let (head, rest) = bytes.split_at_checked(9).ok_or_else(cut_short)?;
        let kind = if head[0] & CHANGE_DELETE == 0 { EventKind::Put } else { EventKind::Delete };
        let superseded = number(head, 1);
        if head[0] & CHANGE_REPLACED == 0 {
            return Ok(Self { kind, superseded, key: Bytes::copy_from_slice(rest), replaced: None });
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
        let (key, record) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(cut_short)?;
        let replaced = Some(Bytes::copy_from_slice(record));
        Ok(Self { kind, superseded, key: Bytes::copy_from_slice(key), replaced })
    }
}

/// Key of `events`.
pub(crate) fn event_key(revision: i64, sub: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&revision.to_be_bytes());
    key[8..].copy_from_slice(&sub.to_be_bytes());
    key
}

/// Revision and sub-revision of a key of `events`.
pub(crate) fn event_revision(key: &[u8]) -> Result<(i64, u32), StoreError> {
    let key: [u8; 12] = key.try_into().map_err(|_| StoreError::damaged("an event key has the wrong length"))?;
    let mut sub = [0; 4];
    sub.copy_from_slice(&key[8..]);
    Ok((number(&key, 0), u32::from_be_bytes(sub)))
}

/// Prefix of all entries of one user key in `past`: zero bytes are escaped and the end is marked, so that
/// the order of user keys is kept and no key's entries lie among another's.
pub(crate) fn past_prefix(user_key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(user_key.len() + 10);
    for byte in user_key {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend([0, 1]);
    out
}

/// Key of `past`.
pub(crate) fn past_key(user_key: &[u8], revision: i64) -> Vec<u8> {
    let mut out = past_prefix(user_key);
    out.extend((!revision).to_be_bytes());
    out
}

/// User key and revision of a key of `past`.
pub(crate) fn split_past_key(key: &[u8]) -> Result<(Vec<u8>, i64), StoreError> {
    let damaged = || StoreError::damaged("a key of the past family is malformed");
    let (escaped, revision) = key.split_at_checked(key.len().wrapping_sub(8)).ok_or_else(damaged)?;
    let escaped = escaped.strip_suffix(&[0, 1]).ok_or_else(damaged)?;
    let mut user_key = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(byte) = bytes.next() {
        user_key.push(*byte);
        if *byte == 0 && bytes.next() != Some(&0xff) {
            return Err(damaged());
        }
    }
    Ok((user_key, !number(revision, 0)))
}

/// Key of a lease itself.
pub(crate) fn lease_key(id: i64) -> Vec<u8> {
    [&b"L"[..], &id.to_be_bytes()].concat()
}

/// Prefix of the keys attached to a lease; a user key follows.
pub(crate) fn lease_attachment(id: i64, user_key: &[u8]) -> Vec<u8> {
    [&b"K"[..], &id.to_be_bytes(), user_key].concat()
}

/// The key that ends a scan over everything that begins with `prefix` (which has no 0xff at its end here).
pub(crate) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Big-endian number at `offset`; the caller has checked the length.
pub(crate) fn number(bytes: &[u8], offset: usize) -> i64 {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[offset..offset + 8]);
    i64::from_be_bytes(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn past_keys_round_trip(key in proptest::collection::vec(any::<u8>(), 0..20), revision in 1_i64..) {
            prop_assert_eq!(split_past_key(&past_key(&key, revision)).unwrap(), (key, revision));
        }

        #[test]
        fn past_keys_sort_by_user_key_then_newest_first(
            one in proptest::collection::vec(0_u8..3, 0..6), other in proptest::collection::vec(0_u8..3, 0..6),
            older in 1_i64..1000, newer in 1000_i64..,
        ) {
            let order = one.cmp(&other).then(std::cmp::Ordering::Greater);
            prop_assert_eq!(past_key(&one, older).cmp(&past_key(&other, newer)), order);
        }

        #[test]
        fn changes_round_trip(
            key in proptest::collection::vec(any::<u8>(), 0..20), superseded in 0_i64.., deleted: bool,
            record in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        ) {
            let kind = if deleted { EventKind::Delete } else { EventKind::Put };
            let change = Change { kind, superseded, key: key.into(), replaced: record.map(Bytes::from) };
            prop_assert_eq!(Change::decode(&change.encode()).unwrap(), change);
        }
    }

    #[test]
    fn a_cut_record_is_damage_and_not_a_panic() {
        assert!(Record::decode(Bytes::from_static(&[0, 1, 2])).is_err());
        assert!(Record::decode(tombstone(7)).unwrap().is_none());
    }
}
