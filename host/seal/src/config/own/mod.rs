//! Our own form of the file.

mod provider;
mod rule;

use std::path::Path;

use provider::Providers;

use super::section::{Problems, Section};
use super::{RECOVERY_MAX, SealConfig, WhenUnavailable};

/// Longest recovery recipient in bytes. They are public keys as text; ten times as long as any of them.
const RECOVERY_BYTES_MAX: usize = 4096;

/// Reads the whole file. Relative paths start at `base`.
pub(super) fn read(mut file: Section, base: &Path, problems: &mut Problems) -> SealConfig {
    let providers = Providers::read(&mut file, base, problems);
    let default_provider = file.text("default-provider", problems);
    if let Some(name) = &default_provider {
        providers.check("default-provider", name, problems);
    }
    let when_unavailable = when_unavailable(&mut file, problems);
    let recovery = recovery(&mut file, problems);
    if !providers.is_keyless() {
        file.require("prefixes", problems);
    }
    let rules = rule::read(&mut file, &providers, problems);
    file.finish(problems);
    SealConfig { providers: providers.into_list(), default_provider, when_unavailable, recovery, rules }
}

fn when_unavailable(file: &mut Section, problems: &mut Problems) -> WhenUnavailable {
    match file.text("when-unavailable", problems).as_deref() {
        None | Some("serve-rest") => return WhenUnavailable::ServeRest,
        Some("refuse-to-start") => return WhenUnavailable::RefuseToStart,
        Some(_) => problems.add("when-unavailable", "it must be serve-rest or refuse-to-start"),
    }
    WhenUnavailable::default()
}

fn recovery(file: &mut Section, problems: &mut Problems) -> Vec<String> {
    let texts = file.texts("recovery", problems).unwrap_or_default();
    if texts.len() > RECOVERY_MAX {
        problems.add("recovery", format_args!("there are {}, at most {RECOVERY_MAX} are allowed", texts.len()));
    }
    let mut recovery: Vec<String> = Vec::new();
    for (place, text) in texts {
        if text.is_empty() {
            problems.add(&place, "it is empty");
        } else if text.len() > RECOVERY_BYTES_MAX {
            problems.add(&place, format_args!("it is longer than {RECOVERY_BYTES_MAX} bytes"));
        } else if recovery.contains(&text) {
            problems.add(&place, "it is given twice");
        } else {
            recovery.push(text);
        }
    }
    recovery
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
