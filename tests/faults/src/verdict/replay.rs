//! The history, revision by revision, held against the calls.

use std::collections::HashMap;

use super::{
    Complaints,
    call::{Answer, Call, Moment, Outcome, Step},
    state::{Change, Revision, State, same_effect},
};

/// What a replay saw.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// What is wrong.
    pub(crate) complaints: Vec<String>,
    /// Revisions in which a lease took its keys along, and which lease.
    pub(crate) expiries: Vec<(i64, i64)>,
    /// Calls without an answer that were done after all.
    pub(crate) late: usize,
    /// Of each call: whether its revision was found.
    pub(crate) used: Vec<bool>,
}

/// Replays `history`, which begins behind `start`, where the store was empty.
pub(crate) fn replay(start: i64, history: &[Revision], calls: &[Call]) -> Replayed {
    let mut replay = Replay::new(start, calls);
    for revision in history {
        replay.revision(revision);
    }
    replay.finish()
}

struct Replay<'a> {
    calls: &'a [Call],
    state: State,
    /// Answered calls that wrote, by their revision.
    writes: HashMap<i64, Vec<usize>>,
    /// Answered calls that wrote nothing, by their revision.
    reads: HashMap<i64, Vec<usize>>,
    /// Calls without an answer, by each value they would write.
    unknown: HashMap<&'a str, usize>,
    /// Calls without an answer that would only delete.
    deletes: Vec<usize>,
    /// Of each call: the newest revision that anybody had been told before it was made.
    floors: Vec<i64>,
    used: Vec<bool>,
    complaints: Complaints,
    replayed: Replayed,
}

impl<'a> Replay<'a> {
    fn new(start: i64, calls: &'a [Call]) -> Self {
        let mut replay = Self {
            calls,
            state: State::empty(start),
            writes: HashMap::new(),
            reads: HashMap::new(),
            unknown: HashMap::new(),
            deletes: Vec::new(),
            floors: floors(start, calls),
            used: vec![false; calls.len()],
            complaints: Complaints::default(),
            replayed: Replayed::default(),
        };
        for (index, call) in calls.iter().enumerate() {
            replay.sort_in(index, call);
        }
        replay.reads_at_this_revision();
        replay
    }

    fn sort_in(&mut self, index: usize, call: &'a Call) {
        match &call.outcome {
            Outcome::Answered(_, answer) if wrote(call, answer) => {
                self.writes.entry(answer.revision).or_default().push(index);
            }
            // A member that lags when the round begins answers from before it, of which nothing is known here.
            Outcome::Answered(_, answer) if call.operation.serializable && answer.revision < self.state.revision => {}
            Outcome::Answered(_, answer) => self.reads.entry(answer.revision).or_default().push(index),
            Outcome::Unknown => {
                for value in call.operation.values() {
                    self.unknown.insert(value, index);
                }
                let only_deletes = call.operation.values().next().is_none()
                    && call.operation.success.iter().any(|step| matches!(step, Step::Delete(_)));
                if only_deletes {
                    self.deletes.push(index);
                }
            }
            Outcome::Refused => {}
        }
    }

    fn revision(&mut self, revision: &Revision) {
        let due = self.state.revision + 1;
        self.complaints.unless(revision.revision == due, || {
            format!("revision {} comes where revision {due} is due: events are lost", revision.revision)
        });
        self.state.revision = revision.revision - 1;
        self.attribute(revision);
        self.state.apply(revision);
        self.reads_at_this_revision();
    }

    /// Finds who wrote a revision.
    fn attribute(&mut self, revision: &Revision) {
        let claimed = self.writes.remove(&revision.revision).unwrap_or_default();
        match claimed.as_slice() {
            [] => self.unclaimed(revision),
            [index] => self.claimed(*index, revision),
            many => self.complaints.add(format!(
                "revision {} was given to {} calls: {:?}",
                revision.revision,
                many.len(),
                self.calls[many[0]]
            )),
        }
    }

    fn claimed(&mut self, index: usize, revision: &Revision) {
        let call = &self.calls[index];
        let (expected, changes) = self.state.evaluate(&call.operation);
        self.complaints.unless(same_effect(&changes, &revision.changes), || {
            format!(
                "revision {} is {:?}, but {call:?} should have made it {changes:?}",
                revision.revision, revision.changes
            )
        });
        let told = call.answer().map(|(_, answer)| answer);
        self.complaints.unless(told == Some(&expected), || format!("{call:?} should have been told {expected:?}"));
        self.in_time(index, revision.revision);
        self.used[index] = true;
    }

    /// Nobody was told of this revision: a call without an answer, or the end of a lease.
    fn unclaimed(&mut self, revision: &Revision) {
        let by_value =
            revision.changes.iter().find_map(|change| self.unknown.get(change.record.value.as_str()).copied());
        if let Some(index) = by_value {
            return self.late(index, revision);
        }
        if let Some(lease) = self.expired_lease(&revision.changes) {
            self.replayed.expiries.push((revision.revision, lease));
            return;
        }
        let fits = |index: &usize| {
            !self.used[*index] && same_effect(&self.state.evaluate(&self.calls[*index].operation).1, &revision.changes)
        };
        // Several clients delete the same, and those that were answered nothing look alike but for when they asked.
        let fitting: Vec<usize> = self.deletes.iter().copied().filter(fits).collect();
        let in_time = fitting.iter().find(|index| self.floors[**index] < revision.revision);
        match in_time.or(fitting.first()).copied() {
            Some(index) => self.late(index, revision),
            None => {
                self.complaints.add(format!("nobody asked for revision {}: {:?}", revision.revision, revision.changes));
            }
        }
    }

    fn late(&mut self, index: usize, revision: &Revision) {
        let call = &self.calls[index];
        self.complaints
            .unless(!self.used[index], || format!("{call:?} was carried out again as revision {}", revision.revision));
        let changes = self.state.evaluate(&call.operation).1;
        self.complaints.unless(same_effect(&changes, &revision.changes), || {
            format!("revision {} is {:?}, but {call:?} would make it {changes:?}", revision.revision, revision.changes)
        });
        self.in_time(index, revision.revision);
        self.used[index] = true;
        self.replayed.late += 1;
    }

    /// The lease whose keys, all of them and no others, are deleted here.
    fn expired_lease(&self, changes: &[Change]) -> Option<i64> {
        let mut gone = changes
            .iter()
            .map(|change| change.deleted.then_some(change.record.key.as_str()))
            .collect::<Option<Vec<_>>>()?;
        let held = |key: &&str| self.state.get(&super::call::Span::key(key)).first().map(|record| record.lease);
        let lease = gone.first().and_then(held).filter(|lease| *lease != 0)?;
        gone.sort_unstable();
        (gone == self.state.leased(lease)).then_some(lease)
    }

    /// A call that was made when a revision was known already did not happen before it.
    fn in_time(&mut self, index: usize, revision: i64) {
        let (call, floor) = (&self.calls[index], self.floors[index]);
        self.complaints.unless(revision > floor, || {
            format!(
                "{call:?} became revision {revision}, but {floor} had been told to a client before it was asked for"
            )
        });
    }

    fn reads_at_this_revision(&mut self) {
        for index in self.reads.remove(&self.state.revision).unwrap_or_default() {
            let (call, floor) = (&self.calls[index], self.floors[index]);
            let (expected, _) = self.state.evaluate(&call.operation);
            let told = call.answer().map(|(_, answer)| answer);
            self.complaints.unless(told == Some(&expected), || format!("{call:?} should have been told {expected:?}"));
            self.complaints.unless(call.operation.serializable || expected.revision >= floor, || {
                format!("a stale read: {call:?} was told less than revision {floor}, which a client knew before")
            });
        }
    }

    fn finish(mut self) -> Replayed {
        let end = self.state.revision;
        let lost = self.writes.values().flatten().chain(self.reads.values().flatten());
        for index in lost {
            let call = &self.calls[*index];
            self.complaints.add(format!(
                "lost: {call:?} was answered with a revision that is not in the history, which ends at {end}"
            ));
        }
        self.replayed.complaints = self.complaints.into_vec();
        self.replayed.used = self.used;
        self.replayed
    }
}

/// Whether an answer says that something was changed.
pub(crate) fn wrote(call: &Call, answer: &Answer) -> bool {
    let steps = if answer.succeeded { &call.operation.success } else { &call.operation.failure };
    steps.iter().zip(&answer.told).any(|(step, told)| match (step, told) {
        (Step::Put { .. }, _) => true,
        (_, super::call::Told::Deleted(gone)) => !gone.is_empty(),
        _ => false,
    })
}

/// Of each call: the newest revision in an answer that came before it was made.
fn floors(start: i64, calls: &[Call]) -> Vec<i64> {
    let mut answers: Vec<(Moment, i64)> =
        calls.iter().filter_map(|call| call.answer().map(|(at, answer)| (at, answer.revision))).collect();
    answers.sort_unstable();
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_unstable_by_key(|index| calls[*index].asked);
    let (mut floors, mut newest, mut answers) = (vec![start; calls.len()], start, answers.into_iter().peekable());
    for index in order {
        while let Some((_, revision)) = answers.next_if(|(at, _)| *at < calls[index].asked) {
            newest = newest.max(revision);
        }
        floors[index] = newest;
    }
    floors
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
