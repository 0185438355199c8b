//! The configuration as written: what the command line and the environment say, before anything is made of it.
//!
//! The command line wins over `STRONGROOM_*`, which wins over `ETCD_*`, which wins over the default.

use std::collections::BTreeMap;

use super::flags::{FLAGS, Flag};

/// Prefixes of environment variables, the stronger first.
const ENVIRONMENT_PREFIXES: [&str; 2] = ["STRONGROOM_", "ETCD_"];

/// Variables of the client commands, which share our prefix.
const CLIENT_VARIABLES: [&str; 4] =
    ["STRONGROOM_ADMIN_ENDPOINT", "STRONGROOM_CACERT", "STRONGROOM_CERT", "STRONGROOM_KEY"];

/// One value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: String,
    /// `--name`, or the environment variable.
    pub(crate) origin: String,
}

/// Everything that was written, by flag name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    entries: BTreeMap<&'static str, Entry>,
    unknown: Vec<String>,
}

impl Written {
    /// Notes a flag of the command line.
    pub(crate) fn set(&mut self, flag: &'static Flag, value: String) {
        self.entries.insert(flag.name, Entry { value, origin: format!("--{}", flag.name) });
    }

    /// Fills what the command line left open from the environment; empty variables count as unset, as in etcd.
    pub(crate) fn fill_from(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        let environment: BTreeMap<_, _> = environment
            .into_iter()
            .filter(|(name, value)| !value.is_empty() && ENVIRONMENT_PREFIXES.iter().any(|p| name.starts_with(p)))
            .collect();
        for prefix in ENVIRONMENT_PREFIXES {
            for flag in FLAGS {
                let variable = variable(prefix, flag.name);
                if let Some(value) = environment.get(&variable) {
                    let entry = Entry { value: value.clone(), origin: variable };
                    self.entries.entry(flag.name).or_insert(entry);
                }
            }
        }
        self.unknown = environment.into_keys().filter(|name| !is_known(name)).collect();
    }

    /// What was written for `name`, if anything.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Environment variables with one of our prefixes that no flag answers to. Not errors: Kubernetes sets
    /// `ETCD_SERVICE_HOST` and the like in every pod beside a service of that name.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }
}

fn variable(prefix: &str, flag: &str) -> String {
    format!("{prefix}{}", flag.replace('-', "_").to_ascii_uppercase())
}

fn is_known(name: &str) -> bool {
    CLIENT_VARIABLES.contains(&name)
        || ENVIRONMENT_PREFIXES.iter().any(|prefix| FLAGS.iter().any(|flag| variable(prefix, flag.name) == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::flags::find;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_command_line_wins_then_our_variable_then_etcds() {
        let mut written = Written::default();
        written.set(find("name").unwrap(), "flag".to_owned());
        written.fill_from(environment(&[
            ("STRONGROOM_NAME", "ours"),
            ("STRONGROOM_DATA_DIR", "ours"),
            ("ETCD_DATA_DIR", "etcds"),
            ("ETCD_CERT_FILE", "etcds"),
            ("ETCD_KEY_FILE", ""),
        ]));
        assert_eq!(written.get("name").unwrap(), &Entry { value: "flag".into(), origin: "--name".into() });
        assert_eq!(written.get("data-dir").unwrap().value, "ours");
        assert_eq!(written.get("cert-file").unwrap().origin, "ETCD_CERT_FILE");
        assert_eq!(written.get("key-file"), None);
    }

    #[test]
    fn variables_that_no_flag_answers_to_are_reported() {
        let mut written = Written::default();
        written.fill_from(environment(&[("ETCD_SERVICE_HOST", "10.0.0.1"), ("STRONGROOM_KEY", "k"), ("HOME", "/")]));
        assert_eq!(written.unknown(), ["ETCD_SERVICE_HOST"]);
    }
}
