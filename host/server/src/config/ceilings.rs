//! `--limits-config`: what prefixes may hold and take, and what callers may ask for.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;

use api::ConnectionSettings;
use flow::{IdentityLimit, LimitsConfig, PrefixLimit, Rate};
use serde::Deserialize;

use super::error::ConfigError;

/// Most prefixes: each is compared with every key that is written.
const PREFIXES_MAX: usize = 256;

/// Stands for anybody.
const ANYBODY: &str = "*";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ceilings {
    /// Of prefixes and callers.
    pub(crate) limits: LimitsConfig,
    /// Connections of one listener.
    pub(crate) connections_max: Option<usize>,
    /// Connections of one identity to one listener.
    pub(crate) identity_connections_max: Option<usize>,
}

impl Ceilings {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Limits`], with all that is wrong in it.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |reason: String| ConfigError::Limits { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        // A file with comments only limits nothing.
        let written = serde_saphyr::from_str::<Option<Written>>(text);
        let written = written.map_err(|error| error.without_snippet().to_string())?.unwrap_or_default();
        let mut problems = Vec::new();
        let mut prefixes: Vec<PrefixLimit> = Vec::new();
        for (at, prefix) in written.prefixes.into_iter().enumerate() {
            match prefix.resolve() {
                Ok(limit) if prefixes.iter().any(|other| other.prefix == limit.prefix) => {
                    problems
                        .push(format!("prefixes[{at}]: {:?} is there twice", String::from_utf8_lossy(&limit.prefix)));
                }
                Ok(limit) => prefixes.push(limit),
                Err(problem) => problems.push(format!("prefixes[{at}]: {problem}")),
            }
        }
        if prefixes.len() > PREFIXES_MAX {
            problems.push(format!("prefixes: there are {}, at most {PREFIXES_MAX} are allowed", prefixes.len()));
        }
        let identities = written.identities.into_iter().enumerate().filter_map(|(at, identity)| {
            let limit = identity.resolve();
            limit.map_err(|problem| problems.push(format!("identities[{at}]: {problem}"))).ok()
        });
        let limits = LimitsConfig { identities: identities.collect(), prefixes };
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        let connections = written.connections;
        Ok(Self {
            limits,
            connections_max: connections.total.map(NonZeroUsize::get),
            identity_connections_max: connections.per_identity.map(NonZeroUsize::get),
        })
    }

    /// How connections are looked after, with what the file says of them.
    pub(crate) fn of_connections(&self, settings: ConnectionSettings) -> ConnectionSettings {
        let (connections_max, identity_connections_max) = (self.connections_max, self.identity_connections_max);
        ConnectionSettings { connections_max, identity_connections_max, ..settings }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    connections: Connections,
    #[serde(default)]
    prefixes: Vec<Prefix>,
    #[serde(default)]
    identities: Vec<Identity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Connections {
    total: Option<NonZeroUsize>,
    per_identity: Option<NonZeroUsize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Prefix {
    prefix: String,
    max_keys: Option<u64>,
    max_bytes: Option<Size>,
    writes_per_second: Option<NonZeroU32>,
    burst: Option<NonZeroU32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Identity {
    identity: String,
    requests_per_second: Option<NonZeroU32>,
    burst: Option<NonZeroU32>,
    max_streams: Option<NonZeroUsize>,
}

/// A number of bytes, as `1048576` or `1MiB`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Text(String),
}

impl Size {
    fn bytes(&self) -> Option<u64> {
        let text = match self {
            Self::Bytes(bytes) => return Some(*bytes),
            Self::Text(text) => text.trim(),
        };
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
        let found = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim(), *shift)));
        let (number, shift) = found.unwrap_or((text, 0));
        number.parse::<u64>().ok()?.checked_mul(1 << shift)
    }
}

impl Prefix {
    fn resolve(self) -> Result<PrefixLimit, String> {
        let Self { prefix, max_keys, max_bytes, writes_per_second, burst } = self;
        let bytes_max = match max_bytes {
            Some(size) => {
                Some(size.bytes().ok_or("max-bytes: expected a number of bytes, or one with KiB, MiB, GiB or TiB")?)
            }
            None => None,
        };
        let writes = rate("writes-per-second", writes_per_second, burst)?;
        if max_keys.is_none() && bytes_max.is_none() && writes_per_second.is_none() {
            return Err("nothing is limited: give max-keys, max-bytes or writes-per-second".to_owned());
        }
        Ok(PrefixLimit { prefix: prefix.into(), keys_max: max_keys, bytes_max, writes })
    }
}

impl Identity {
    fn resolve(self) -> Result<IdentityLimit, String> {
        let who = match self.identity.as_str() {
            ANYBODY => None,
            rule => Some(rule.parse().map_err(|error: auth::AuthError| error.to_string())?),
        };
        let requests = rate("requests-per-second", self.requests_per_second, self.burst)?;
        if requests.is_none() && self.max_streams.is_none() {
            return Err("nothing is limited: give requests-per-second or max-streams".to_owned());
        }
        Ok(IdentityLimit { who, requests, streams_max: self.max_streams.map(NonZeroUsize::get) })
    }
}

/// The rate that is written by this name, if one is.
fn rate(name: &str, per_second: Option<NonZeroU32>, burst: Option<NonZeroU32>) -> Result<Option<Rate>, String> {
    match (per_second, burst) {
        (None, Some(_)) => Err(format!("burst: it takes {name}")),
        _ => Ok(per_second.map(|per_second| Rate { per_second, burst: burst.unwrap_or(per_second) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let file = "connections: { total: 1000, per-identity: 10 }\n\
                    prefixes:\n\
                    - { prefix: /registry/events/, max-keys: 500000, max-bytes: 2GiB, writes-per-second: 100, burst: 200 }\n\
                    - { prefix: /a/, max-bytes: 10 }\n\
                    identities:\n\
                    - { identity: 'CN:noisy', requests-per-second: 5 }\n\
                    - { identity: 'CN:watcher', max-streams: 9 }\n\
                    - { identity: '*', requests-per-second: 100, burst: 7 }\n";
        let ceilings = Ceilings::parse(file).unwrap();
        assert_eq!((ceilings.connections_max, ceilings.identity_connections_max), (Some(1000), Some(10)));
        let rate = |per_second, burst| {
            let number = |number| NonZeroU32::new(number).unwrap();
            Some(Rate { per_second: number(per_second), burst: number(burst) })
        };
        let [events, a] = &ceilings.limits.prefixes[..] else { panic!() };
        assert_eq!((events.keys_max, events.bytes_max, events.writes), (Some(500_000), Some(2 << 30), rate(100, 200)));
        assert_eq!((a.keys_max, a.bytes_max, a.writes), (None, Some(10), None));
        let [noisy, watcher, anybody] = &ceilings.limits.identities[..] else { panic!() };
        assert_eq!(
            (noisy.who.as_ref().map(ToString::to_string), noisy.requests),
            (Some("CN:noisy".to_owned()), rate(5, 5))
        );
        assert_eq!((watcher.requests, watcher.streams_max), (None, Some(9)));
        assert_eq!((&anybody.who, anybody.requests, anybody.streams_max), (&None, rate(100, 7), None));
        assert_eq!(Ceilings::parse("# nothing\n").unwrap(), Ceilings::default());
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let file = "prefixes: [{ prefix: /a/ }, { prefix: /b/, max-bytes: 3 bytes }, { prefix: /c/, max-keys: 1, burst: 1 }, \
                    { prefix: /d/, max-keys: 1 }, { prefix: /d/, max-keys: 2 }]\n\
                    identities: [{ identity: nobody, requests-per-second: 1 }, { identity: '*' }, { identity: '*', burst: 1 }]\n";
        let told = Ceilings::parse(file).unwrap_err();
        for part in [
            "[0]: nothing",
            "[1]: max-bytes",
            "[2]: burst",
            "[4]: \"/d/\" is there twice",
            "identities[0]",
            "identities[1]: nothing",
            "identities[2]: burst",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        for (file, part) in [
            ("prefixes: [{ prefix: /a/, max-keyz: 1 }]", "max-keyz"),
            ("identities: [{ identity: '*', requests-per-second: 0 }]", "0"),
            ("limits: []", "limits"),
        ] {
            let told = Ceilings::parse(file).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
    }
}
