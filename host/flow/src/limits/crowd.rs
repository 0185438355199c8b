//! How many of something are under way at a time, and how many of each one's: connections, streaming calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Those that are under way.
pub struct Crowd {
    total_max: Option<usize>,
    each_max: Option<usize>,
    present: Mutex<HashMap<String, usize>>,
}

/// One of them, as long as this is held.
pub struct Presence {
    crowd: Arc<Crowd>,
    name: String,
}

/// Why one is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// There are so many already.
    #[error("there are {0} already, which is as many as there may be")]
    All(usize),
    /// Whoever this is has so many already.
    #[error("whoever this is has {0} already, which is as many as one may have")]
    OfOne(usize),
}

impl Crowd {
    /// With the most that there may be, and the most of each one's; `None` for any number.
    #[must_use]
    pub fn new(total_max: Option<usize>, each_max: Option<usize>) -> Arc<Self> {
        Arc::new(Self { total_max, each_max, present: Mutex::default() })
    }

    /// Lets somebody in who is counted under this name, unless that would be too many. Where any number may be, nobody is counted.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn enter(self: &Arc<Self>, name: String) -> Result<Option<Presence>, TooMany> {
        if self.total_max.is_none() && self.each_max.is_none() {
            return Ok(None);
        }
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(max) = self.total_max.filter(|max| present.values().sum::<usize>() >= *max) {
            return Err(TooMany::All(max));
        }
        let own = present.entry(name.clone()).or_default();
        if let Some(max) = self.each_max.filter(|max| *own >= *max) {
            return Err(TooMany::OfOne(max));
        }
        *own += 1;
        Ok(Some(Presence { crowd: Arc::clone(self), name }))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut present = self.crowd.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = present.get_mut(&self.name) {
            *own -= 1;
            if *own == 0 {
                present.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_room() {
        let (one, other) = (|| "one".to_owned(), || "other".to_owned());
        let crowd = Crowd::new(Some(3), Some(2));
        let first = crowd.enter(one()).unwrap();
        let second = crowd.enter(one()).unwrap();
        assert_eq!(crowd.enter(one()).err(), Some(TooMany::OfOne(2)));
        let third = crowd.enter(other()).unwrap();
        assert_eq!(crowd.enter(other()).err(), Some(TooMany::All(3)));
        drop(second);
        assert!(crowd.enter(one()).is_ok());
        drop((first, third));
        assert!(crowd.present.lock().unwrap().is_empty());
        assert!(Crowd::new(None, None).enter(one()).unwrap().is_none());
    }
}
