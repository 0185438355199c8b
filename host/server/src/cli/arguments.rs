//! The command line of a server, as Go's `flag` package reads it, and so etcd: one dash or two, `--flag=value` or
//! `--flag value`, switches with or without a value, the last one wins.

use std::ffi::OsString;

use crate::config::did_you_mean;
use crate::config::flags::{self, Flag, Kind};

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// To run a member with these flags.
    Serve(Vec<(&'static Flag, String)>),
    /// `--help`.
    Help,
    /// `--version`.
    Version,
}

/// A command line that cannot be read: whoever wrote it is to write another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum UsageError {
    /// A flag that nobody knows.
    #[error("--{name} is not a known flag{}", did_you_mean(*suggestion))]
    UnknownFlag { name: String, suggestion: Option<&'static str> },
    /// A flag at the end of the line that wants a value.
    #[error("--{name} needs a value")]
    NoValue { name: &'static str },
    /// A value of another kind.
    #[error("--{name} is {value:?}, which is not {expected}")]
    BadValue { name: &'static str, value: String, expected: &'static str },
    /// A word that belongs to no flag.
    #[error("{word:?} belongs to no flag; values follow their flag, and switches take theirs after =")]
    Stray { word: String },
    /// A subcommand of etcd that is another program.
    #[error("{name} is not part of strongroom; use the one of etcd")]
    OtherProgram { name: String },
    /// Bytes that are no text.
    #[error("{word:?} is not UTF-8")]
    NotUnicode { word: OsString },
}

/// Programs of its own that etcd's binary holds as well.
const OTHER_PROGRAMS: [&str; 2] = ["gateway", "grpc-proxy"];

/// Reads a command line, without the name of the program.
///
/// # Errors
///
/// [`UsageError`] for the first word that cannot be read, as in etcd: what follows depends on it.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Request, UsageError> {
    let mut words = words.into_iter().map(|word| word.into_string().map_err(|word| UsageError::NotUnicode { word }));
    let mut given = Vec::new();
    let mut version = false;
    while let Some(word) = words.next().transpose()? {
        let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|name| !name.is_empty())
        else {
            return Err(stray(word, given.is_empty()));
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        match name {
            "h" | "help" => return Ok(Request::Help),
            "version" => version = value.as_deref() != Some("false"),
            name => {
                let flag = known(name)?;
                let value = match value {
                    Some(value) => value,
                    None if flag.kind == Kind::Switch => "true".to_owned(),
                    None => words.next().transpose()?.ok_or(UsageError::NoValue { name: flag.name })?,
                };
                given.push((flag, checked(flag, value)?));
            }
        }
    }
    Ok(if version { Request::Version } else { Request::Serve(given) })
}

fn known(name: &str) -> Result<&'static Flag, UsageError> {
    flags::find(name)
        .ok_or_else(|| UsageError::UnknownFlag { name: name.to_owned(), suggestion: flags::suggestion(name) })
}

fn checked(flag: &'static Flag, value: String) -> Result<String, UsageError> {
    if flag.kind.accepts(&value) {
        return Ok(value);
    }
    Err(UsageError::BadValue { name: flag.name, value, expected: flag.kind.expected() })
}

fn stray(word: String, first: bool) -> UsageError {
    if first && OTHER_PROGRAMS.contains(&word.as_str()) {
        return UsageError::OtherProgram { name: word };
    }
    UsageError::Stray { word }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
