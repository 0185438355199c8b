//! The tables of flags that `strongroom serve` knows: all of etcd's, and our own.
//!
//! Every flag is one of four things ([`Support`]): honoured; moot, because what it tunes is not here, which is said once
//! at the start; held to the values that describe what happens anyhow; or refused, because ignoring it would make another
//! cluster than the one that was asked for.

mod clustering;
mod member;
mod operation;
mod own;
mod security;

use super::value;

/// How a flag's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything; what is accepted is the business of who reads it.
    Text,
    /// `--flag` or `--flag=true|false`.
    Switch,
    /// A whole number from zero up.
    Whole,
    /// A whole number.
    Signed,
    /// A duration as Go writes it, such as `1m30s`.
    Duration,
}

/// What this version makes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// The value is read by `resolve`.
    Honoured,
    /// Accepted and without effect, for this reason.
    Moot(&'static str),
    /// These values describe what this version does anyhow; any other is refused, for this reason.
    Only(&'static [&'static str], &'static str),
    /// Refused unless it asks for nothing, for this reason.
    Refused(&'static str),
}

/// One flag of `strongroom serve`.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Without the leading dashes.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The value when it is not given; empty means none.
    pub(crate) default: &'static str,
    pub(crate) support: Support,
    /// One line for `--help`, where the reason of [`Support`] does not say it all.
    pub(crate) help: &'static str,
}

/// Flags under a heading of `--help`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) flags: &'static [Flag],
}

/// Every group, in etcd's order, then ours.
pub(crate) const GROUPS: &[Group] = &[
    Group { title: "Member", flags: member::FLAGS },
    Group { title: "Clustering", flags: clustering::FLAGS },
    Group { title: "Security", flags: security::FLAGS },
    Group { title: "Auth", flags: security::AUTH },
    Group { title: "Profiling and monitoring", flags: operation::MONITORING },
    Group { title: "Logging", flags: operation::LOGGING },
    Group { title: "Distributed tracing", flags: operation::TRACING },
    Group { title: "Features", flags: operation::FEATURES },
    Group { title: "Unsafe", flags: operation::UNSAFE },
    Group { title: "Strongroom", flags: own::FLAGS },
];

/// Flags whose values are secrets.
const SECRETS: [&str; 2] = ["discovery-user", "discovery-password"];

/// Flags that etcd itself has long forgotten and still accepts.
const FORGOTTEN: &[Flag] = own::FORGOTTEN;

/// Every flag.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    GROUPS.iter().flat_map(|group| group.flags).chain(FORGOTTEN)
}

/// The flag called `name` (without dashes).
pub(crate) fn find(name: &str) -> Option<&'static Flag> {
    all().find(|flag| flag.name == name)
}

/// How like a known name a mistyped one must be for a suggestion, from 0 to 1: one letter in ten may be wrong, and a pair swapped.
const LIKENESS_MIN: f64 = 0.85;

/// The flag that somebody who wrote `name` may have meant.
pub(crate) fn suggestion(name: &str) -> Option<&'static str> {
    let likeness = |flag: &'static Flag| (strsim::jaro_winkler(name, flag.name), flag.name);
    let best = all().map(likeness).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, name)| name)
}

impl Flag {
    /// The flag with a value, for the log.
    pub(crate) fn shown(&self, value: &str) -> String {
        let value = if SECRETS.contains(&self.name) { "..." } else { value };
        format!("--{}={value}", self.name)
    }

    /// True when two values of this flag say the same.
    pub(crate) fn is_same(&self, a: &str, b: &str) -> bool {
        a == b
            || match self.kind {
                Kind::Text => false,
                Kind::Switch => value::switch(a) == value::switch(b),
                Kind::Whole | Kind::Signed => value::signed(a) == value::signed(b),
                Kind::Duration => value::duration(a) == value::duration(b),
            }
    }
}

impl Kind {
    /// What a value of this kind is, for error texts.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Switch => "true or false",
            Self::Whole => "a whole number",
            Self::Signed => "a whole number, above or below zero",
            Self::Duration => "a duration, such as 500ms, 10s or 1h30m",
        }
    }

    /// True when `text` can be read.
    pub(crate) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Switch => value::switch(text).is_some(),
            Self::Whole => value::whole(text).is_some(),
            Self::Signed => value::signed(text).is_some(),
            Self::Duration => value::duration(text).is_some(),
        }
    }
}

const fn honoured(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, support: Support::Honoured, help }
}

const fn moot(name: &'static str, kind: Kind, default: &'static str, why: &'static str) -> Flag {
    Flag { name, kind, default, support: Support::Moot(why), help: "" }
}

/// The first of the accepted values is the default.
const fn only(name: &'static str, kind: Kind, accepted: &'static [&'static str], why: &'static str) -> Flag {
    Flag { name, kind, default: accepted[0], support: Support::Only(accepted, why), help: "" }
}

const fn refused(name: &'static str, kind: Kind, default: &'static str, why: &'static str) -> Flag {
    Flag { name, kind, default, support: Support::Refused(why), help: "" }
}
