//! What a campaign came to.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use faults::search::Canary;
use harness::Cluster;

use super::{Plan, Tally, round::RoundOutcome};
use crate::verdict::call::Call;

/// Complaints shown of one round.
const SHOWN_MAX: usize = 12;

/// Most characters shown of a complaint: values are long.
const SHOWN_CHARS_MAX: usize = 8_000;

/// Sums over all rounds, and what is wrong.
#[derive(Debug)]
pub(crate) struct Report {
    plan: Plan,
    rounds: usize,
    sums: Tally,
    faults: Tally,
    complaints: Vec<String>,
    files: usize,
    took: Duration,
    kept: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            rounds: 0,
            sums: Tally::new(),
            faults: Tally::new(),
            complaints: Vec::new(),
            files: 0,
            took: Duration::ZERO,
            kept: None,
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.complaints.is_empty()
    }

    /// How long it took.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// What is wrong, the first of it.
    pub(crate) fn first_complaint(&self) -> Option<&str> {
        self.complaints.first().map(String::as_str)
    }

    /// Adds a round; the calls that are still open.
    pub(super) fn add(&mut self, round: RoundOutcome) -> Vec<Call> {
        self.rounds += 1;
        for (name, count) in [
            ("calls answered", round.answered),
            ("calls of unknown outcome", round.unknown),
            ("calls refused", round.refused),
            ("revisions replayed", round.revisions),
            ("histories of single keys searched", round.keys),
            ("watches checked", round.watches),
            ("events delivered to them", round.events),
            ("leases checked", round.leases),
            ("stretches under a plugin checked", round.in_force),
        ] {
            *self.sums.entry(name).or_default() += count;
        }
        for (name, count) in &round.faults {
            *self.faults.entry(name).or_default() += count;
        }
        let number = round.number;
        self.complaints.extend(shown(&round.complaints).map(|text| format!("round {number}: {text}")));
        round.carried
    }

    /// Looks for sealed values in every file of every member, and in what they logged; of those that came and went, in their logs.
    pub(super) async fn secrets(&mut self, cluster: &Cluster, canary: &Canary) {
        self.files += faults::search::files_under(cluster.home()).len();
        for (file, form) in canary.files(cluster.home()) {
            self.complaints.push(format!("a sealed value lies in {} as {form}", file.display()));
        }
    }

    /// The end: what is wrong is kept to be looked at.
    pub(super) fn finish(&mut self, took: Duration, cluster: Cluster) {
        self.took = took;
        self.kept = (!self.is_clean()).then(|| cluster.keep());
    }

    /// As text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} members, {} rounds in {:.0?}; to repeat: {}\n",
            self.plan.members, self.rounds, self.took, self.plan.seed
        );
        for (name, count) in &self.sums {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {count:>9} {name}");
        }
        let _ = writeln!(text, "  {:>9} files searched for sealed values", self.files);
        let faults: Vec<_> = self.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let _ = writeln!(
            text,
            "  {:>9} faults (fail points: set): {}",
            self.faults.values().sum::<usize>(),
            faults.join(", ")
        );
        let _ = writeln!(text, "  {:>9} violations", self.complaints.len());
        for complaint in &self.complaints {
            let _ = writeln!(text, "    {complaint}");
        }
        if let Some(kept) = &self.kept {
            let _ = writeln!(text, "  directories and logs are kept in {}", kept.display());
        }
        text
    }
}

/// The first complaints of a round, each cut.
pub(super) fn shown(complaints: &[String]) -> impl Iterator<Item = String> {
    complaints.iter().take(SHOWN_MAX).map(|text| text.chars().take(SHOWN_CHARS_MAX).collect())
}
