//! Range reads at an older revision: what was superseded since, merged with what is still the newest.
//!
//! The merge goes block by block along the keys, so that its memory does not grow with the range. Of a block only keys and
//! revisions are held; a value is read when it is asked for.

use std::{collections::BTreeMap, ops::ControlFlow};

use bytes::Bytes;
use types::{KeyRange, RangeEnd};

use crate::{
    StoreError,
    family::Family,
    index,
    layout::{Record, past_prefix, split_past_key},
    read::Read,
};

/// Most keys of each family that one block looks at.
const BLOCK_KEYS_MAX: usize = 1000;

/// For every key of the range that was there at `revision`, in order: the key, and the revision of its last write until then.
pub(crate) fn for_each_at(
    read: &dyn Read,
    range: &KeyRange,
    revision: i64,
    visit: &mut dyn FnMut(Bytes, i64) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut rest = Some(Bounds::of(range));
    while let Some(bounds) = rest.take() {
        let mut block = Block::default();
        block.read_live(read, &bounds, revision)?;
        block.read_past(read, &bounds, revision)?;
        rest = block.last.as_ref().map(|last| Bounds { from: successor(last), to: bounds.to });
        for (key, written) in block.into_found() {
            if visit(key, written)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Bounds {
    from: Vec<u8>,
    /// `None` for no end.
    to: Option<Vec<u8>>,
}

impl Bounds {
    fn of(range: &KeyRange) -> Self {
        let to = match &range.end {
            RangeEnd::Single => Some(successor(&range.start)),
            RangeEnd::Before(end) => Some(end.to_vec()),
            RangeEnd::Unbounded => None,
        };
        Self { from: range.start.to_vec(), to }
    }
}

/// The least key after `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The keys from one place on, as far as both families were looked at.
#[derive(Default)]
struct Block {
    found: BTreeMap<Bytes, i64>,
    /// The last key that was looked at, when there may be more.
    last: Option<Bytes>,
}

impl Block {
    fn read_live(&mut self, read: &dyn Read, bounds: &Bounds, revision: i64) -> Result<(), StoreError> {
        let mut seen = 0_usize;
        read.scan(Family::Index, &bounds.from, bounds.to.as_deref(), &mut |key, value| {
            let written = index::revision(value)?;
            if written <= revision {
                self.found.insert(Bytes::copy_from_slice(key), written);
            }
            seen += 1;
            Ok(if seen < BLOCK_KEYS_MAX { ControlFlow::Continue(()) } else { self.end_at(key) })
        })
    }

    /// Entries of a key come newest first: the first at or before the revision decides.
    fn read_past(&mut self, read: &dyn Read, bounds: &Bounds, revision: i64) -> Result<(), StoreError> {
        let (from, to) = (past_prefix(&bounds.from), bounds.to.as_deref().map(past_prefix));
        let mut decided: Option<Vec<u8>> = None;
        let mut seen = 0_usize;
        read.scan(Family::Past, &from, to.as_deref(), &mut |key, value| {
            let (user_key, at) = split_past_key(key)?;
            if self.last.as_ref().is_some_and(|last| user_key > *last) {
                return Ok(ControlFlow::Break(()));
            }
            if at > revision || decided.as_ref() == Some(&user_key) {
                return Ok(ControlFlow::Continue(()));
            }
            if !Record::is_tombstone(value) {
                // A live record at or before the revision is newer than anything of the past.
                self.found.entry(Bytes::copy_from_slice(&user_key)).or_insert(at);
            }
            seen += 1;
            let flow = if seen < BLOCK_KEYS_MAX { ControlFlow::Continue(()) } else { self.end_at(&user_key) };
            decided = Some(user_key);
            Ok(flow)
        })
    }

    fn end_at(&mut self, key: &[u8]) -> ControlFlow<()> {
        self.last = Some(Bytes::copy_from_slice(key));
        ControlFlow::Break(())
    }

    fn into_found(self) -> impl Iterator<Item = (Bytes, i64)> {
        let last = self.last;
        self.found.into_iter().take_while(move |(key, _)| last.as_ref().is_none_or(|last| key <= last))
    }
}
