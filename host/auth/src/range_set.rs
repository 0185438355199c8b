//! Sets of keys made of ranges, for permissions.

use bytes::Bytes;
use types::{KeyRange, RangeEnd};

/// A union of key ranges: sorted, disjoint, with a gap between any two. One search answers for a key or a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet(Vec<Interval>);

/// From `start` up to but not including `end`; `None` has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interval {
    start: Bytes,
    end: Option<Bytes>,
}

impl RangeSet {
    /// Whether every key of `range` is in the set. Of a range that ends before it starts both ends must be.
    #[must_use]
    pub fn covers(&self, range: &KeyRange) -> bool {
        let after = self.0.partition_point(|interval| interval.start <= range.start);
        let Some(interval) = after.checked_sub(1).map(|at| &self.0[at]) else { return false };
        let Some(end) = &interval.end else { return true };
        let starts_within = range.start < *end;
        starts_within
            && match &range.end {
                RangeEnd::Single => true,
                RangeEnd::Before(until) => until <= end,
                RangeEnd::Unbounded => false,
            }
    }
}

impl FromIterator<KeyRange> for RangeSet {
    fn from_iter<I: IntoIterator<Item = KeyRange>>(ranges: I) -> Self {
        let mut intervals: Vec<Interval> = ranges.into_iter().filter_map(interval).collect();
        intervals.sort_unstable_by(|one, other| one.start.cmp(&other.start));
        let mut merged: Vec<Interval> = Vec::with_capacity(intervals.len());
        for next in intervals {
            match merged.last_mut() {
                Some(last) if touches(last, &next) => extend(last, next),
                _ => merged.push(next),
            }
        }
        merged.shrink_to_fit();
        Self(merged)
    }
}

fn interval(range: KeyRange) -> Option<Interval> {
    let end = match range.end {
        RangeEnd::Single => Some([range.start.as_ref(), &[0]].concat().into()),
        RangeEnd::Before(end) => Some(end),
        RangeEnd::Unbounded => None,
    };
    let holds_keys = end.as_ref().is_none_or(|end| range.start < *end);
    holds_keys.then_some(Interval { start: range.start, end })
}

/// Whether `next`, which does not start before `last`, starts within it or where it ends.
fn touches(last: &Interval, next: &Interval) -> bool {
    last.end.as_ref().is_none_or(|end| next.start <= *end)
}

fn extend(last: &mut Interval, next: Interval) {
    last.end = match (last.end.take(), next.end) {
        (Some(one), Some(other)) => Some(one.max(other)),
        _ => None,
    };
}

#[cfg(test)]
#[path = "range_set_tests.rs"]
mod tests;
