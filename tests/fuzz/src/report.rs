//! What came of it: counts, and all that must not have been.

use std::{collections::BTreeMap, process::ExitStatus};

use harness::Seed;

use crate::{Arguments, watchdog::Watched};

/// How one case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It was done: the input was sound after all.
    Served,
    /// With an answer of any other kind.
    Answered,
    /// The stream was reset.
    Reset,
    /// The connection was closed.
    Closed,
    /// The connection was not taken.
    Refused,
    /// The sender went away without waiting for more.
    GivenUp,
    /// The sender's own HTTP library would not send it.
    Unsendable,
    /// Nothing came in time. There may be none of these.
    Silent,
}

/// Counts of cases by kind and outcome.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, Outcome), u64>,
    silent: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, kind: &'static str, outcome: Outcome) {
        *self.counts.entry((kind, outcome)).or_default() += 1;
    }

    /// Remembers what was not answered.
    pub(crate) fn silent(&mut self, path: &str) {
        *self.silent.entry(path.to_owned()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        for (path, count) in other.silent {
            *self.silent.entry(path).or_default() += count;
        }
    }

    fn has(&self, kind: &'static str, outcome: Outcome) -> bool {
        self.counts.contains_key(&(kind, outcome))
    }
}

/// The whole run.
#[derive(Debug)]
pub(crate) struct Report {
    memory_mib_max: u64,
    text: String,
    complaints: Vec<String>,
}

impl Report {
    pub(crate) fn new(arguments: &Arguments, seed: Seed, tally: Tally) -> Self {
        let cases: u64 = tally.counts.values().sum();
        let mut text = format!("{cases} cases in {} s, {seed}\n", arguments.seconds);
        let mut complaints = Vec::new();
        for kind in ["call", "gateway", "frames", "tls"] {
            let of_kind = tally.counts.iter().filter(|((of, _), _)| *of == kind);
            let counts: Vec<_> = of_kind.map(|((_, outcome), count)| format!("{count} {outcome:?}")).collect();
            text += &format!("  {kind}: {}\n", counts.join(", "));
            if !tally.has(kind, Outcome::Answered) {
                complaints.push(format!("no {kind} was ever answered, so nothing was tried"));
            }
        }
        for kind in ["call", "gateway"] {
            if !tally.has(kind, Outcome::Served) {
                complaints.push(format!("no {kind} was ever served, so nothing was reached behind the door"));
            }
        }
        complaints.extend(tally.silent.iter().map(|(path, count)| format!("{path} was not answered {count} times")));
        Self { memory_mib_max: arguments.memory_mib_max, text, complaints }
    }

    /// What a watchdog saw.
    pub(crate) fn watched(&mut self, seen: Watched) {
        let Watched { name, answers, slowest, memory_mib, failures } = seen;
        let slowest = slowest.as_millis();
        self.text += &format!(
            "  {name} member: {answers} sound requests answered, the slowest in {slowest} ms; {memory_mib} MiB at most\n"
        );
        if memory_mib > self.memory_mib_max {
            self.complaints.push(format!("{name} grew to {memory_mib} MiB; the bound is {}", self.memory_mib_max));
        }
        if answers == 0 {
            self.complaints.push(format!("{name} answered no sound request"));
        }
        self.complaints.extend(failures.into_iter().map(|failure| format!("{name}: {failure}")));
    }

    /// How a member ended, and what it logged.
    pub(crate) fn ended(&mut self, name: &str, log: &[u8], status: ExitStatus) {
        if !status.success() {
            self.complaints.push(format!("{name} did not stop in order: {status}"));
        }
        let log = String::from_utf8_lossy(log);
        let panics = log.lines().filter(|line| line.contains("panicked"));
        self.complaints.extend(panics.map(|line| format!("{name}: {line}")));
    }

    pub(crate) fn passed(&self) -> bool {
        self.complaints.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        let verdict =
            if self.passed() { "passed\n".to_owned() } else { format!("FAILED\n{}\n", self.complaints.join("\n")) };
        format!("{}{verdict}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, time::Duration};

    use super::*;

    const ARGUMENTS: Arguments =
        Arguments { seconds: 1, workers: 1, memory_mib_max: 100, floods: false, pour: Vec::new() };

    fn tally() -> Tally {
        let mut tally = Tally::default();
        for kind in ["call", "gateway", "frames", "tls"] {
            tally.count(kind, Outcome::Answered);
            tally.count(kind, Outcome::Served);
        }
        tally
    }

    fn report() -> Report {
        Report::new(&ARGUMENTS, Seed(1), tally())
    }

    fn watched() -> Watched {
        Watched { name: "plain", answers: 1, slowest: Duration::ZERO, memory_mib: 50, failures: Vec::new() }
    }

    #[test]
    fn whatever_must_not_be_fails_the_run() {
        assert!(report().passed());
        let fails = |spoil: &dyn Fn(&mut Report)| {
            let mut report = report();
            spoil(&mut report);
            !report.passed()
        };
        assert!(fails(&|report| report.watched(Watched { memory_mib: 101, ..watched() })));
        assert!(fails(&|report| report.watched(Watched { answers: 0, ..watched() })));
        assert!(fails(&|report| report.watched(Watched { failures: vec!["slow".into()], ..watched() })));
        assert!(fails(&|report| report.ended("plain", b"thread 'x' panicked at y", ExitStatus::from_raw(0))));
        assert!(fails(&|report| report.ended("plain", b"", ExitStatus::from_raw(9))));
        assert!(!fails(&|report| report.watched(watched())));
        assert!(!fails(&|report| report.ended("plain", b"stopped", ExitStatus::from_raw(0))));
    }

    #[test]
    fn a_kind_that_never_got_anywhere_and_a_silent_call_fail_the_run() {
        assert!(!Report::new(&ARGUMENTS, Seed(1), Tally::default()).passed());
        let mut silent = tally();
        silent.silent("/etcdserverpb.KV/Put");
        let report = Report::new(&ARGUMENTS, Seed(1), silent);
        assert!(!report.passed() && report.text().contains("KV/Put"), "{}", report.text());
        let mut unserved = tally();
        unserved.counts.remove(&("gateway", Outcome::Served));
        assert!(!Report::new(&ARGUMENTS, Seed(1), unserved).passed());
    }
}
