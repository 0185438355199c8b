//! Checkers: what clients asked and were told, held against what a correct server could have done.
//!
//! Pure code: no server, no clock. Each checker has tests in which it must find what it is for.
//!
//! | file | what it decides |
//! |---|---|
//! | `replay` | the history, revision by revision, is what the calls did: nothing lost, nothing twice, nothing out of thin air, answers right, in real time's order |
//! | `linear` | each key alone is linearizable, by search and without believing any revision |
//! | `watches` | every watch was ordered, unique, without gaps, atomic by revision, and its bookmarks were true |
//! | `leases` | no lease ended early, none was forgotten |
//! | `policy` | no write past a plugin that was in force |
//!
//! `availability` decides nothing: it tells how many writes were answered, and for how long none was.

pub(crate) mod availability;
pub(crate) mod call;
pub(crate) mod leases;
pub(crate) mod linear;
pub(crate) mod policy;
mod projection;
pub(crate) mod replay;
pub(crate) mod state;
pub(crate) mod watches;

/// Complaints kept of one checker: the first ones tell, the others follow from them.
const COMPLAINTS_MAX: usize = 10;

/// What a checker found wrong.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<String>);

impl Complaints {
    /// Notes one more.
    pub(crate) fn add(&mut self, text: String) {
        if self.0.len() < COMPLAINTS_MAX {
            self.0.push(text);
        }
    }

    /// Notes one more unless this holds.
    pub(crate) fn unless(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.add(text());
        }
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<String> {
        self.0
    }
}
