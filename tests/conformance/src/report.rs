//! The table of a run.

use std::{collections::BTreeMap, fmt};

use crate::{case::Case, coverage::Coverage, verdict::Verdict, wire};

/// Cases of one method.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    cases: usize,
    agreed: usize,
    explained: usize,
    differing: usize,
}

/// What came of all cases, per method and in total.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: BTreeMap<String, Row>,
    total: Row,
    reasons: BTreeMap<String, usize>,
    deliberate: BTreeMap<String, usize>,
}

impl Report {
    /// Adds a case; it counts for every method that it called.
    pub(crate) fn add(&mut self, case: &Case, verdict: &Verdict, coverage: &Coverage) {
        let etcdctl = case.steps.iter().any(|step| step.action == "etcdctl");
        let gateway = coverage.pages.iter().any(|page| page.contains(" /v3/"));
        let pages = coverage.pages.iter().any(|page| !page.contains(" /v3/"));
        let doors = [("JSON gateway", gateway), ("HTTP pages", pages), ("etcdctl", etcdctl)];
        let doors = doors.into_iter().filter(|(_, used)| *used).map(|(name, _)| name.to_owned());
        for name in coverage.methods.iter().cloned().chain(doors) {
            self.rows.entry(name).or_default().count(verdict);
        }
        self.total.count(verdict);
        if let Verdict::Explained(reason) = verdict {
            *self.reasons.entry(reason.clone()).or_default() += 1;
        }
        for deliberate in case.steps.iter().filter_map(|step| step.options.deliberate.as_ref()) {
            *self.deliberate.entry(deliberate.reason.clone()).or_default() += 1;
        }
    }

    /// Whether a reason explained a case.
    pub(crate) fn explained_by(&self, reason: &str) -> bool {
        self.reasons.contains_key(reason)
    }

    /// Cases that differ without an explanation.
    pub(crate) fn differing(&self) -> usize {
        self.total.differing
    }
}

impl Row {
    fn count(&mut self, verdict: &Verdict) {
        self.cases += 1;
        match verdict {
            Verdict::Agreed => self.agreed += 1,
            Verdict::Explained(_) => self.explained += 1,
            Verdict::Differs(_) => self.differing += 1,
        }
    }

    fn write(self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let Self { cases, agreed, explained, differing } = self;
        writeln!(f, "{name:<34} {cases:>6} {agreed:>7} {explained:>10} {differing:>10}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>6} {:>7} {:>10} {:>10}", "", "cases", "agreed", "explained", "differing")?;
        let methods = wire::services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let mut left = self.rows.clone();
        for name in methods.map(|method| wire::short_name(&method)) {
            left.remove(&name).unwrap_or_default().write(f, &name)?;
        }
        for (name, row) in left {
            row.write(f, &name)?;
        }
        self.total.write(f, "total")?;
        for (reason, cases) in &self.reasons {
            writeln!(f, "{cases:>4} explained: {reason}")?;
        }
        for (reason, steps) in &self.deliberate {
            writeln!(f, "{steps:>4} deliberate: {reason}")?;
        }
        Ok(())
    }
}
