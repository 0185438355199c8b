//! What a client asked, when, and what it was told.

use std::time::Duration;

/// Time since the round began, by the one clock of the process in which all clients run.
pub(crate) type Moment = Duration;

/// A key with its value and everything that the server keeps beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
    pub(crate) lease: i64,
}

/// Keys from one up to and without another; one key when the end is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Span {
    /// One key.
    pub(crate) fn key(key: &str) -> Self {
        Self { from: key.to_owned(), to: String::new() }
    }

    /// All keys that begin so. `prefix` ends in a character below the last one.
    pub(crate) fn prefix(prefix: &str) -> Self {
        let mut end = prefix.as_bytes().to_vec();
        let last = end.last_mut().expect("a prefix has a character");
        *last += 1;
        Self { from: prefix.to_owned(), to: String::from_utf8(end).expect("the prefix ends in ASCII") }
    }

    /// Every key.
    pub(crate) fn everything() -> Self {
        Self { from: "\0".to_owned(), to: "\0".to_owned() }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        match self.to.as_str() {
            "" => key == self.from,
            "\0" => key >= self.from.as_str(),
            to => key >= self.from.as_str() && key < to,
        }
    }
}

/// One step of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Put { key: String, value: String, lease: i64 },
    Get(Span),
    Delete(Span),
}

/// A condition of a transaction: the key was last changed at this revision (0: is not there), and then had this value.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) key: String,
    pub(crate) mod_revision: i64,
    pub(crate) value: Option<String>,
}

/// Something to ask of the server. Without guards and with one step it is sent as a put, range or delete, else as a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) guards: Vec<Guard>,
    pub(crate) success: Vec<Step>,
    pub(crate) failure: Vec<Step>,
    /// Whether an old state may answer.
    pub(crate) serializable: bool,
}

impl Operation {
    /// One step alone.
    pub(crate) fn single(step: Step) -> Self {
        Self::all(vec![step])
    }

    /// Several steps at once.
    pub(crate) fn all(success: Vec<Step>) -> Self {
        Self { guards: Vec::new(), success, failure: Vec::new(), serializable: false }
    }

    /// Whether it could change anything.
    pub(crate) fn writes(&self) -> bool {
        self.success.iter().chain(&self.failure).any(|step| !matches!(step, Step::Get(_)))
    }

    /// The values that it would write.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.success.iter().chain(&self.failure).filter_map(|step| match step {
            Step::Put { value, .. } => Some(value.as_str()),
            Step::Get(_) | Step::Delete(_) => None,
        })
    }
}

/// What the server said of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Put,
    Got(Vec<Record>),
    Deleted(Vec<Record>),
}

/// What the server said of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) revision: i64,
    /// Whether the guards held.
    pub(crate) succeeded: bool,
    pub(crate) told: Vec<Told>,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// With an answer.
    Answered(Moment, Answer),
    /// The server said that it will not be done.
    Refused,
    /// Nobody knows: it may have been done, or may yet be.
    Unknown,
}

/// One call of one client.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    #[expect(dead_code, reason = "shown in complaints")]
    pub(crate) client: usize,
    #[expect(dead_code, reason = "shown in complaints")]
    pub(crate) member: usize,
    pub(crate) operation: Operation,
    pub(crate) asked: Moment,
    pub(crate) outcome: Outcome,
}

impl Call {
    pub(crate) fn answer(&self) -> Option<(Moment, &Answer)> {
        match &self.outcome {
            Outcome::Answered(at, answer) => Some((*at, answer)),
            Outcome::Refused | Outcome::Unknown => None,
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_what_etcds_ranges_hold() {
        assert!(Span::key("a").contains("a") && !Span::key("a").contains("ab"));
        assert!(Span::prefix("/a/").contains("/a/z") && !Span::prefix("/a/").contains("/a0"));
        assert!(Span::everything().contains("\u{1}"));
    }
}
