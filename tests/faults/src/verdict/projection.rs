//! What a call did to one key.

use super::call::{Call, Moment, Operation, Outcome, Record, Step, Told};

/// What is looked at or done, in order. Values are words that are written once each; `None` is "not there".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act<V> {
    /// It had this value.
    Is(Option<V>),
    /// It had another value.
    IsNot(Option<V>),
    /// It gets this value.
    Set(Option<V>),
}

/// A call as one key sees it.
#[derive(Debug, Clone)]
pub(super) struct Local<V> {
    pub(super) acts: Vec<Act<V>>,
    pub(super) asked: Moment,
    /// Without one it may have been done at any time since, or never.
    pub(super) answered: Option<Moment>,
}

/// What the call did to the key, or saw of it; nothing when it did not touch it.
pub(super) fn project<'a>(call: &'a Call, key: &str) -> Option<Local<&'a str>> {
    if call.operation.serializable {
        return None;
    }
    let (acts, answered) = match &call.outcome {
        Outcome::Refused => return None,
        Outcome::Answered(at, answer) => (known(&call.operation, answer.succeeded, &answer.told, key), Some(*at)),
        Outcome::Unknown => (possible(&call.operation, key), None),
    };
    (!acts.is_empty()).then_some(Local { acts, asked: call.asked, answered })
}

fn known<'a>(operation: &'a Operation, succeeded: bool, told: &'a [Told], key: &str) -> Vec<Act<&'a str>> {
    let mut acts = guards(operation, succeeded, key);
    let steps = if succeeded { &operation.success } else { &operation.failure };
    for (step, told) in steps.iter().zip(told) {
        match (step, told) {
            (Step::Put { key: own, value, .. }, _) if own == key => acts.push(Act::Set(Some(value))),
            (Step::Get(span), Told::Got(records)) if span.contains(key) => acts.push(Act::Is(value_in(records, key))),
            (Step::Delete(span), Told::Deleted(records)) if span.contains(key) => {
                acts.extend([Act::Is(value_in(records, key)), Act::Set(None)]);
            }
            _ => {}
        }
    }
    acts
}

/// The guards on this key. When several could have failed, nothing is known of any.
fn guards<'a>(operation: &'a Operation, succeeded: bool, key: &str) -> Vec<Act<&'a str>> {
    let own = operation.guards.iter().filter(|guard| guard.key == key);
    match (succeeded, operation.guards.len()) {
        (true, _) => own.map(|guard| Act::Is(guard.value.as_deref())).collect(),
        (false, 1) => own.map(|guard| Act::IsNot(guard.value.as_deref())).collect(),
        (false, _) => Vec::new(),
    }
}

/// Of a call without an answer only what it would write counts: what it would have seen, nobody saw.
fn possible<'a>(operation: &'a Operation, key: &str) -> Vec<Act<&'a str>> {
    let mut acts = guards(operation, true, key);
    let guards = acts.len();
    for step in &operation.success {
        match step {
            Step::Put { key: own, value, .. } if own == key => acts.push(Act::Set(Some(value))),
            Step::Delete(span) if span.contains(key) => acts.push(Act::Set(None)),
            _ => {}
        }
    }
    if acts.len() == guards { Vec::new() } else { acts }
}

fn value_in<'a>(records: &'a [Record], key: &str) -> Option<&'a str> {
    records.iter().find(|record| record.key == key).map(|record| record.value.as_str())
}
