//! The environment: `ETCD_*` and `STRONGROOM_*`, of which there is one of each for every flag.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use super::error::ConfigError;
use super::flags;
use super::written::Entry;

/// Prefixes of environment variables, the stronger first.
const PREFIXES: [&str; 2] = ["STRONGROOM_", "ETCD_"];

/// Variables with one of our prefixes that others read: the client commands and the log.
const OTHERS: [&str; 5] = [
    "STRONGROOM_ADMIN_ENDPOINT",
    "STRONGROOM_CACERT",
    "STRONGROOM_CERT",
    "STRONGROOM_KEY",
    crate::telemetry::FILTER_VARIABLE,
];

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// By flag name.
    pub(super) entries: BTreeMap<&'static str, Entry>,
    /// Variables with one of our prefixes that no flag answers to. Not errors: Kubernetes sets `ETCD_SERVICE_HOST` and the
    /// like in every pod beside a service of that name.
    pub(super) unknown: BTreeSet<String>,
    /// What cannot be read.
    pub(super) problems: Vec<ConfigError>,
}

impl Environment {
    /// Reads it. Empty variables count as unset, as in etcd.
    pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables: BTreeMap<String, OsString> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
            .filter(|(name, _)| !OTHERS.contains(&name.as_str()))
            .collect();
        let mut read = Self { unknown: variables.keys().cloned().collect(), ..Self::default() };
        for flag in flags::all() {
            // The weaker first, so that the stronger takes its place.
            for origin in PREFIXES.iter().rev().map(|prefix| variable(prefix, flag.name)) {
                let Some(value) = variables.get(&origin) else { continue };
                read.unknown.remove(&origin);
                match value.to_str() {
                    Some(value) => _ = read.entries.insert(flag.name, Entry { value: value.to_owned(), origin }),
                    None => read.problems.push(ConfigError::NotUnicode { origin }),
                }
            }
        }
        read
    }

    /// What it says about one flag.
    pub(super) fn get(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).cloned()
    }

    /// Every variable that a flag answers to.
    pub(super) fn set_variables(&self) -> impl Iterator<Item = String> {
        self.entries.values().map(|entry| entry.origin.clone())
    }
}

fn variable(prefix: &str, flag: &str) -> String {
    format!("{prefix}{}", flag.replace('-', "_").to_ascii_uppercase())
}
