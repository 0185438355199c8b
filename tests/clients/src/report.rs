//! What came of it, as a table.

use std::{fmt, time::Duration};

use crate::{program::Program, subject::Subject};

/// How one run of a client ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed {
        features: usize,
        took: Duration,
    },
    Failed(String),
    /// The client is not run against this server: it knows no TLS, say.
    NotMeant,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { features, took } => write!(f, "{features} features in {:.1} s", took.as_secs_f64()),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
            Self::NotMeant => f.write_str("not run"),
        }
    }
}

impl Outcome {
    fn cell(&self) -> String {
        match self {
            Self::Passed { features, .. } => format!("{features} ok"),
            Self::Failed(_) => "FAILED".to_owned(),
            Self::NotMeant => "-".to_owned(),
        }
    }
}

/// The outcomes of all runs.
#[derive(Debug)]
pub(crate) struct Report {
    subjects: Vec<Subject>,
    runs: Vec<(&'static Program, Subject, Outcome)>,
}

impl Report {
    pub(crate) fn new(subjects: Vec<Subject>) -> Self {
        Self { subjects, runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, program: &'static Program, subject: Subject, outcome: Outcome) {
        self.runs.push((program, subject, outcome));
    }

    /// Whether something ran and nothing failed.
    pub(crate) fn passed(&self) -> bool {
        let counts = |wanted: fn(&Outcome) -> bool| self.runs.iter().filter(|(_, _, outcome)| wanted(outcome)).count();
        counts(|outcome| matches!(outcome, Outcome::Passed { .. })) > 0
            && counts(|outcome| matches!(outcome, Outcome::Failed(_))) == 0
    }

    /// A row for each client, a column for each server.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("\n{:<16}{:<50}", "CLIENT", "LIBRARY");
        table.extend(self.subjects.iter().map(|subject| format!("{:<18}", subject.to_string().to_uppercase())));
        let mut last = "";
        for (program, _, outcome) in &self.runs {
            if program.name != last {
                table += &format!("\n{:<16}{:<50}", program.name, program.library);
                last = program.name;
            }
            table += &format!("{:<18}", outcome.cell());
        }
        table + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::PROGRAMS;

    #[test]
    fn one_failure_fails_the_run_and_so_does_nothing_at_all() {
        let mut report = Report::new(vec![Subject::Strongroom]);
        assert!(!report.passed(), "nothing ran");
        report.add(&PROGRAMS[0], Subject::Strongroom, Outcome::NotMeant);
        assert!(!report.passed(), "nothing ran yet");
        report.add(&PROGRAMS[0], Subject::Strongroom, Outcome::Passed { features: 8, took: Duration::ZERO });
        assert!(report.passed());
        report.add(&PROGRAMS[1], Subject::Strongroom, Outcome::Failed("no get".into()));
        assert!(!report.passed());
        assert!(report.table().contains("8 ok") && report.table().contains("FAILED"), "{}", report.table());
    }
}
