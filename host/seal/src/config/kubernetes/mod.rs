//! The form that kube-apiserver reads: an `EncryptionConfiguration`.
//!
//! Its resources become rules for the prefixes under which kube-apiserver keeps them by default (`/registry/…`), its keys and
//! plugins become providers. Here they wrap data keys. What kube-apiserver once encrypted with them is opened on import only, by
//! an [`EncryptionConfig`].

mod decryption;
mod key;
mod provider;
mod resource;

pub use decryption::EncryptionConfig;
pub(crate) use decryption::KubernetesPlugin;
pub use key::{KubernetesKey, KubernetesKeyKind};
use provider::Written;
pub(super) use provider::plugin_name;
use resource::Resource;

use super::node::Node;
use super::section::{Problems, Section};
use super::{NamedProvider, PREFIXES_MAX, PROVIDERS_MAX, SealConfig, WhenUnavailable};
use crate::SealRule;

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "EncryptionConfiguration";

/// Reads the whole file.
pub(super) fn read(mut file: Section, problems: &mut Problems) -> SealConfig {
    check_kind(&mut file, problems);
    let mut entries = Entries::default();
    for (at, (place, node)) in some(&mut file, "resources", problems).into_iter().enumerate() {
        entries.read(at, node, place, problems);
    }
    file.finish(problems);
    entries.check_counts(problems);
    let Entries { providers, rules, .. } = entries;
    let when_unavailable = WhenUnavailable::default();
    SealConfig { providers, default_provider: None, when_unavailable, recovery: Vec::new(), rules }
}

fn check_kind(file: &mut Section, problems: &mut Problems) {
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        if file.required_text(key, problems).is_some_and(|text| text != expected) {
            problems.add(key, format_args!("it must be {expected}"));
        }
    }
}

/// What the entries of a file come to.
#[derive(Default)]
struct Entries {
    providers: Vec<NamedProvider>,
    rules: Vec<SealRule>,
    /// Every resource with the entry that it is in.
    seen: Vec<(usize, Resource)>,
}

impl Entries {
    /// Reads resources and the providers for them; the first provider is the one that writes.
    fn read(&mut self, at: usize, node: Node, place: String, problems: &mut Problems) {
        let Some(mut section) = Section::of(node, place, problems) else { return };
        let mut writer = None;
        for (number, (place, node)) in some(&mut section, "providers", problems).into_iter().enumerate() {
            let Some(written) = provider::read(node, place.clone(), problems) else { continue };
            if number == 0 {
                writer = Self::writer(&written, &place, problems);
            }
            if let Written::Providers(providers) = written {
                self.add_providers(providers, &place, problems);
            }
        }
        for (place, node) in some(&mut section, "resources", problems) {
            match node.into_text() {
                Some(text) => self.add_resource(at, &text, &place, writer.as_ref(), problems),
                None => problems.add(&place, "it must be text, in quotes if need be"),
            }
        }
        section.finish(problems);
    }

    /// The rule for what the provider writes, still without a prefix.
    fn writer(written: &Written, place: &str, problems: &mut Problems) -> Option<SealRule> {
        match written {
            Written::Providers(providers) => {
                let provider = providers.first()?.name.clone();
                Some(SealRule { sealed: true, provider, ..SealRule::default() })
            }
            Written::Identity => Some(SealRule::default()),
            Written::AesCbc(_) => {
                let problem = "aescbc does not notice altered values, so nothing is written with it; \
                               put aesgcm, secretbox or kms first";
                problems.add(place, problem);
                None
            }
        }
    }

    /// The same key or plugin may serve several entries.
    fn add_providers(&mut self, providers: Vec<NamedProvider>, place: &str, problems: &mut Problems) {
        for provider in providers {
            match self.providers.iter().find(|known| known.name == provider.name) {
                None => self.providers.push(provider),
                Some(known) if *known == provider => {}
                Some(_) => problems.add(place, "another one of its kind has the same name; each needs its own"),
            }
        }
    }

    /// As in Kubernetes the first entry with a resource counts, and what an earlier wildcard hides is a mistake.
    fn add_resource(&mut self, at: usize, text: &str, place: &str, writer: Option<&SealRule>, problems: &mut Problems) {
        let resource = match Resource::parse(text) {
            Ok(resource) => resource,
            Err(problem) => return problems.add(place, problem),
        };
        if self.seen.iter().any(|(_, earlier)| earlier.covers(&resource)) {
            problems.add(place, "a wildcard before it covers it already, so it would have no effect");
        } else if self.seen.iter().any(|(entry, other)| *entry == at && (resource.covers(other) || resource == *other))
        {
            problems.add(place, "another resource of the same list is covered by it");
        } else if let Some(writer) = writer {
            self.add_rule(resource.prefix(), writer, place, problems);
        }
        self.seen.push((at, resource));
    }

    fn add_rule(&mut self, prefix: String, writer: &SealRule, place: &str, problems: &mut Problems) {
        let rule = SealRule { prefix: prefix.into(), ..writer.clone() };
        if self.rules.iter().any(|earlier| earlier.prefix == rule.prefix) {
            return;
        }
        for (_, problem) in rule.problems() {
            problems.add(place, problem);
        }
        self.rules.push(rule);
    }

    fn check_counts(&self, problems: &mut Problems) {
        let counts =
            [(self.rules.len(), PREFIXES_MAX, "resources"), (self.providers.len(), PROVIDERS_MAX, "keys and plugins")];
        for (count, most, what) in counts {
            if count > most {
                problems.add("resources", format_args!("there are {count} {what}, at most {most} are allowed"));
            }
        }
    }
}

/// A list that must not be empty.
fn some(section: &mut Section, key: &str, problems: &mut Problems) -> Vec<(String, Node)> {
    section.require(key, problems);
    let Some(list) = section.list(key, problems) else { return Vec::new() };
    if list.is_empty() {
        problems.add(&section.place_of(key), "it is empty");
    }
    list
}

#[cfg(test)]
#[path = "kubernetes_tests.rs"]
mod tests;
