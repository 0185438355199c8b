//! Rules as our own form has them: `prefixes:`, each a prefix alone or a section.

use super::Providers;
use crate::config::PREFIXES_MAX;
use crate::config::node::Node;
use crate::config::section::{Problems, Section};
use crate::{PADDING_BYTES_MAX, SealRule};

/// Reads all of them.
pub(super) fn read(file: &mut Section, providers: &Providers, problems: &mut Problems) -> Vec<SealRule> {
    let nodes = file.list("prefixes", problems).unwrap_or_default();
    if nodes.len() > PREFIXES_MAX {
        problems.add("prefixes", format_args!("there are {}, at most {PREFIXES_MAX} are allowed", nodes.len()));
    }
    let mut rules: Vec<SealRule> = Vec::new();
    for (place, node) in nodes {
        let (rule, prefix_place) = match node {
            Node::Text(prefix) => (Some(sealed(prefix.as_bytes().to_vec())), place.clone()),
            node => (long_form(node, &place, providers, problems), format!("{place}.prefix")),
        };
        let Some(rule) = rule else { continue };
        for (field, problem) in rule.problems() {
            let place = if field == "prefix" { prefix_place.clone() } else { format!("{place}.{field}") };
            problems.add(&place, problem);
        }
        if !rule.prefix.is_empty() && rules.iter().any(|other| other.prefix == rule.prefix) {
            problems.add(&prefix_place, format_args!("{:?} is given twice", String::from_utf8_lossy(&rule.prefix)));
        }
        rules.push(rule);
    }
    rules
}

fn sealed(prefix: Vec<u8>) -> SealRule {
    SealRule { prefix: prefix.into(), sealed: true, ..SealRule::default() }
}

fn long_form(node: Node, place: &str, providers: &Providers, problems: &mut Problems) -> Option<SealRule> {
    let mut section = Section::of(node, place.to_owned(), problems)?;
    section.require("prefix", problems);
    let prefix = section.text("prefix", problems).map(String::into_bytes);
    let sealed = section.switch("sealed", problems).unwrap_or(true);
    let provider = section.text("provider", problems).unwrap_or_default();
    if !provider.is_empty() {
        providers.check(&section.place_of("provider"), &provider, problems);
    }
    let rotate_after_seconds = rotate_after_seconds(&mut section, problems);
    let rotate_after_uses = rotate_after_uses(&mut section, problems);
    let padding_bytes = padding_bytes(&mut section, problems);
    section.finish(problems);
    let prefix = prefix?.into();
    Some(SealRule { prefix, sealed, provider, rotate_after_seconds, rotate_after_uses, padding_bytes })
}

fn rotate_after_seconds(section: &mut Section, problems: &mut Problems) -> u64 {
    let Some(age) = section.duration("rotate-after", problems) else { return 0 };
    if age.is_zero() || age.subsec_nanos() != 0 {
        problems.add(&section.place_of("rotate-after"), "it must be whole seconds; left out it means never");
    }
    age.as_secs()
}

fn rotate_after_uses(section: &mut Section, problems: &mut Problems) -> u64 {
    let uses = section.number("rotate-after-uses", problems);
    if uses == Some(0) {
        problems.add(&section.place_of("rotate-after-uses"), "it is 0; left out it means the default");
    }
    uses.unwrap_or(0)
}

/// A size that does not fit stays as one that is too large.
fn padding_bytes(section: &mut Section, problems: &mut Problems) -> Vec<u32> {
    let mut sizes = Vec::new();
    for (place, node) in section.list("pad-to", problems).unwrap_or_default() {
        match node.into_number() {
            Some(size) => sizes.push(u32::try_from(size).unwrap_or(PADDING_BYTES_MAX + 1)),
            None => problems.add(&place, "it must be a number of bytes"),
        }
    }
    sizes
}
