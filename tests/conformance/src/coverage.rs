//! What the cases have asked and been answered: methods, fields, errors.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde::Deserialize;

use crate::{errors::Errors, message, wire};

/// What was seen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage {
    /// Methods that were called.
    pub(crate) methods: BTreeSet<String>,
    /// Paths that were asked over HTTP.
    pub(crate) pages: BTreeSet<String>,
    sent: BTreeSet<String>,
    answered: BTreeSet<String>,
    errors: BTreeSet<String>,
}

/// What no case reaches, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beyond {
    /// Fields of requests.
    requests: BTreeMap<String, String>,
    /// Fields of answers.
    answers: BTreeMap<String, String>,
}

impl Beyond {
    /// Reads `beyond.yaml` of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("beyond.yaml");
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }
}

impl Coverage {
    /// A request to a method.
    pub(crate) fn sent(&mut self, method: &MethodDescriptor, message: &DynamicMessage) {
        self.methods.insert(wire::short_name(method));
        message::walk(message, &mut |field| {
            self.sent.insert(field.full_name().to_owned());
        });
    }

    /// An answer.
    pub(crate) fn answered(&mut self, message: &DynamicMessage) {
        message::walk(message, &mut |field| {
            self.answered.insert(field.full_name().to_owned());
        });
    }

    /// A refusal, by the error's name if it has one.
    pub(crate) fn refused(&mut self, name: Option<&str>) {
        self.errors.extend(name.map(str::to_owned));
    }

    /// A request over HTTP.
    pub(crate) fn asked_page(&mut self, line: &str) {
        self.pages.insert(line.split('?').next().unwrap_or(line).to_owned());
    }

    /// Adds what another case saw.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.methods.extend(other.methods.iter().cloned());
        self.pages.extend(other.pages.iter().cloned());
        self.sent.extend(other.sent.iter().cloned());
        self.answered.extend(other.answered.iter().cloned());
        self.errors.extend(other.errors.iter().cloned());
    }

    /// Complains about each method, field and error that is neither seen nor listed as beyond reach, and about what is listed
    /// and seen all the same.
    pub(crate) fn gaps(&self, beyond: &Beyond, errors: &Errors) -> Vec<String> {
        let mut gaps = Vec::new();
        let methods: Vec<_> = wire::services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
        for method in &methods {
            if !self.methods.contains(&wire::short_name(method)) {
                gaps.push(format!("no case calls {}", wire::short_name(method)));
            }
        }
        gaps.extend(unseen(
            "sent",
            &reachable(methods.iter().map(MethodDescriptor::input)),
            &self.sent,
            &beyond.requests,
        ));
        let answers = reachable(methods.iter().map(MethodDescriptor::output));
        gaps.extend(unseen("answered", &answers, &self.answered, &beyond.answers));
        for (name, known) in errors.iter() {
            match (&known.beyond, self.errors.contains(name)) {
                (None, false) => gaps.push(format!("no case provokes {name}: {}", known.message)),
                (Some(reason), true) => gaps.push(format!("{name} is provoked, though {reason}")),
                _ => {}
            }
        }
        gaps
    }
}

fn unseen(
    how: &str,
    all: &BTreeSet<String>,
    seen: &BTreeSet<String>,
    beyond: &BTreeMap<String, String>,
) -> Vec<String> {
    let missing = all.iter().filter(|name| !seen.contains(*name) && !beyond.contains_key(*name));
    let reached = beyond.iter().filter(|(name, _)| seen.contains(*name));
    let unknown = beyond.keys().filter(|name| !all.contains(*name));
    missing
        .map(|name| format!("{name} is {how} by no case"))
        .chain(reached.map(|(name, reason)| format!("{name} is {how}, though {reason}")))
        .chain(unknown.map(|name| format!("{name}, listed in beyond.yaml, is never {how}")))
        .collect()
}

/// The names of all fields of messages and of the messages in them.
fn reachable(messages: impl Iterator<Item = MessageDescriptor>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<_> = messages.collect();
    while let Some(message) = waiting.pop() {
        for field in message.fields() {
            if found.insert(field.full_name().to_owned()) {
                waiting.extend(inner(&field));
            }
        }
    }
    found
}

fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_case_sends_is_missed() {
        let method = wire::method("KV/Range").unwrap();
        let mut coverage = Coverage::default();
        let gaps = |coverage: &Coverage| coverage.gaps(&Beyond::default(), &Errors::default());
        let missed = |gaps: &[String], gap: &str| gaps.iter().any(|other| other == gap);
        let (call, limit) = ("no case calls KV/Range", "etcdserverpb.RangeRequest.limit is sent by no case");
        let before = gaps(&coverage);
        assert!(missed(&before, call) && missed(&before, limit), "{before:?}");
        coverage.sent(&method, &message::build(&method.input(), &json!({"limit": 5})).unwrap());
        let after = gaps(&coverage);
        assert!(!missed(&after, call) && !missed(&after, limit), "{after:?}");
        assert!(missed(&after, "etcdserverpb.RangeRequest.key is sent by no case"), "{after:?}");
    }

    #[test]
    fn what_is_beyond_reach_and_reached_is_told() {
        let name = "etcdserverpb.RangeRequest.limit".to_owned();
        let beyond = BTreeMap::from([(name.clone(), "of a reason".to_owned())]);
        let all = BTreeSet::from([name.clone()]);
        assert_eq!(unseen("sent", &all, &BTreeSet::new(), &beyond), Vec::<String>::new());
        assert_eq!(unseen("sent", &all, &all, &beyond).len(), 1);
        assert_eq!(unseen("sent", &BTreeSet::new(), &BTreeSet::new(), &beyond).len(), 1);
    }
}
