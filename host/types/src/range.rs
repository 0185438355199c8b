//! Which keys a request means, and in which order it wants them.

use bytes::Bytes;

/// Where a [`KeyRange`] stops.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RangeEnd {
    /// Only the start key itself (the wire's empty `range_end`).
    Single,
    /// Before this key.
    Before(Bytes),
    /// Nowhere: every key from the start on (the wire's `range_end` of one zero byte).
    Unbounded,
}

/// A half-open interval of keys, with etcd's conventions for the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// First key of the range.
    pub start: Bytes,
    /// Where it stops.
    pub end: RangeEnd,
}

impl KeyRange {
    /// Reads the wire's pair of `key` and `range_end`.
    #[must_use]
    pub fn from_wire(key: Bytes, range_end: Bytes) -> Self {
        let end = match range_end.as_ref() {
            [] => RangeEnd::Single,
            [0] => RangeEnd::Unbounded,
            _ => RangeEnd::Before(range_end),
        };
        Self { start: key, end }
    }

    /// The `range_end` that [`KeyRange::from_wire`] reads back.
    #[must_use]
    pub fn wire_end(&self) -> Bytes {
        match &self.end {
            RangeEnd::Single => Bytes::new(),
            RangeEnd::Unbounded => Bytes::from_static(&[0]),
            RangeEnd::Before(end) => end.clone(),
        }
    }

    /// One key.
    #[must_use]
    pub fn single(key: impl Into<Bytes>) -> Self {
        Self { start: key.into(), end: RangeEnd::Single }
    }

    /// Every key that begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        let end = successor_of_prefix(prefix).map_or(RangeEnd::Unbounded, RangeEnd::Before);
        Self { start: Bytes::copy_from_slice(prefix), end }
    }

    /// Whether `key` lies within.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.end {
            RangeEnd::Single => self.start == key,
            RangeEnd::Before(end) => self.start <= key && key < end.as_ref(),
            RangeEnd::Unbounded => self.start <= key,
        }
    }

    /// Whether some key could lie in both ranges.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.begins_before_end_of(other) && other.begins_before_end_of(self)
    }

    /// Whether every key of the other range lies in this one.
    #[must_use]
    pub fn contains_range(&self, other: &Self) -> bool {
        let ends_no_later = match (&self.end, &other.end) {
            (RangeEnd::Unbounded, _) => true,
            (RangeEnd::Before(end), RangeEnd::Before(other)) => other <= end,
            (RangeEnd::Before(end), RangeEnd::Single) => other.start < end,
            (RangeEnd::Single, RangeEnd::Single) => true,
            (RangeEnd::Before(_) | RangeEnd::Single, _) => false,
        };
        self.contains(&other.start) && ends_no_later
    }

    fn begins_before_end_of(&self, other: &Self) -> bool {
        match &other.end {
            RangeEnd::Single => self.start <= other.start,
            RangeEnd::Before(end) => self.start < end && other.start < end,
            RangeEnd::Unbounded => true,
        }
    }

    /// What of the range lies behind one of its keys.
    #[must_use]
    pub fn behind(&self, key: &[u8]) -> Self {
        match &self.end {
            // A range of one key has nothing behind it.
            RangeEnd::Single => Self { start: self.start.clone(), end: RangeEnd::Before(Bytes::new()) },
            end => Self { start: [key, &[0]].concat().into(), end: end.clone() },
        }
    }

    /// Whether this names exactly one key.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.end == RangeEnd::Single
    }
}

/// The first key after every key that begins with `prefix`; `None` when there is none (all bytes 0xff).
fn successor_of_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

/// Direction of a sorted range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// As stored: by key, ascending.
    #[default]
    None,
    /// Smallest first.
    Ascend,
    /// Largest first.
    Descend,
}

/// What a sorted range is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortTarget {
    /// The key.
    #[default]
    Key,
    /// Number of writes since the key was created.
    Version,
    /// Revision of creation.
    Create,
    /// Revision of the last write.
    Mod,
    /// The value, in plain text.
    Value,
}

/// A range read, with every option of etcd's `RangeRequest`. Zero means "not asked for".
#[derive(Clone, Debug)]
pub struct RangeQuery {
    /// Which keys.
    pub range: KeyRange,
    /// Most keys to return.
    pub limit: i64,
    /// Revision to read at; zero or less for the newest.
    pub revision: i64,
    /// Direction.
    pub sort_order: SortOrder,
    /// What to sort by.
    pub sort_target: SortTarget,
    /// May be answered from local state without asking the leader.
    pub serializable: bool,
    /// Leave the values out.
    pub keys_only: bool,
    /// Only count.
    pub count_only: bool,
    /// Lower bound on the revision of the last write.
    pub min_mod_revision: i64,
    /// Upper bound on the revision of the last write.
    pub max_mod_revision: i64,
    /// Lower bound on the revision of creation.
    pub min_create_revision: i64,
    /// Upper bound on the revision of creation.
    pub max_create_revision: i64,
}

impl RangeQuery {
    /// Every key of `range` at the newest revision.
    #[must_use]
    pub fn all(range: KeyRange) -> Self {
        Self {
            range,
            limit: 0,
            revision: 0,
            sort_order: SortOrder::None,
            sort_target: SortTarget::Key,
            serializable: false,
            keys_only: false,
            count_only: false,
            min_mod_revision: 0,
            max_mod_revision: 0,
            min_create_revision: 0,
            max_create_revision: 0,
        }
    }

    /// How many keys to fetch from the store, or `None` for all of them.
    ///
    /// As in etcd: a sorted or filtered range is fetched whole and cut afterwards; otherwise one key more
    /// than the limit is fetched, to learn whether there are more.
    #[must_use]
    pub fn fetch_limit(&self) -> Option<usize> {
        if self.limit <= 0 || !self.is_as_stored() || self.has_revision_bounds() {
            return None;
        }
        usize::try_from(self.limit).ok().map(|limit| limit.saturating_add(1))
    }

    /// Whether etcd counts the order that is asked for as the one in which keys are stored.
    #[must_use]
    pub fn is_as_stored(&self) -> bool {
        self.sort_order == SortOrder::None
            || (self.sort_target, self.sort_order) == (SortTarget::Key, SortOrder::Ascend)
    }

    /// Whether keys are left out by their revisions.
    #[must_use]
    pub fn has_revision_bounds(&self) -> bool {
        let bounds = [self.min_mod_revision, self.max_mod_revision, self.min_create_revision, self.max_create_revision];
        bounds.iter().any(|bound| *bound != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &'static str, end: &'static str) -> KeyRange {
        KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()))
    }

    #[test]
    fn the_wire_pair_survives_a_round_trip() {
        for end in ["", "\0", "b"] {
            assert_eq!(range("a", end).wire_end(), end);
        }
    }

    #[test]
    fn prefix_of_all_ones_has_no_end() {
        assert_eq!(KeyRange::prefix(&[0xff, 0xff]).end, RangeEnd::Unbounded);
        assert_eq!(KeyRange::prefix(&[b'a', 0xff]).end, RangeEnd::Before(Bytes::from_static(b"b")));
    }

    #[test]
    fn overlap_is_symmetric_and_respects_the_open_end() {
        let cases = [
            (range("a", "c"), range("c", ""), false),
            (range("a", "c"), range("b", ""), true),
            (range("a", "\0"), range("z", ""), true),
            (range("b", ""), range("b", ""), true),
            (range("b", ""), range("c", ""), false),
            (range("c", "b"), range("a", "z"), false),
            (range("a", "c"), range("b", "d"), true),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.overlaps(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), expected, "{other:?} {one:?}");
        }
    }
}
