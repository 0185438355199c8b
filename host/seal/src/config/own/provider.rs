//! Providers as our own form has them: `providers:` with names, or `provider:` for a single one.

use std::path::Path;

use crate::config::node::Node;
use crate::config::section::{Problems, Section};
use crate::config::{CredentialConfig, KeyFileConfig, NamedProvider, PROVIDERS_MAX, ProviderConfig, endpoint};

/// Keys of which a provider has one.
const KINDS: [&str; 3] = ["key-file", "systemd-credential", "kms"];

/// What stands for the absence of providers.
const NONE: &str = "none";

/// The name of a single provider.
const SINGLE: &str = "default";

/// Longest name in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Longest name of a credential in bytes, as systemd has it.
const CREDENTIAL_NAME_BYTES_MAX: usize = 255;

/// The providers of a file, and the names by which the rest of it may refer to them.
pub(super) struct Providers {
    list: Vec<NamedProvider>,
    /// Also the names of those with a mistake in them; `None` when the names could not be had.
    names: Option<Vec<String>>,
    keyless: bool,
}

impl Providers {
    pub(super) fn read(file: &mut Section, base: &Path, problems: &mut Problems) -> Self {
        let mut providers = Self { list: Vec::new(), names: None, keyless: false };
        match (file.take("provider"), file.take("providers")) {
            (Some(node), None) => providers.single(node, base, problems),
            (None, Some(node)) => providers.several(node, base, problems),
            (Some(_), Some(_)) => problems.add("providers", "there is a provider, too; write one of both"),
            (None, None) => problems.add("provider", "it is missing; none stands for a member without a root key"),
        }
        providers
    }

    /// Complains of a name that no provider has.
    pub(super) fn check(&self, place: &str, name: &str, problems: &mut Problems) {
        if self.names.as_ref().is_some_and(|names| !names.iter().any(|known| known == name)) {
            problems.add(place, "there is no provider of that name");
        }
    }

    /// Whether the file says that there is to be no provider.
    pub(super) fn is_keyless(&self) -> bool {
        self.keyless
    }

    pub(super) fn into_list(self) -> Vec<NamedProvider> {
        self.list
    }

    fn single(&mut self, node: Node, base: &Path, problems: &mut Problems) {
        if matches!(&node, Node::Text(text) if **text == NONE) {
            self.keyless = true;
            self.names = Some(Vec::new());
            return;
        }
        self.names = Some(vec![SINGLE.to_owned()]);
        let Some(section) = Section::of(node, "provider".to_owned(), problems) else { return };
        let kind = kind(section, base, problems);
        self.list.extend(kind.map(|kind| NamedProvider { name: SINGLE.to_owned(), kind }));
    }

    fn several(&mut self, node: Node, base: &Path, problems: &mut Problems) {
        let Some(nodes) = node.into_list() else { return problems.add("providers", "it must be a list") };
        if nodes.is_empty() || nodes.len() > PROVIDERS_MAX {
            let count = nodes.len();
            problems.add("providers", format_args!("there are {count}; there must be from 1 to {PROVIDERS_MAX}"));
        }
        let mut names = Vec::new();
        for (at, node) in nodes.into_iter().enumerate() {
            let Some(mut section) = Section::of(node, format!("providers[{at}]"), problems) else { continue };
            let name = name(&mut section, &names, problems);
            names.extend(name.clone());
            let kind = kind(section, base, problems);
            self.list.extend(name.zip(kind).map(|(name, kind)| NamedProvider { name, kind }));
        }
        self.names = Some(names);
    }
}

fn name(section: &mut Section, taken: &[String], problems: &mut Problems) -> Option<String> {
    let name = section.required_text("name", problems)?;
    let place = section.place_of("name");
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain || name.len() > NAME_BYTES_MAX {
        problems.add(&place, format_args!("it must be letters, digits, -, _ and ., at most {NAME_BYTES_MAX}"));
    } else if taken.contains(&name) {
        problems.add(&place, format_args!("{name:?} is given twice"));
    }
    Some(name)
}

fn kind(mut section: Section, base: &Path, problems: &mut Problems) -> Option<ProviderConfig> {
    let kind = section.only_of(&KINDS, problems)?;
    let inner = section.section(kind, problems);
    section.finish(problems);
    let mut inner = inner?;
    let config = match kind {
        "key-file" => key_file(&mut inner, base, problems),
        "systemd-credential" => credential(&mut inner, problems),
        _ => endpoint::read(&mut inner, problems).map(ProviderConfig::Kms),
    };
    inner.finish(problems);
    config
}

fn key_file(section: &mut Section, base: &Path, problems: &mut Problems) -> Option<ProviderConfig> {
    let path = base.join(section.required_text("path", problems)?);
    Some(ProviderConfig::KeyFile(KeyFileConfig { path }))
}

/// The rules are systemd's. With them no name leads out of the credentials' folder.
fn credential(section: &mut Section, problems: &mut Problems) -> Option<ProviderConfig> {
    let name = section.required_text("name", problems)?;
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:".contains(&byte));
    if !plain || name.len() > CREDENTIAL_NAME_BYTES_MAX || [".", ".."].contains(&name.as_str()) {
        problems.add(&section.place_of("name"), "it is not the name of a credential");
    }
    Some(ProviderConfig::Credential(CredentialConfig { name }))
}
