//! Reads single values out of what was written, and gathers what is wrong with them.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::flags::{FLAGS, Flag, Kind, Support, find};
use super::url::Url;
use super::value;
use super::written::{Entry, Written};

/// Written values on one side, problems on the other.
pub(crate) struct Reader<'a> {
    written: &'a Written,
    pub(crate) problems: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    /// A reader that has already refused what this version does not honour.
    pub(crate) fn new(written: &'a Written) -> Self {
        let mut reader = Self { written, problems: Vec::new() };
        for flag in FLAGS {
            if let Some(entry) = written.get(flag.name) {
                reader.problems.extend(refusal(flag, entry));
            }
        }
        reader
    }

    /// Notes a problem.
    pub(crate) fn report(&mut self, problem: ConfigError) {
        self.problems.push(problem);
    }

    /// True when the flag was written at all.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        self.written.get(name).is_some()
    }

    /// The flag or the variable under which a value was written.
    pub(crate) fn origin(&self, name: &str) -> String {
        self.written.get(name).map_or_else(|| format!("--{name}"), |entry| entry.origin.clone())
    }

    /// The value, or its default.
    pub(crate) fn text(&self, name: &str) -> String {
        self.written.get(name).map_or_else(|| default_of(name).to_owned(), |entry| entry.value.clone())
    }

    /// A path; `None` when it is empty.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// A value in a form of its own; `None` after reporting that it has another.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(name);
        let parsed = parse(&value);
        if parsed.is_none() {
            self.report(ConfigError::BadValue { origin: self.origin(name), value, expected });
        }
        parsed
    }

    /// A boolean.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        self.parsed(name, "true or false", value::switch).unwrap_or(false)
    }

    /// A positive whole number.
    pub(crate) fn count(&mut self, name: &str) -> Option<u64> {
        self.parsed(name, "a whole number above 0", |text| text.parse().ok().filter(|n| *n > 0))
    }

    /// A positive number of milliseconds.
    pub(crate) fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        self.count(name).map(Duration::from_millis)
    }

    /// A duration as Go writes it, above zero.
    pub(crate) fn duration(&mut self, name: &str) -> Duration {
        let expected = "a duration above zero, such as 500ms, 10s or 1h30m";
        self.parsed(name, expected, |text| value::duration(text).filter(|d| !d.is_zero())).unwrap_or_default()
    }

    /// A comma-separated list of URLs.
    pub(crate) fn urls(&mut self, name: &str) -> Vec<Url> {
        let text = self.text(name);
        let mut urls = Vec::new();
        for part in value::list(&text) {
            match part.parse() {
                Ok(url) => urls.push(url),
                Err(reason) => {
                    self.report(ConfigError::BadUrl { origin: self.origin(name), value: part.to_owned(), reason });
                }
            }
        }
        urls
    }

    /// A comma-separated list of URLs to listen on.
    pub(crate) fn listen_urls(&mut self, name: &str) -> Vec<Url> {
        let urls = self.urls(name);
        for url in urls.iter().filter(|url| url.bind_address().is_none() && url.socket_path().is_none()) {
            self.report(ConfigError::NotBindable { origin: self.origin(name), url: url.clone() });
        }
        urls
    }
}

fn default_of(name: &str) -> &'static str {
    find(name).expect("every flag that is read is in the table").default
}

fn refusal(flag: &Flag, entry: &Entry) -> Option<ConfigError> {
    let origin = entry.origin.clone();
    match flag.support {
        Support::Honoured => None,
        // `--flag=` says "none"; where none is the default, nothing was asked for.
        _ if entry.value.is_empty() && flag.default.is_empty() => None,
        Support::Refused => Some(ConfigError::Refused { origin }),
        Support::Only(accepted) if accepted.iter().any(|one| is_same(flag.kind, one, &entry.value)) => None,
        Support::Only(accepted) => {
            let accepted = accepted.iter().filter(|one| !one.is_empty()).copied().collect::<Vec<_>>().join(" or ");
            Some(ConfigError::Fixed { origin, accepted, value: entry.value.clone() })
        }
    }
}

fn is_same(kind: Kind, accepted: &str, value: &str) -> bool {
    match kind {
        Kind::Switch => value::switch(accepted) == value::switch(value),
        Kind::Text => accepted == value,
    }
}
