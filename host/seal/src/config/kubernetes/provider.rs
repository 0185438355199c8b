//! Providers of an `EncryptionConfiguration`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::key::{KubernetesKey, KubernetesKeyKind};
use super::some;
use crate::config::node::Node;
use crate::config::section::{Problems, Section};
use crate::config::{NamedProvider, ProviderConfig, endpoint};

/// Keys of which a provider has one.
const KINDS: [&str; 5] = ["kms", "aesgcm", "secretbox", "aescbc", "identity"];

/// Key sizes of AES in bytes.
const AES_BYTES: &[usize] = &[16, 24, 32];

/// Key sizes of secretbox in bytes.
const SECRETBOX_BYTES: &[usize] = &[32];

/// Longest name of a key or plugin in bytes; with its kind before it, it is the name of a provider.
const NAME_BYTES_MAX: usize = 100;

/// What is put before the name of a plugin.
const PLUGIN: &str = "kms:";

/// A provider of a resource.
pub(super) enum Written {
    /// Each of its keys, or a plugin. The first one writes.
    Providers(Vec<NamedProvider>),
    /// Values stay plain.
    Identity,
    /// Keys of a cipher that nothing is written with any more.
    AesCbc(Vec<KubernetesKey>),
}

/// Reads the provider that stands at a place.
pub(super) fn read(node: Node, place: String, problems: &mut Problems) -> Option<Written> {
    let mut section = Section::of(node, place, problems)?;
    let kind = section.only_of(&KINDS, problems)?;
    let inner = section.section(kind, problems);
    section.finish(problems);
    let mut inner = inner?;
    let written = match kind {
        "kms" => plugin(&mut inner, problems),
        "aesgcm" => Some(keys(&mut inner, KubernetesKeyKind::AesGcm, AES_BYTES, problems)),
        "secretbox" => Some(keys(&mut inner, KubernetesKeyKind::Secretbox, SECRETBOX_BYTES, problems)),
        "aescbc" => {
            let secrets = secrets(&mut inner, AES_BYTES, problems).into_iter();
            let kind = KubernetesKeyKind::AesCbc;
            Some(Written::AesCbc(secrets.map(|(name, secret)| KubernetesKey::new(kind, name, secret)).collect()))
        }
        _ => Some(Written::Identity),
    };
    inner.finish(problems);
    written
}

fn plugin(section: &mut Section, problems: &mut Problems) -> Option<Written> {
    if section.text("apiVersion", problems).as_deref() != Some("v2") {
        let problem = "it must be v2; v1, which Kubernetes takes when it is left out, is not supported";
        problems.add(&section.place_of("apiVersion"), problem);
    }
    let name = name(section, problems);
    if name.as_ref().is_some_and(|name| name.contains(':')) {
        problems.add(&section.place_of("name"), "it must be without :");
    }
    let kind = endpoint::read(section, problems).map(ProviderConfig::Kms);
    let (name, kind) = name.zip(kind)?;
    Some(Written::Providers(vec![NamedProvider { name: format!("{PLUGIN}{name}"), kind }]))
}

/// The name of a plugin in the file, of that of its provider.
pub(in crate::config) fn plugin_name(provider: &str) -> &str {
    provider.strip_prefix(PLUGIN).unwrap_or(provider)
}

fn keys(section: &mut Section, kind: KubernetesKeyKind, sizes: &[usize], problems: &mut Problems) -> Written {
    let keys = secrets(section, sizes, problems).into_iter().map(|(name, secret)| NamedProvider {
        name: format!("{}:{name}", kind.as_str()),
        kind: ProviderConfig::Kubernetes(KubernetesKey::new(kind, name, secret)),
    });
    Written::Providers(keys.collect())
}

/// Every key of the list with its name.
fn secrets(section: &mut Section, sizes: &[usize], problems: &mut Problems) -> Vec<(String, Zeroizing<Vec<u8>>)> {
    let mut secrets = Vec::new();
    for (place, node) in some(section, "keys", problems) {
        let Some(mut key) = Section::of(node, place, problems) else { continue };
        let name = name(&mut key, problems);
        let secret = secret(&mut key, sizes, problems);
        // A name is replicated, logged and shown.
        if secret.is_some() && name.as_deref().and_then(decoded) == secret {
            problems.add(&key.place_of("name"), "it is the key itself");
        }
        key.finish(problems);
        secrets.extend(name.zip(secret));
    }
    secrets
}

fn name(section: &mut Section, problems: &mut Problems) -> Option<String> {
    let name = section.required_text("name", problems)?;
    if name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
        let problem = format_args!("it must be at most {NAME_BYTES_MAX} bytes without control characters");
        problems.add(&section.place_of("name"), problem);
    }
    Some(name)
}

/// The mistakes say nothing of what stands there.
fn secret(section: &mut Section, sizes: &[usize], problems: &mut Problems) -> Option<Zeroizing<Vec<u8>>> {
    section.require("secret", problems);
    let text = section.secret("secret", problems)?;
    let place = section.place_of("secret");
    let Some(secret) = decoded(&text) else {
        problems.add(&place, "it is not base64");
        return None;
    };
    if !sizes.contains(&secret.len()) {
        problems.add(&place, format_args!("it has {} bytes; its kind has keys of {sizes:?}", secret.len()));
        return None;
    }
    Some(secret)
}

/// Line ends do not count, as in Kubernetes.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.bytes().filter(|byte| !b"\r\n".contains(byte)));
    let mut secret = Zeroizing::new(vec![0; base64::decoded_len_estimate(packed.len())]);
    let length = BASE64_STANDARD.decode_slice(&*packed, &mut secret).ok()?;
    secret.truncate(length);
    Some(secret)
}
