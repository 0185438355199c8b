//! From the flags to the report.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::arguments::{Bench, Load, Output, Workload};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::report::Report;
use crate::workload::{lease, mixed, put, range, txn, watch};
use crate::{plot, table};

impl Bench {
    /// Runs the load, and writes the report to `out` and the plot to its file.
    ///
    /// # Errors
    /// [`BenchError`] when there is no report, and also, after it was written, when calls failed or events were lost.
    pub async fn run(&self, out: &mut dyn Write) -> Result<(), BenchError> {
        let (load, output) = self.shared();
        let report = self.measure().await?;
        if output.json {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            table::write(out, &report)?;
        }
        out.flush()?;
        if let Some(path) = &output.plot {
            draw(&report, path)?;
        }
        judge(&report, load.allow_errors)
    }

    /// Runs the load.
    ///
    /// # Errors
    /// [`BenchError`] when there is nothing to report. Calls that failed are in the report.
    pub async fn measure(&self) -> Result<Report, BenchError> {
        self.shared().0.check()?;
        let interrupt = Arc::new(Interrupt::listen());
        // Boxed: the largest of them would make every caller's future as large.
        let load = async {
            match &self.workload {
                Workload::Put(load) => Box::pin(put::run(load, &interrupt)).await,
                Workload::Txn(load) => Box::pin(txn::run(load, &interrupt)).await,
                Workload::Range(load) => Box::pin(range::run(load, &interrupt)).await,
                Workload::Mixed(load) => Box::pin(mixed::run(load, &interrupt)).await,
                Workload::Watch(load) => Box::pin(watch::run(load, &interrupt)).await,
                Workload::Lease(load) => Box::pin(lease::run(load, &interrupt)).await,
            }
        };
        tokio::select! {
            report = load => report,
            () = interrupt.pressed(2) => Err(BenchError::Interrupted),
        }
    }

    /// What all workloads take.
    pub(crate) fn shared(&self) -> (&Load, &Output) {
        match &self.workload {
            Workload::Put(run) => (&run.load, &run.output),
            Workload::Txn(run) => (&run.load, &run.output),
            Workload::Range(run) => (&run.load, &run.output),
            Workload::Mixed(run) => (&run.load, &run.output),
            Workload::Watch(run) => (&run.load, &run.output),
            Workload::Lease(run) => (&run.load, &run.output),
        }
    }
}

fn draw(report: &Report, path: &Path) -> Result<(), BenchError> {
    let failed = |reason: String| BenchError::Plot { path: path.to_owned(), reason };
    let picture = plot::draw(report).map_err(failed)?;
    std::fs::write(path, picture).map_err(|error| failed(error.to_string()))
}

/// Whether a report is one to be content with.
fn judge(report: &Report, allow_errors: bool) -> Result<(), BenchError> {
    let Report { lost, excess, disordered, .. } = *report;
    if lost + excess + disordered > 0 {
        return Err(BenchError::Unfaithful { lost, excess, disordered });
    }
    if let Some((code, failure)) = report.failures.first_key_value()
        && !allow_errors
    {
        let example = format!("{} ({code})", failure.example);
        return Err(BenchError::Failed { count: report.failed(), example });
    }
    if report.answered() == 0 {
        return Err(BenchError::Nothing);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, samples::report};

    #[test]
    fn a_report_without_faults_is_good() {
        assert!(judge(&report(), false).is_ok());
    }

    #[test]
    fn failed_calls_are_a_failure_unless_allowed() {
        let mut report = report();
        report.failures.insert("Unavailable".into(), Failure { count: 3, example: "gone".into() });
        let error = judge(&report, false).unwrap_err().to_string();
        assert_eq!(error, "3 calls failed, first: gone (Unavailable); --allow-errors accepts that");
        assert!(judge(&report, true).is_ok());
    }

    #[test]
    fn lost_events_are_a_failure_always() {
        let mut report = report();
        report.lost = 1;
        assert!(matches!(judge(&report, true), Err(BenchError::Unfaithful { lost: 1, .. })));
    }

    #[test]
    fn no_answer_is_no_result() {
        let mut report = report();
        report.operations.iter_mut().for_each(|operation| operation.count = 0);
        assert!(matches!(judge(&report, true), Err(BenchError::Nothing)));
    }
}
