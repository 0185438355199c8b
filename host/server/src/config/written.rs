//! The configuration as written: what the command line and the environment say, or a file in their place, before anything
//! is made of it.
//!
//! As in etcd, a configuration file stands for everything: other flags and variables are then ignored, and named in the
//! log. Without one the command line wins over `STRONGROOM_*`, which wins over `ETCD_*`, which wins over the default; a
//! flag and a variable that both name a value are refused, as etcd refuses them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::environment::Environment;
use super::error::{ConfigError, ConfigErrors};
use super::file;
use super::flags::{self, Flag};
use super::remark::Remark;

/// The flag that names a configuration file.
const CONFIG_FILE: &str = "config-file";

/// One value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: String,
    /// `--name`, the environment variable, or the key of the file.
    pub(crate) origin: String,
}

/// Everything that was written, by flag name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    entries: BTreeMap<&'static str, Entry>,
    remarks: Vec<Remark>,
    is_file: bool,
}

impl Written {
    /// Brings together what was given on the command line and in the environment, or reads the file that either names.
    ///
    /// # Errors
    ///
    /// Every problem of that, at once.
    pub(crate) fn gather(
        arguments: Vec<(&'static Flag, String)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigErrors> {
        let mut command_line = Self::default();
        for (flag, value) in arguments {
            command_line.set(flag, value, format!("--{}", flag.name));
        }
        let environment = Environment::read(environment);
        let file = command_line.get(CONFIG_FILE).cloned().or_else(|| environment.get(CONFIG_FILE));
        match file.filter(|entry| !entry.value.is_empty()) {
            Some(entry) => command_line.replaced_by(&entry, &environment),
            None => command_line.completed_by(environment),
        }
    }

    /// The file stands for everything else.
    fn replaced_by(self, file: &Entry, environment: &Environment) -> Result<Self, ConfigErrors> {
        let mut written = Self { entries: file::read(Path::new(&file.value))?, is_file: true, ..Self::default() };
        let flags = self.entries.into_iter().filter(|(name, _)| *name != CONFIG_FILE).map(|(_, entry)| entry.origin);
        for origin in flags.chain(environment.set_variables()).filter(|origin| *origin != file.origin) {
            written.remarks.push(Remark::IgnoredBesideFile { origin });
        }
        Ok(written)
    }

    fn completed_by(mut self, environment: Environment) -> Result<Self, ConfigErrors> {
        let mut problems = environment.problems;
        for (name, entry) in environment.entries {
            if let Some(flag) = self.get(name) {
                problems.push(ConfigError::Shadowed { variable: entry.origin, flag: flag.origin.clone() });
                continue;
            }
            self.remarks.push(Remark::UsedVariable { name: entry.origin.clone() });
            self.entries.insert(name, entry);
        }
        self.remarks.extend(environment.unknown.into_iter().map(|name| Remark::UnknownVariable { name }));
        if problems.is_empty() { Ok(self) } else { Err(ConfigErrors(problems)) }
    }

    /// Notes a value; the last one wins.
    pub(crate) fn set(&mut self, flag: &'static Flag, value: String, origin: String) {
        self.entries.insert(flag.name, Entry { value, origin });
    }

    /// What was written for `name`, if anything.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Every flag that was written.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&'static Flag, &Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (flags::find(name).expect("only flags of the table are written"), entry))
    }

    /// True when a file says it all.
    pub(crate) fn is_file(&self) -> bool {
        self.is_file
    }

    /// What the log is to say about how the configuration came about.
    pub(crate) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;
