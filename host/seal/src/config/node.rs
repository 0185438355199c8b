//! A YAML file as it is written: a tree, before anything is known of its keys.
//!
//! Reading into the types of the configuration at once would stop at the first mistake and quote what stands there, which in
//! a Kubernetes file may be a key. So nothing here has a `Debug`, and no error repeats a byte of the file.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Error;
use zeroize::Zeroizing;

/// Most nodes that aliases (`*name`) may add: with it a file of the largest size stays in a few megabytes.
const ALIASED_EVENTS_MAX: usize = 10_000;

/// A value of the file.
pub(super) enum Node {
    /// Nothing, as after a key without a value.
    Nothing,
    /// `true` or `false`.
    Switch(bool),
    /// A whole number.
    Number(u64),
    /// Text. It may be a key.
    Text(Zeroizing<String>),
    /// Several values.
    List(Vec<Node>),
    /// Keys and values, in the order of the file.
    Map(Vec<(String, Node)>),
    /// Anything that no configuration has: fractions, negative numbers.
    Other,
}

impl Node {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// One sentence with line and column.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let options = serde_saphyr::options! {
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_EVENTS_MAX },
            // A provider called `on` or `007` has that name.
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
        };
        serde_saphyr::from_slice_with_options(text, options).map_err(|error| describe(error.without_snippet()))
    }

    pub(super) fn into_text(self) -> Option<Zeroizing<String>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn into_number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(super) fn into_switch(self) -> Option<bool> {
        if let Self::Switch(switch) = self { Some(switch) } else { None }
    }

    pub(super) fn into_list(self) -> Option<Vec<Self>> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
}

/// Without the parser's own words: these quote the file.
fn describe(error: &Error) -> String {
    let problem = match error {
        Error::InvalidUtf8Input => "it is not UTF-8",
        Error::MultipleDocuments { .. } => "it has several documents",
        Error::DuplicateMappingKey { .. } => "a key is given twice",
        _ => "it is not understood as YAML",
    };
    match error.location() {
        Some(place) => format!("line {}, column {}: {problem}", place.line(), place.column()),
        None => problem.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, switch: bool) -> Result<Node, E> {
        Ok(Node::Switch(switch))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(u64::try_from(number).map_or(Node::Other, Node::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
