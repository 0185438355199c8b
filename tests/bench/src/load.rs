//! `strongroom bench` as a program of its own, and its report.

use std::{
    process::{Output, Stdio},
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;
use tokio::process::{Child, Command};

/// What went wrong in any load so far, for the end of the table.
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What is needed of the report of `strongroom bench --json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    operations: Vec<Operation>,
}

/// One kind of call.
#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    name: String,
    pub(crate) count: f64,
    pub(crate) per_second: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

impl Report {
    /// What was measured of an operation.
    ///
    /// # Panics
    /// When it was not.
    pub(crate) fn of(&self, name: &str) -> &Operation {
        let found = self.operations.iter().find(|operation| operation.name == name);
        found.unwrap_or_else(|| panic!("there is no {name} in {self:?}"))
    }
}

impl Operation {
    pub(crate) fn p50_ms(&self) -> f64 {
        self.p50_us / 1000.0
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.p99_us / 1000.0
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.max_us / 1000.0
    }
}

/// A load that runs.
#[derive(Debug)]
pub(crate) struct Load {
    /// Whom it drives with what, for a note.
    title: String,
    child: Child,
}

impl Load {
    /// Starts it: the words of `line`, and those that say where the servers are.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub(crate) fn start(subject: &str, line: &str, connection: &[String]) -> Self {
        let mut command = Command::new(harness::binary());
        command.arg("bench").args(line.split_whitespace()).args(connection).args(["--json", "--allow-errors"]);
        command.env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("strongroom starts");
        Self { title: format!("{subject}, {line}"), child }
    }

    /// Its report, when it has come to its end. What failed is kept for [`notes`].
    ///
    /// # Panics
    /// When it made none.
    pub(crate) async fn end(self) -> Report {
        let Output { stdout, stderr, .. } = self.child.wait_with_output().await.expect("a child can be waited for");
        let said = String::from_utf8_lossy(&stderr).trim().to_owned();
        let document: serde_json::Value =
            serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("{}: no report: {said}", self.title));
        let report = Report::deserialize(&document).expect("a report has an entry for each operation");
        let faults: Vec<_> = faults(&document).into_iter().chain((!said.is_empty()).then_some(said)).collect();
        if !faults.is_empty() {
            let note = format!("{}: {}", self.title, faults.join("; "));
            NOTES.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        }
        report
    }

    /// Ends it early, as Ctrl-C does; its report.
    ///
    /// # Panics
    /// As [`Load::end`].
    pub(crate) async fn interrupt(self) -> Report {
        let id = self.child.id().expect("it was not waited for").to_string();
        let sent = std::process::Command::new("/bin/kill").args(["-INT", &id]).status();
        assert!(sent.expect("/bin/kill starts").success(), "{}: it has ended", self.title);
        self.end().await
    }
}

/// Failed calls, and requests that were due and not sent.
fn faults(report: &serde_json::Value) -> Vec<String> {
    let failures = report["failures"].as_object().into_iter().flatten();
    let failed = failures.map(|(code, failure)| format!("{} calls failed ({code})", failure["count"]));
    let unsent = report["unsent"].as_u64().filter(|unsent| *unsent > 0).map(|unsent| format!("{unsent} unsent"));
    failed.chain(unsent).collect()
}

/// What went wrong so far.
pub(crate) fn notes() -> Vec<String> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named() {
        let report = serde_json::json!({"failures": {"Unavailable": {"count": 3, "example": "gone"}}, "unsent": 2});
        assert_eq!(faults(&report), ["3 calls failed (Unavailable)", "2 unsent"]);
        assert!(faults(&serde_json::json!({"failures": {}, "unsent": 0})).is_empty());
    }
}
