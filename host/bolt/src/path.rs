//! The way from the root of a tree down to a place in a leaf.

use bytes::Bytes;

use crate::error::BoltError;
use crate::file::{Extent, Pages};
use crate::page::Page;

/// A tree of bbolt has two children or more on each branch, so that one of this depth has more leaves than a file can
/// hold that anybody has.
const DEPTH_MAX: usize = 32;

/// One page on the way.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) page: Page,
    /// The element that comes next.
    pub(crate) next: usize,
    /// All keys of the page are below this one.
    high: Option<Bytes>,
}

/// The pages from the root down.
#[derive(Debug, Default)]
pub(crate) struct Path {
    steps: Vec<Step>,
    extents: Vec<Extent>,
    seen: Option<Seen>,
}

impl Path {
    /// Takes a root that is a page of its own, to look for one key.
    pub(crate) fn root(pages: &Pages, id: u64) -> Result<Self, BoltError> {
        let mut path = Self::default();
        path.descend(pages, id, None)?;
        Ok(path)
    }

    /// Takes a root that is a page of its own, to go through the whole tree.
    pub(crate) fn whole(pages: &Pages, id: u64) -> Result<Self, BoltError> {
        let mut path = Self { seen: Some(Seen::new(pages)?), ..Self::default() };
        path.descend(pages, id, None)?;
        Ok(path)
    }

    /// Takes a root that lies inside of a leaf.
    pub(crate) fn inline(page: Page) -> Self {
        Self { steps: vec![Step { page, next: 0, high: None }], ..Self::default() }
    }

    pub(crate) fn last(&mut self) -> Option<&mut Step> {
        self.steps.last_mut()
    }

    pub(crate) fn pop(&mut self) {
        self.steps.pop();
        self.extents.pop();
    }

    /// Goes from the branch at the end to its child at `index`.
    pub(crate) fn push(&mut self, pages: &Pages, index: usize) -> Result<(), BoltError> {
        let Some(step) = self.steps.last() else { return Ok(()) };
        let low = step.page.key(index)?;
        let high = if index + 1 < step.page.count { Some(step.page.key(index + 1)?) } else { step.high.clone() };
        let child = step.page.element(index)?.child;
        self.descend(pages, child, Some((low, high)))
    }

    /// Adds a page, whose keys have to be in `range`. The root has none, and only a root may be an empty leaf.
    fn descend(&mut self, pages: &Pages, id: u64, range: Option<(Bytes, Option<Bytes>)>) -> Result<(), BoltError> {
        let damaged = |what| BoltError::damaged(id, what);
        if self.steps.len() >= DEPTH_MAX {
            return Err(damaged("the tree is too deep"));
        }
        let extent = pages.extent(id)?;
        if self.extents.iter().any(|above| above.overlaps(&extent)) {
            return Err(damaged("it lies below itself"));
        }
        if self.seen.as_mut().is_some_and(|seen| !seen.add(extent)) {
            return Err(damaged("it is referred to twice"));
        }
        let page = pages.read(extent)?;
        if page.count == 0 && (range.is_some() || !page.leaf) {
            return Err(damaged("it is empty"));
        }
        let high = match range {
            None => None,
            Some((low, high)) => {
                let last = page.key(page.count - 1)?;
                if page.key(0)? < low || high.as_ref().is_some_and(|high| last >= *high) {
                    return Err(damaged("its keys are not those that the page above it says"));
                }
                high
            }
        };
        self.extents.push(extent);
        self.steps.push(Step { page, next: 0, high });
        Ok(())
    }
}

/// One bit for each page that was read. Pages whose overflow lies in each other could otherwise make a small file take
/// for ever.
#[derive(Debug)]
struct Seen(Vec<u64>);

impl Seen {
    fn new(pages: &Pages) -> Result<Self, BoltError> {
        let words = usize::try_from(pages.count().div_ceil(64))
            .map_err(|_| BoltError::damaged(0, "it has more pages than this machine has memory"))?;
        Ok(Self(vec![0; words]))
    }

    /// Whether all pages of `extent` are new.
    fn add(&mut self, extent: Extent) -> bool {
        (extent.id..extent.id + extent.pages).all(|page| {
            let (bit, word) = (1 << (page % 64), usize::try_from(page / 64).ok().and_then(|at| self.0.get_mut(at)));
            word.is_some_and(|word| {
                let new = *word & bit == 0;
                *word |= bit;
                new
            })
        })
    }
}
