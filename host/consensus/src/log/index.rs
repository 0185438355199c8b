//! Where each durable entry lies: per segment one compact vector, 8 bytes an entry.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::Slot;
use super::segment::Segment;

struct Held {
    segment: Arc<Segment>,
    /// Index of the entry in `slots[0]`.
    first: u64,
    slots: Vec<Slot>,
}

/// All segments in order, the last one being written.
#[derive(Default)]
pub(super) struct Index {
    held: VecDeque<Held>,
}

impl Index {
    pub(super) fn add_segment(&mut self, segment: Arc<Segment>) {
        self.held.push_back(Held { segment, first: 0, slots: Vec::new() });
    }

    /// `slot` lies in the newest segment.
    pub(super) fn push(&mut self, index: u64, slot: Slot) {
        let newest = self.held.back_mut().expect("a log has at least one segment");
        if newest.slots.is_empty() {
            newest.first = index;
        }
        assert_eq!(newest.first + newest.slots.len() as u64, index, "a segment's live entries have no holes");
        newest.slots.push(slot);
    }

    pub(super) fn truncate_after(&mut self, keep: Option<u64>) {
        for held in &mut self.held {
            let kept = keep.and_then(|keep| keep.saturating_add(1).checked_sub(held.first)).unwrap_or(0);
            held.slots.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        }
    }

    /// Forgets the entries of segments that hold nothing behind `index`.
    pub(super) fn purge(&mut self, index: u64) {
        for held in &mut self.held {
            if held.first + held.slots.len() as u64 <= index.saturating_add(1) {
                held.slots.clear();
            }
        }
    }

    /// Takes out the leading segments without entries, except the newest. Their files may go once a purge point is
    /// durable.
    pub(super) fn retire(&mut self) -> Vec<Arc<Segment>> {
        let newest = self.held.len().saturating_sub(1);
        let retired = self.held.iter().take(newest).take_while(|held| held.slots.is_empty()).count();
        self.held.drain(..retired).map(|held| held.segment).collect()
    }

    pub(super) fn locate(&self, index: u64) -> Option<(&Arc<Segment>, Slot)> {
        self.held.iter().rev().find_map(|held| {
            let at = usize::try_from(index.checked_sub(held.first)?).ok()?;
            held.slots.get(at).map(|slot| (&held.segment, *slot))
        })
    }
}
