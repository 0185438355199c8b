//! What plugins have to say besides their verdict.

use crate::limits::REMARKS_MAX;

/// What plugins have to say of a write, as single lines that begin with the name of the one that says it. Nothing that was said of a
/// sealed value is among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// To whoever wrote.
    pub warnings: Vec<String>,
    /// To auditors.
    pub notes: Vec<String>,
}

impl Remarks {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.warnings.is_empty() && self.notes.is_empty()
    }

    /// Adds what was said later.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.warnings.append(&mut later.warnings);
        self.notes.append(&mut later.notes);
    }

    /// The first [`REMARKS_MAX`] lines of each kind.
    pub(crate) fn bounded(mut self) -> Self {
        self.warnings.truncate(REMARKS_MAX);
        self.notes.truncate(REMARKS_MAX);
        self
    }
}
