//! Sections of a file and the mistakes in them. Every value is asked for by name; what nobody asked for is a mistake.

use std::fmt;
use std::mem;
use std::time::Duration;

use zeroize::Zeroizing;

use super::node::Node;
use super::time;

/// Longest unknown key that is quoted in a mistake. A key of 16 bytes has 22 characters in base64, so what is quoted is none.
const QUOTED_BYTES_MAX: usize = 20;

/// Every mistake found so far.
#[derive(Default)]
pub(super) struct Problems(Vec<String>);

/// Keys and values, and where in the file they stand.
pub(super) struct Section {
    place: String,
    entries: Vec<(String, Node)>,
}

impl Problems {
    /// Notes a mistake at a place, as in `prefixes[3].pad-to`.
    pub(super) fn add(&mut self, place: &str, problem: impl fmt::Display) {
        self.0.push(if place.is_empty() { problem.to_string() } else { format!("{place}: {problem}") });
    }

    /// The value, unless there were mistakes.
    pub(super) fn unless_any<T>(self, value: T) -> Result<T, Vec<String>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

impl Section {
    /// The section that stands at a place.
    pub(super) fn of(node: Node, place: String, problems: &mut Problems) -> Option<Self> {
        if let Node::Map(entries) = node {
            return Some(Self { place, entries });
        }
        problems.add(&place, "it must be a section of keys and values");
        None
    }

    /// Where the value of a key stands.
    pub(super) fn place_of(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// Whether a key has a value.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, node)| name == key && !matches!(node, Node::Nothing))
    }

    /// Complains unless the key has a value.
    pub(super) fn require(&self, key: &str, problems: &mut Problems) {
        if !self.holds(key) {
            problems.add(&self.place_of(key), "it is missing");
        }
    }

    /// The one of several keys that it has.
    pub(super) fn only_of(&self, keys: &[&'static str], problems: &mut Problems) -> Option<&'static str> {
        let mut held = keys.iter().copied().filter(|key| self.holds(key));
        match (held.next(), held.next()) {
            (Some(key), None) => return Some(key),
            (Some(one), Some(other)) => problems.add(&self.place, format_args!("it has both {one} and {other}")),
            (None, _) => problems.add(&self.place, format_args!("it must have one of {}", keys.join(", "))),
        }
        None
    }

    /// The value of a key. A key without one is as if it were not there.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(at).1).filter(|node| !matches!(node, Node::Nothing))
    }

    /// Text that may be a key.
    pub(super) fn secret(&mut self, key: &str, problems: &mut Problems) -> Option<Zeroizing<String>> {
        self.typed(key, "text, in quotes if need be", problems, Node::into_text)
    }

    /// Text that is not secret.
    pub(super) fn text(&mut self, key: &str, problems: &mut Problems) -> Option<String> {
        self.secret(key, problems).map(|mut text| mem::take(&mut *text))
    }

    /// Text that has to be there and not to be empty.
    pub(super) fn required_text(&mut self, key: &str, problems: &mut Problems) -> Option<String> {
        self.require(key, problems);
        let text = self.text(key, problems)?;
        if text.is_empty() {
            problems.add(&self.place_of(key), "it is empty");
        }
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&mut self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.typed(key, "a whole number", problems, Node::into_number)
    }

    pub(super) fn switch(&mut self, key: &str, problems: &mut Problems) -> Option<bool> {
        self.typed(key, "true or false", problems, Node::into_switch)
    }

    pub(super) fn duration(&mut self, key: &str, problems: &mut Problems) -> Option<Duration> {
        let pick = |node: Node| time::parse(&node.into_text()?);
        self.typed(key, "a time such as 90d, 12h, 1m30s or 500ms", problems, pick)
    }

    pub(super) fn section(&mut self, key: &str, problems: &mut Problems) -> Option<Self> {
        Self::of(self.take(key)?, self.place_of(key), problems)
    }

    /// Each value of a list with its place.
    pub(super) fn list(&mut self, key: &str, problems: &mut Problems) -> Option<Vec<(String, Node)>> {
        let list = self.typed(key, "a list", problems, Node::into_list)?;
        let place = self.place_of(key);
        Some(list.into_iter().enumerate().map(|(at, node)| (format!("{place}[{at}]"), node)).collect())
    }

    /// Each value of a list of texts with its place.
    pub(super) fn texts(&mut self, key: &str, problems: &mut Problems) -> Option<Vec<(String, String)>> {
        let mut texts = Vec::new();
        for (place, node) in self.list(key, problems)? {
            match node.into_text() {
                Some(mut text) => texts.push((place, mem::take(&mut *text))),
                None => problems.add(&place, "it must be text, in quotes if need be"),
            }
        }
        Some(texts)
    }

    /// Complains of each key that was not asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (key, _) in &self.entries {
            if is_quotable(key) {
                problems.add(&self.place_of(key), "there is no such key here");
            } else {
                problems.add(&self.place, "it has an unknown key");
            }
        }
    }

    fn typed<T>(
        &mut self,
        key: &str,
        expected: &str,
        problems: &mut Problems,
        pick: impl FnOnce(Node) -> Option<T>,
    ) -> Option<T> {
        let picked = pick(self.take(key)?);
        if picked.is_none() {
            problems.add(&self.place_of(key), format_args!("it must be {expected}"));
        }
        picked
    }
}

fn is_quotable(key: &str) -> bool {
    key.len() <= QUOTED_BYTES_MAX && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
