//! Finding what lies in the state with which data key, and what does not lie there as it should.

use std::ops::ControlFlow;

use bytes::Bytes;
use seal::Sealed;
use types::KeyRange;

use crate::{
    StoreError,
    family::Family,
    kept,
    layout::{Change, Record, event_revision, split_past_key},
    range::{bounds, past_bounds},
    read::{self, Read},
};

/// Where a value lies in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The user key.
    pub key: Bytes,
    /// The revision at which it was written.
    pub revision: i64,
    /// The sub-revision, of a value that a later change of the same write replaced.
    pub replaced_at: Option<u32>,
}

/// A walk over every value under a prefix: live ones, then superseded ones, then those that only events hold.
#[derive(Clone, Debug)]
pub struct Walk {
    range: KeyRange,
    family: Family,
    /// Where to go on in the family; empty for its beginning.
    from: Vec<u8>,
}

/// How far one step of a walk goes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Most values to give.
    pub values: usize,
    /// Bytes of values after which it ends.
    pub bytes: usize,
    /// Most entries to look at.
    pub entries: usize,
}

/// What a step of a walk gives.
pub struct Walked {
    /// Values that were wanted.
    pub found: Vec<(Place, Sealed)>,
    /// How to go on; `None` when everything was looked at.
    pub next: Option<Walk>,
}

impl Walk {
    /// From the beginning.
    #[must_use]
    pub fn over(prefix: &[u8]) -> Self {
        Self { range: KeyRange::prefix(prefix), family: Family::Live, from: Vec::new() }
    }

    /// Over the live values of a range only, in its first steps.
    #[must_use]
    pub fn live(range: KeyRange) -> Self {
        Self { range, family: Family::Live, from: Vec::new() }
    }

    /// Whether its next step looks at values that were superseded.
    #[must_use]
    pub fn is_in_past(&self) -> bool {
        self.family != Family::Live
    }

    fn next_family(self) -> Option<Self> {
        let family = match self.family {
            Family::Live => Family::Past,
            Family::Past => Family::Events,
            _ => return None,
        };
        Some(Self { family, from: Vec::new(), ..self })
    }

    /// Bounds of what is left of its family.
    fn bounds(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let (start, end) = match self.family {
            Family::Live if self.range.is_single() => {
                (self.range.start.to_vec(), Some([&self.range.start, &b"\0"[..]].concat()))
            }
            Family::Live => bounds(&self.range).map(|(from, to)| (from.to_vec(), to.map(<[u8]>::to_vec)))?,
            Family::Past => past_bounds(&self.range)?,
            _ => (Vec::new(), None),
        };
        Some((start.max(self.from.clone()), end))
    }

    /// Whether a compaction leaves it.
    fn stays(&self, read: &dyn Read, compacted: i64, place: &Place) -> Result<bool, StoreError> {
        match self.family {
            Family::Live => Ok(true),
            Family::Past => kept::keeps_record(read, compacted, &place.key, place.revision),
            _ => Ok(kept::keeps_events(compacted, place.revision)),
        }
    }

    /// The value of an entry, if it holds one of the range.
    fn value(&self, at: &[u8], entry: &[u8]) -> Result<Option<(Place, Sealed)>, StoreError> {
        let record = |bytes: Bytes, key: Bytes, replaced_at| {
            let placed = |record: Record| (Place { key, revision: record.mod_revision, replaced_at }, record.value);
            Ok(Record::decode(bytes)?.map(placed))
        };
        match self.family {
            Family::Live => record(Bytes::copy_from_slice(entry), Bytes::copy_from_slice(at), None),
            Family::Past => record(Bytes::copy_from_slice(entry), split_past_key(at)?.0.into(), None),
            _ => {
                let change = Change::decode(entry)?;
                let replaced = change.replaced.filter(|record| !record.is_empty() && self.range.contains(&change.key));
                match replaced {
                    Some(bytes) => record(bytes, change.key, Some(event_revision(at)?.1)),
                    None => Ok(None),
                }
            }
        }
    }
}

/// Takes a step of a walk, past what a compaction is about to remove; `wants` says which values are to be given.
pub(crate) fn walk(
    read: &dyn Read,
    walk: Walk,
    step: Step,
    wants: &dyn Fn(&[u8], &Sealed) -> bool,
) -> Result<Walked, StoreError> {
    let (mut found, mut bytes, mut entries, mut stopped) = (Vec::new(), 0, 0, None);
    let compacted = read::compacted(read)?;
    if let Some((from, to)) = walk.bounds() {
        read.scan(walk.family, &from, to.as_deref(), &mut |at, entry| {
            if found.len() >= step.values || bytes >= step.bytes || entries >= step.entries {
                stopped = Some(at.to_vec());
                return Ok(ControlFlow::Break(()));
            }
            entries += 1;
            if let Some((place, value)) = walk.value(at, entry)?
                && walk.stays(read, compacted, &place)?
                && wants(&place.key, &value)
            {
                bytes += place.key.len() + value.bytes().len();
                found.push((place, value));
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let next = match stopped {
        Some(from) => Some(Walk { from, ..walk }),
        None => walk.next_family(),
    };
    Ok(Walked { found, next })
}
