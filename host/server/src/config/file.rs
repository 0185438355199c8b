//! The configuration file: etcd's YAML, with etcd's keys, and ours beside them.
//!
//! A key is a flag's name, but for the files of TLS, which lie in sections of their own. What etcd would pass over in
//! silence, a key that it does not know, is refused here by name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::error::{ConfigError, ConfigErrors};
use super::flags::{self, Flag, Kind};
use super::written::Entry;

/// Far above any configuration: what is larger is another file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Sections, with their keys and the flags that these stand for.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "client-transport-security",
        &[
            ("cert-file", "cert-file"),
            ("key-file", "key-file"),
            ("client-cert-file", "client-cert-file"),
            ("client-key-file", "client-key-file"),
            ("client-cert-auth", "client-cert-auth"),
            ("trusted-ca-file", "trusted-ca-file"),
            ("auto-tls", "auto-tls"),
            ("allowed-hostname", "client-cert-allowed-hostname"),
            // Not in etcd's file, only on its command line.
            ("crl-file", "client-crl-file"),
        ],
    ),
    (
        "peer-transport-security",
        &[
            ("cert-file", "peer-cert-file"),
            ("key-file", "peer-key-file"),
            ("client-cert-file", "peer-client-cert-file"),
            ("client-key-file", "peer-client-key-file"),
            ("client-cert-auth", "peer-client-cert-auth"),
            ("trusted-ca-file", "peer-trusted-ca-file"),
            ("auto-tls", "peer-auto-tls"),
            ("allowed-cn", "peer-cert-allowed-cn"),
            ("allowed-hostname", "peer-cert-allowed-hostname"),
            ("skip-client-san-verification", "peer-skip-client-san-verification"),
            ("crl-file", "peer-crl-file"),
        ],
    ),
    ("socket-options", &[("reuse-port", "socket-reuse-port"), ("reuse-address", "socket-reuse-address")]),
];

/// Keys of etcd's own sample file that no etcd of today reads.
const PASSED_OVER: [&str; 7] = [
    "discovery-fallback",
    "proxy",
    "proxy-failure-wait",
    "proxy-refresh-interval",
    "proxy-dial-timeout",
    "proxy-write-timeout",
    "proxy-read-timeout",
];

/// Reads the file.
///
/// # Errors
///
/// Every key that is unknown or has a value of another kind.
pub(super) fn read(path: &Path) -> Result<BTreeMap<&'static str, Entry>, ConfigErrors> {
    let text = text_of(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    // A file with comments only is an empty configuration.
    let parsed = serde_saphyr::from_str::<Option<Map<String, Value>>>(&text);
    let keys = parsed
        .map_err(|error| ConfigError::BadFile { path: path.to_owned(), reason: error.without_snippet().to_string() })?;
    let mut reading = Reading { path, entries: BTreeMap::new(), problems: Vec::new() };
    for (key, value) in keys.unwrap_or_default() {
        reading.key(&key, value);
    }
    if reading.problems.is_empty() { Ok(reading.entries) } else { Err(ConfigErrors(reading.problems)) }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

struct Reading<'a> {
    path: &'a Path,
    entries: BTreeMap<&'static str, Entry>,
    problems: Vec<ConfigError>,
}

impl Reading<'_> {
    fn key(&mut self, key: &str, value: Value) {
        if let Some((section, keys)) = SECTIONS.iter().find(|(section, _)| *section == key) {
            return self.section(section, keys, value);
        }
        let inside = SECTIONS.iter().find(|(_, keys)| keys.iter().any(|(_, flag)| *flag == key));
        match (flags::find(key), inside) {
            _ if PASSED_OVER.contains(&key) => {}
            (_, Some((section, _))) => {
                self.problems.push(ConfigError::Misplaced { origin: self.origin(key), section });
            }
            (Some(flag), None) if flag.name != "config-file" => self.value(flag, key, value),
            _ => self.unknown(key, flags::suggestion(key)),
        }
    }

    fn section(&mut self, section: &str, keys: &[(&str, &'static str)], value: Value) {
        let map = match value {
            Value::Null => return,
            Value::Object(map) => map,
            other => return self.bad_value(section, &other, "a section of keys and values"),
        };
        for (key, value) in map {
            let whole = format!("{section}.{key}");
            match keys.iter().find(|(known, _)| *known == key).and_then(|(_, flag)| flags::find(flag)) {
                Some(flag) => self.value(flag, &whole, value),
                None => self.unknown(&whole, None),
            }
        }
    }

    /// Nothing, which etcd's sample has after many keys, is as if the key were not there.
    fn value(&mut self, flag: &'static Flag, key: &str, value: Value) {
        let text = match &value {
            Value::Null => return,
            Value::String(text) if text.is_empty() => return,
            Value::String(text) => text.clone(),
            Value::Bool(switch) => switch.to_string(),
            // etcd's file has durations in nanoseconds, as Go marshals them; text is accepted as well.
            Value::Number(number) if flag.kind == Kind::Duration => format!("{number}ns"),
            Value::Number(number) => number.to_string(),
            Value::Array(parts) if parts.iter().all(Value::is_string) => {
                parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
            }
            Value::Array(_) => return self.bad_value(key, &value, "a list of texts"),
            Value::Object(_) => return self.bad_value(key, &value, "a single value"),
        };
        self.entries.insert(flag.name, Entry { value: text, origin: self.origin(key) });
    }

    fn origin(&self, key: &str) -> String {
        format!("{key} in {}", self.path.display())
    }

    fn unknown(&mut self, key: &str, suggestion: Option<&'static str>) {
        self.problems.push(ConfigError::UnknownKey { origin: self.origin(key), suggestion });
    }

    fn bad_value(&mut self, key: &str, value: &Value, expected: &'static str) {
        self.problems.push(ConfigError::BadValue { origin: self.origin(key), value: value.to_string(), expected });
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
