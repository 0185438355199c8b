//! Which watches of a stream want a key, without asking each of them.
//!
//! Watches of one key are found by hash; ranges lie in a tree in which every node knows the furthest end below it. So an
//! event costs the logarithm of the number of ranges and what it matches, however many watches the stream has.

use std::{collections::HashMap, ops::ControlFlow};

use bytes::Bytes;
use types::{KeyRange, RangeEnd};

/// Ranges that are looked through one by one before the tree is built anew: few enough to cost less than a rebuild.
const FRESH_MAX: usize = 64;

/// What is done with the number of each range that is found.
pub(crate) type Visit<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Every range by the number it was added under.
#[derive(Default)]
pub(crate) struct Interests {
    singles: HashMap<Bytes, Vec<u64>>,
    ranges: HashMap<u64, KeyRange>,
    /// Sorted by start; the middle of each slice is the root of the tree that the slice is.
    tree: Vec<Node>,
    /// Ranges that are not in the tree yet.
    fresh: Vec<u64>,
    /// Nodes of the tree whose range was removed.
    stale: usize,
}

struct Node {
    start: Bytes,
    end: End,
    /// The furthest end in the slice of which this is the root.
    furthest: End,
    number: u64,
}

/// Where a range ends; the derived order puts an end before none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Before(Bytes),
    Nowhere,
}

impl End {
    fn is_after(&self, key: &[u8]) -> bool {
        match self {
            Self::Before(end) => key < end.as_ref(),
            Self::Nowhere => true,
        }
    }
}

impl Interests {
    /// Adds a range under a number that was never used before.
    pub(crate) fn add(&mut self, number: u64, range: &KeyRange) {
        if range.is_single() {
            self.singles.entry(range.start.clone()).or_default().push(number);
        } else {
            self.ranges.insert(number, range.clone());
            self.fresh.push(number);
        }
    }

    pub(crate) fn remove(&mut self, number: u64, range: &KeyRange) {
        if self.ranges.remove(&number).is_some() {
            self.stale += 1;
        } else if let Some(numbers) = self.singles.get_mut(&range.start) {
            numbers.retain(|one| *one != number);
            if numbers.is_empty() {
                self.singles.remove(&range.start);
            }
        }
    }

    /// Makes ready for [`Interests::visit`].
    pub(crate) fn settle(&mut self) {
        if self.fresh.len() <= FRESH_MAX && self.stale * 2 <= self.tree.len() + self.fresh.len() {
            return;
        }
        self.fresh.clear();
        self.stale = 0;
        self.tree = self.ranges.iter().map(|(number, range)| Node::new(*number, range)).collect();
        self.tree.sort_unstable_by(|one, other| one.start.cmp(&other.start));
        set_furthest(&mut self.tree);
    }

    /// Calls `visit` with the number of every range that `key` lies in, until it breaks.
    pub(crate) fn visit(&self, key: &[u8], visit: &mut Visit<'_>) {
        // Whether the visitor has seen enough is all that comes back, and nobody asks for it.
        let _ = self.visit_all(key, visit);
    }

    fn visit_all(&self, key: &[u8], visit: &mut Visit<'_>) -> ControlFlow<()> {
        self.singles.get(key).into_iter().flatten().try_for_each(|number| visit(*number))?;
        stab(&self.tree, key, &mut |number| match self.ranges.contains_key(&number) {
            true => visit(number),
            false => ControlFlow::Continue(()),
        })?;
        let contains = |number: &&u64| self.ranges.get(number).is_some_and(|range| range.contains(key));
        self.fresh.iter().filter(contains).try_for_each(|number| visit(*number))
    }
}

impl Node {
    fn new(number: u64, range: &KeyRange) -> Self {
        let end = match &range.end {
            RangeEnd::Before(end) => End::Before(end.clone()),
            RangeEnd::Unbounded | RangeEnd::Single => End::Nowhere,
        };
        Self { start: range.start.clone(), furthest: end.clone(), end, number }
    }
}

fn set_furthest(nodes: &mut [Node]) -> Option<End> {
    let middle = nodes.len() / 2;
    let (left, rest) = nodes.split_at_mut(middle);
    let (root, right) = rest.split_first_mut()?;
    let below = set_furthest(left).max(set_furthest(right));
    root.furthest = below.map_or(root.end.clone(), |below| below.max(root.end.clone()));
    Some(root.furthest.clone())
}

fn stab(nodes: &[Node], key: &[u8], visit: &mut Visit<'_>) -> ControlFlow<()> {
    let (left, rest) = nodes.split_at(nodes.len() / 2);
    let Some((root, right)) = rest.split_first() else { return ControlFlow::Continue(()) };
    if !root.furthest.is_after(key) {
        return ControlFlow::Continue(());
    }
    stab(left, key, visit)?;
    if root.start.as_ref() > key {
        return ControlFlow::Continue(());
    }
    if root.end.is_after(key) {
        visit(root.number)?;
    }
    stab(right, key, visit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_range_with_the_key_is_found_once(
            ranges in proptest::collection::vec(("[a-d]{1,2}", prop_oneof!["", "\0", "[a-e]{1,2}"], any::<bool>()), 0..200),
            keys in proptest::collection::vec("[a-e]{1,3}", 1..8),
        ) {
            let mut interests = Interests::default();
            let mut kept = Vec::new();
            for (number, (start, end, remove)) in (0_u64..).zip(ranges) {
                let range = KeyRange::from_wire(start.into(), end.into());
                interests.add(number, &range);
                if number % 50 == 0 {
                    interests.settle();
                }
                if remove {
                    interests.remove(number, &range);
                } else {
                    kept.push((number, range));
                }
            }
            interests.settle();
            for key in keys {
                let mut found = Vec::new();
                interests.visit(key.as_bytes(), &mut |number| {
                    found.push(number);
                    ControlFlow::Continue(())
                });
                found.sort_unstable();
                let expected: Vec<u64> =
                    kept.iter().filter(|(_, range)| range.contains(key.as_bytes())).map(|(number, _)| *number).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
