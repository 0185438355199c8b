//! What plugins log: the newest lines of each, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::contract::host;
use crate::limits::{LOG_KEPT_MAX, LOG_LINE_BYTES_MAX};
use crate::review::one_line;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Error,
}

impl Level {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<host::Level> for Level {
    fn from(level: host::Level) -> Self {
        match level {
            host::Level::Debug => Self::Debug,
            host::Level::Info => Self::Info,
            host::Level::Warning => Self::Warning,
            host::Level::Error => Self::Error,
        }
    }
}

/// One line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was logged.
    pub at: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// One line of at most [`LOG_LINE_BYTES_MAX`].
    pub message: String,
}

impl Line {
    pub(crate) fn new(level: Level, message: &str) -> Self {
        Self { at: SystemTime::now(), level, message: one_line(message, LOG_LINE_BYTES_MAX) }
    }
}

/// The newest lines of one plugin.
#[derive(Default)]
pub(crate) struct Journal(Mutex<VecDeque<Line>>);

impl Journal {
    pub(crate) fn add(&self, lines: impl IntoIterator<Item = Line>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(lines);
        let over = kept.len().saturating_sub(LOG_KEPT_MAX);
        kept.drain(..over);
    }

    /// Adds those of another one.
    pub(crate) fn append(&self, other: Self) {
        let said = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Most reviews say nothing, and need not wait for others.
        if !said.is_empty() {
            self.add(said);
        }
    }

    /// Oldest first.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_each_is_one_short_line() {
        let journal = Journal::default();
        for number in 0..LOG_KEPT_MAX + 3 {
            journal.add(vec![Line::new(Level::Info, &format!("a\n{number}"))]);
        }
        let lines = journal.lines();
        assert_eq!((lines.len(), lines[0].message.as_str()), (LOG_KEPT_MAX, "a 3"));
        assert_eq!(Line::new(Level::Debug, &"x".repeat(1 << 20)).message.len(), LOG_LINE_BYTES_MAX);
    }
}
