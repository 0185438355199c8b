//! The model: what the store holds at a revision, and what an operation does to it by etcd's rules.

use std::collections::BTreeMap;

use super::call::{Answer, Operation, Record, Span, Step, Told};

/// One event of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The key after it; of a deleted key only its name and the revision.
    pub(crate) record: Record,
    pub(crate) deleted: bool,
    /// The key before it.
    pub(crate) previous: Option<Record>,
}

/// All events of one revision, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) revision: i64,
    pub(crate) changes: Vec<Change>,
}

/// What the store holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) revision: i64,
    records: BTreeMap<String, Record>,
}

impl State {
    /// An empty store at a revision.
    pub(crate) fn empty(revision: i64) -> Self {
        Self { revision, records: BTreeMap::new() }
    }

    pub(crate) fn get(&self, span: &Span) -> Vec<Record> {
        self.records.values().filter(|record| span.contains(&record.key)).cloned().collect()
    }

    /// The keys that hang on a lease.
    pub(crate) fn leased(&self, lease: i64) -> Vec<&str> {
        self.records.values().filter(|record| record.lease == lease).map(|record| record.key.as_str()).collect()
    }

    /// What an operation answers here, and what it would change.
    pub(crate) fn evaluate(&self, operation: &Operation) -> (Answer, Vec<Change>) {
        let succeeded = operation
            .guards
            .iter()
            .all(|guard| self.records.get(&guard.key).map_or(0, |record| record.mod_revision) == guard.mod_revision);
        let steps = if succeeded { &operation.success } else { &operation.failure };
        let (mut after, mut changes) = (self.clone(), Vec::new());
        after.revision += 1;
        let told = steps.iter().map(|step| after.step(step, &mut changes)).collect();
        let revision = if changes.is_empty() { self.revision } else { after.revision };
        (Answer { revision, succeeded, told }, changes)
    }

    fn step(&mut self, step: &Step, changes: &mut Vec<Change>) -> Told {
        match step {
            Step::Get(span) => Told::Got(self.get(span)),
            Step::Put { key, value, lease } => {
                let previous = self.records.get(key).cloned();
                let record = Record {
                    key: key.clone(),
                    value: value.clone(),
                    create_revision: previous.as_ref().map_or(self.revision, |old| old.create_revision),
                    mod_revision: self.revision,
                    version: previous.as_ref().map_or(1, |old| old.version + 1),
                    lease: *lease,
                };
                self.records.insert(key.clone(), record.clone());
                changes.push(Change { record, deleted: false, previous });
                Told::Put
            }
            Step::Delete(span) => {
                let gone = self.get(span);
                for old in &gone {
                    changes.push(self.deletion(old.clone()));
                    self.records.remove(&old.key);
                }
                Told::Deleted(gone)
            }
        }
    }

    fn deletion(&self, old: Record) -> Change {
        let record = Record {
            key: old.key.clone(),
            value: String::new(),
            create_revision: 0,
            mod_revision: self.revision,
            version: 0,
            lease: 0,
        };
        Change { record, deleted: true, previous: Some(old) }
    }

    /// Takes over what a revision did.
    pub(crate) fn apply(&mut self, revision: &Revision) {
        self.revision = revision.revision;
        for change in &revision.changes {
            if change.deleted {
                self.records.remove(&change.record.key);
            } else {
                self.records.insert(change.record.key.clone(), change.record.clone());
            }
        }
    }
}

/// What distinguishes changes when their earlier values are not compared: they may be compacted away.
pub(crate) fn same_effect(left: &[Change], right: &[Change]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.record == right.record
                && left.deleted == right.deleted
                && (left.previous == right.previous || left.previous.is_none() || right.previous.is_none())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Step {
        Step::Put { key: key.into(), value: value.into(), lease: 0 }
    }

    #[test]
    fn versions_and_revisions_are_etcds() {
        let mut state = State::empty(5);
        for (expected, step) in [(6, put("a", "1")), (7, put("a", "2")), (8, Step::Delete(Span::prefix("a")))] {
            let (answer, changes) = state.evaluate(&Operation::single(step));
            assert_eq!(answer.revision, expected);
            state.apply(&Revision { revision: expected, changes });
        }
        let (answer, changes) = state.evaluate(&Operation::single(Step::Delete(Span::key("a"))));
        assert_eq!((answer.revision, changes.len()), (8, 0), "a delete of nothing changes nothing");
        let (_, changes) = state.evaluate(&Operation::all(vec![put("a", "3"), put("b", "1")]));
        assert_eq!(changes.iter().map(|change| change.record.version).collect::<Vec<_>>(), [1, 1]);
        assert!(changes.iter().all(|change| change.record.mod_revision == 9));
    }

    #[test]
    fn a_failed_guard_takes_the_other_branch() {
        let mut operation = Operation::single(put("a", "1"));
        operation.guards.push(super::super::call::Guard { key: "a".into(), mod_revision: 3, value: None });
        operation.failure = vec![Step::Get(Span::key("a"))];
        let (answer, changes) = State::empty(5).evaluate(&operation);
        assert!(!answer.succeeded && changes.is_empty());
        assert_eq!(answer.told, [Told::Got(Vec::new())]);
    }
}
