//! Linearizability of each key by itself: the search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the
//! memory of Lowe ("Testing for linearizability", 2017).
//!
//! Keys are independent objects, so a history is linearizable only if that of each key is (Herlihy and Wing, 1990). Believes no revision,
//! so that it finds what the replay cannot: a server whose revisions agree with each other and not with its values.

use std::collections::{HashMap, HashSet};

use super::{
    call::{Call, Moment},
    projection::{Act, Local, project},
};

/// Most steps of the search for one key. A sound history of a few hundred calls takes some thousands. A search that runs out of it has
/// shown nothing, so that counts as a failure.
const STEPS_MAX: usize = 5_000_000;

/// What the search came to.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    pub(crate) complaints: Vec<String>,
    /// Keys whose history was searched.
    pub(crate) keys: usize,
    /// Calls on them.
    pub(crate) calls: usize,
}

/// Searches the history of each key. Those that nobody had written are not there at the start.
pub(crate) fn search<'a>(keys: impl IntoIterator<Item = &'a str>, calls: &[Call]) -> Searched {
    let mut searched = Searched::default();
    for key in keys {
        let mut locals: Vec<_> = calls.iter().filter_map(|call| project(call, key)).collect();
        forget_unseen(&mut locals);
        searched.keys += 1;
        searched.calls += locals.len();
        match Search::new(&locals).run(STEPS_MAX) {
            Found::Order => {}
            Found::None => searched
                .complaints
                .push(format!("no order of the {} calls on {key} explains what they saw", locals.len())),
            Found::TooMuch => searched.complaints.push(format!("the search for {key} is too long: nothing is shown")),
        }
    }
    searched
}

/// Leaves out the writes without an answer whose value nobody saw. They explain nothing that was seen: whoever finds another value than
/// expected is told which. Each of them would double the search.
fn forget_unseen(locals: &mut Vec<Local<&str>>) {
    let seen: HashSet<String> = locals
        .iter()
        .filter(|local| local.answered.is_some())
        .flat_map(|local| &local.acts)
        .filter_map(|act| if let Act::Is(Some(value)) = act { Some((*value).to_owned()) } else { None })
        .collect();
    locals.retain(|local| {
        let last = local.acts.iter().rev().find_map(|act| if let Act::Set(value) = act { Some(*value) } else { None });
        local.answered.is_some() || last.flatten().is_none_or(|value| seen.contains(value))
    });
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Order,
    None,
    TooMuch,
}

/// A value as a number; 0 is "not there".
type Word = u32;

/// The beginning or the end of a call, in a doubly linked list in order of time.
struct Entry {
    call: usize,
    is_end: bool,
    before: usize,
    after: usize,
    /// Of a beginning, its end.
    end: usize,
}

struct Search {
    /// `entries[0]` is the head of the list.
    entries: Vec<Entry>,
    acts: Vec<(Vec<Act<Word>>, bool)>,
}

impl Search {
    fn new(locals: &[Local<&str>]) -> Self {
        let mut words: HashMap<String, Word> = HashMap::new();
        let mut word = |value: &Option<&str>| {
            value.map_or(0, |value| {
                let next = Word::try_from(words.len() + 1).expect("a history is short");
                *words.entry(value.to_owned()).or_insert(next)
            })
        };
        let mut acts = Vec::with_capacity(locals.len());
        for local in locals {
            let translated = local.acts.iter().map(|act| match act {
                Act::Is(value) => Act::Is(Some(word(value))),
                Act::IsNot(value) => Act::IsNot(Some(word(value))),
                Act::Set(value) => Act::Set(Some(word(value))),
            });
            acts.push((translated.collect(), local.answered.is_none()));
        }
        Self { entries: link(locals), acts }
    }

    /// What a call makes of a value, if it can have met it. One without an answer can always come to nothing.
    fn step(&self, call: usize, value: Word) -> Option<Word> {
        let (acts, unknown) = &self.acts[call];
        let mut now = value;
        for act in acts {
            match act {
                Act::Is(expected) if Some(now) != *expected => return unknown.then_some(value),
                Act::IsNot(other) if Some(now) == *other => return unknown.then_some(value),
                Act::Set(new) => now = new.unwrap_or(0),
                Act::Is(_) | Act::IsNot(_) => {}
            }
        }
        Some(now)
    }

    fn run(mut self, steps_max: usize) -> Found {
        let (mut value, mut done) = (0, vec![0_u64; self.acts.len().div_ceil(64)]);
        let mut chosen: Vec<(usize, Word)> = Vec::new();
        let mut seen: HashSet<(Vec<u64>, Word)> = HashSet::new();
        let (mut at, mut steps) = (self.entries[0].after, 0);
        while self.entries[0].after != 0 {
            steps += 1;
            if steps > steps_max {
                return Found::TooMuch;
            }
            // The list ends with an end as long as it holds anything, so `at` is an entry here.
            let call = self.entries[at].call;
            if !self.entries[at].is_end {
                if let Some(next) = self.step(call, value) {
                    flip(&mut done, call);
                    if seen.insert((done.clone(), next)) {
                        chosen.push((at, value));
                        value = next;
                        self.lift(at);
                        at = self.entries[0].after;
                        continue;
                    }
                    flip(&mut done, call);
                }
                at = self.entries[at].after;
            } else {
                let Some((last, before)) = chosen.pop() else { return Found::None };
                value = before;
                flip(&mut done, self.entries[last].call);
                self.unlift(last);
                at = self.entries[last].after;
            }
        }
        Found::Order
    }

    /// Takes a call out of the list.
    fn lift(&mut self, begin: usize) {
        for at in [begin, self.entries[begin].end] {
            let (before, after) = (self.entries[at].before, self.entries[at].after);
            self.entries[before].after = after;
            self.entries[after].before = before;
        }
    }

    /// Puts it back, the other way round.
    fn unlift(&mut self, begin: usize) {
        for at in [self.entries[begin].end, begin] {
            let (before, after) = (self.entries[at].before, self.entries[at].after);
            self.entries[before].after = at;
            self.entries[after].before = at;
        }
    }
}

fn flip(set: &mut [u64], bit: usize) {
    set[bit / 64] ^= 1 << (bit % 64);
}

/// Beginnings and ends in order of time; at one moment beginnings come first, so that calls which touch may overlap.
fn link(locals: &[Local<&str>]) -> Vec<Entry> {
    let mut order: Vec<(Moment, bool, usize)> = Vec::with_capacity(locals.len() * 2);
    for (call, local) in locals.iter().enumerate() {
        order.push((local.asked, false, call));
        order.push((local.answered.unwrap_or(Moment::MAX), true, call));
    }
    order.sort_unstable();
    let mut entries = vec![Entry { call: 0, is_end: true, before: 0, after: 0, end: 0 }];
    let mut begins = vec![0; locals.len()];
    for (_, is_end, call) in order {
        let at = entries.len();
        entries.push(Entry { call, is_end, before: at - 1, after: 0, end: 0 });
        entries[at - 1].after = at;
        if is_end {
            entries[begins[call]].end = at;
        } else {
            begins[call] = at;
        }
    }
    let last = entries.len() - 1;
    entries[0].before = last;
    entries
}

#[cfg(test)]
#[path = "linear_tests.rs"]
mod tests;
