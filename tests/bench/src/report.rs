//! The table.

use std::fmt::Write as _;

use crate::load::{Outcome, Plan};

/// The rounds of one plan.
pub(crate) struct Report {
    plan: Plan,
    pub(crate) strongroom: Vec<Outcome>,
    pub(crate) etcd: Vec<Outcome>,
}

impl Report {
    /// No rounds yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), strongroom: Vec::new(), etcd: Vec::new() }
    }
}

/// One line for each server and plan: the median round, with the slowest and fastest beside it, and the ratio to etcd.
pub(crate) fn table(reports: &[Report]) -> String {
    let mut table = format!(
        "{:>5} {:>7} {:>6}  {:<10} {:>9} {:>17} {:>9} {:>9} {:>7}\n",
        "conns", "clients", "bytes", "server", "puts/s", "(slowest-fastest)", "p50 ms", "p99 ms", "x etcd"
    );
    for report in reports {
        let etcd = median(&report.etcd);
        for (name, outcomes) in [("strongroom", &report.strongroom), ("etcd", &report.etcd)] {
            let outcome = median(outcomes);
            let rates = || outcomes.iter().map(|outcome| outcome.puts_per_second);
            let spread = format!("({:.0}-{:.0})", rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            let Plan { connections, clients, value_bytes, .. } = report.plan;
            _ = writeln!(
                table,
                "{connections:>5} {clients:>7} {value_bytes:>6}  {name:<10} {:>9.0} {spread:>17} {:>9.3} {:>9.3} {:>7.2}",
                outcome.puts_per_second,
                outcome.p50.as_secs_f64() * 1000.0,
                outcome.p99.as_secs_f64() * 1000.0,
                outcome.puts_per_second / etcd.puts_per_second,
            );
        }
    }
    table
}

/// The round in the middle, by its rate.
fn median(outcomes: &[Outcome]) -> &Outcome {
    let mut sorted: Vec<_> = outcomes.iter().collect();
    sorted.sort_by(|a, b| a.puts_per_second.total_cmp(&b.puts_per_second));
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_median_rounds() {
        let outcome =
            |puts_per_second| Outcome { puts_per_second, p50: Duration::from_millis(1), p99: Duration::from_millis(2) };
        let plan = Plan {
            connections: 1,
            clients: 1,
            duration: Duration::ZERO,
            total: 1,
            value_bytes: 8,
            prefix: String::new(),
        };
        let mut report = Report::new(&plan);
        report.strongroom = [300.0, 100.0, 200.0].map(outcome).to_vec();
        report.etcd = [50.0, 60.0, 1000.0].map(outcome).to_vec();
        let table = table(&[report]);
        assert!(
            table.contains("strongroom       200") && table.contains("(100-300)") && table.contains("3.33"),
            "{table}"
        );
    }
}
