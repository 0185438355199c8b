//! Reads single values out of what was written, and gathers what is wrong with them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::flags::{Flag, Support, find};
use super::remark::Remark;
use super::url::Url;
use super::value;
use super::written::{Entry, Written};

/// Written values on one side, problems and remarks on the other.
pub(crate) struct Reader<'a> {
    /// Without those that cannot be read at all, so that no problem is reported twice.
    entries: BTreeMap<&'static str, &'a Entry>,
    is_file: bool,
    pub(crate) problems: Vec<ConfigError>,
    pub(crate) remarks: Vec<Remark>,
}

impl<'a> Reader<'a> {
    /// A reader that has already reported what is malformed and what this version does not honour.
    pub(crate) fn new(written: &'a Written) -> Self {
        let mut reader = Self {
            entries: BTreeMap::new(),
            is_file: written.is_file(),
            problems: Vec::new(),
            remarks: written.remarks().to_vec(),
        };
        for (flag, entry) in written.flags() {
            if flag.kind.accepts(&entry.value) {
                reader.judge(flag, entry);
                reader.entries.insert(flag.name, entry);
            } else {
                let (origin, value, expected) = (entry.origin.clone(), entry.value.clone(), flag.kind.expected());
                reader.problems.push(ConfigError::BadValue { origin, value, expected });
            }
        }
        reader
    }

    /// Refuses a flag, or notes that it has no effect. What says the default asks for nothing.
    fn judge(&mut self, flag: &Flag, entry: &Entry) {
        let origin = entry.origin.clone();
        if flag.is_same(&entry.value, flag.default) {
            return;
        }
        match flag.support {
            Support::Honoured => {}
            Support::Moot(why) => self.remarks.push(Remark::Moot { origin, why }),
            Support::Refused(why) => self.problems.push(ConfigError::Refused { origin, why }),
            Support::Only(accepted, _) if accepted.iter().any(|one| flag.is_same(one, &entry.value)) => {}
            Support::Only([""], why) => self.problems.push(ConfigError::Refused { origin, why }),
            Support::Only(accepted, why) => {
                let (accepted, value) = (accepted.join(" or "), entry.value.clone());
                self.problems.push(ConfigError::Fixed { origin, accepted, value, why });
            }
        }
    }

    /// Notes a problem.
    pub(crate) fn report(&mut self, problem: ConfigError) {
        self.problems.push(problem);
    }

    /// Notes something for the log.
    pub(crate) fn remark(&mut self, remark: Remark) {
        self.remarks.push(remark);
    }

    /// True when the flag was written at all.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// True when a configuration file says it all.
    pub(crate) fn is_file(&self) -> bool {
        self.is_file
    }

    /// The flag, the variable or the key under which a value was written.
    pub(crate) fn origin(&self, name: &str) -> String {
        self.entries.get(name).map_or_else(|| format!("--{name}"), |entry| entry.origin.clone())
    }

    /// The value, or its default.
    pub(crate) fn text(&self, name: &str) -> String {
        self.entries.get(name).map_or_else(|| default_of(name).to_owned(), |entry| entry.value.clone())
    }

    /// A path; `None` when it is empty.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// A comma-separated list.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        value::list(&self.text(name)).map(str::to_owned).collect()
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
    pub(crate) fn switch(&self, name: &str) -> bool {
        value::switch(&self.text(name)).expect("a switch that cannot be read was taken out")
    }

    /// A whole number with a sign.
    pub(crate) fn signed(&mut self, name: &str) -> i64 {
        let expected = "a whole number of at most 64 bits";
        self.parsed(name, expected, |text| i64::try_from(value::signed(text)?).ok()).unwrap_or_default()
    }

    /// A positive whole number.
    pub(crate) fn count(&mut self, name: &str) -> Option<u64> {
        self.parsed(name, "a whole number above 0", |text| value::whole(text).filter(|n| *n > 0))
    }

    /// A positive number of milliseconds.
    pub(crate) fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        self.count(name).map(Duration::from_millis)
    }

    /// A duration as Go writes it.
    pub(crate) fn duration(&self, name: &str) -> Duration {
        value::duration(&self.text(name)).expect("a duration that cannot be read was taken out")
    }

    /// A comma-separated list of URLs.
    pub(crate) fn urls(&mut self, name: &str) -> Vec<Url> {
        let mut urls = Vec::new();
        for part in self.list(name) {
            match part.parse() {
                Ok(url) => urls.push(url),
                Err(reason) => {
                    self.report(ConfigError::BadUrl { origin: self.origin(name), value: part, reason });
                }
            }
        }
        urls
    }

    /// A comma-separated list of at least one URL.
    pub(crate) fn some_urls(&mut self, name: &str) -> Vec<Url> {
        if self.list(name).is_empty() {
            let (origin, value) = (self.origin(name), self.text(name));
            self.report(ConfigError::BadValue { origin, value, expected: "a list of at least one URL" });
        }
        self.urls(name)
    }

    /// Reports URLs that cannot be listened on.
    pub(crate) fn bindable(&mut self, name: &str, urls: Vec<Url>) -> Vec<Url> {
        for url in urls.iter().filter(|url| url.bind_address().is_none() && url.socket_path().is_none()) {
            self.report(ConfigError::NotBindable { origin: self.origin(name), url: url.clone() });
        }
        urls
    }
}

fn default_of(name: &str) -> &'static str {
    find(name).expect("every flag that is read is in the table").default
}
