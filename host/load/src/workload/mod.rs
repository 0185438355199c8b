//! What is asked of the endpoint: a file for each workload.

pub(crate) mod lease;
pub(crate) mod mixed;
pub(crate) mod put;
pub(crate) mod range;
pub(crate) mod txn;
pub(crate) mod watch;

use std::sync::Arc;

use crate::arguments::{Data, Prepare, Run};
use crate::dataset::Dataset;
use crate::driver::{Measured, Work, measure};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::recorder::Recorder;
use crate::report::{Latency, OperationReport, Report, Settings};
use crate::session::Session;

/// Runs a workload whose clients work on keys: prepares them, lets the clients work, deletes them.
///
/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run_on_keys<L: clap::Args, W: Work>(
    run: &Run<L>,
    data: &Data,
    prepare: Option<&Prepare>,
    kind: Kind,
    interrupt: &Arc<Interrupt>,
    workers: impl AsyncFnOnce(&Session) -> Result<Vec<W>, BenchError>,
) -> Result<Report, BenchError> {
    let Run { endpoints, load, .. } = run;
    let connections = load.connections(load.clients(), "--clients")?;
    let prepared = prepare.map_or(Ok(0), |prepare| prepare.count(data.keys()))?;
    let keys = data.key_space(data.keys())?;
    let session = Session::open(endpoints, load, data, keys, connections, interrupt).await?;
    let dataset = Dataset::open(&session, data.keep).await?;
    let recorder = Recorder::new(kind.operations);
    let outcome = async {
        dataset.prepare(prepared).await?;
        measure(workers(&session).await?, load, &recorder, interrupt).await
    };
    let outcome: Result<_, BenchError> = outcome.await;
    // Also of a run that failed.
    let remark = dataset.clear().await;
    let settings = settings(&session, kind.name, load.rate);
    let mut report = report(settings, outcome?, &recorder);
    report.remarks.extend(remark?);
    Ok(report)
}

/// Which workload it is.
pub(crate) struct Kind {
    /// What it is called in a report.
    pub(crate) name: String,
    /// What is measured.
    pub(crate) operations: &'static [&'static str],
}

fn settings(session: &Session, workload: String, rate: Option<f64>) -> Settings {
    Settings {
        workload,
        endpoints: session.urls.clone(),
        connections: session.connections.len(),
        clients: session.clients,
        keys: session.keys.count,
        key_bytes: if session.keys.count == 0 { 0 } else { session.keys.key_bytes() },
        value_bytes: session.value_bytes,
        rate,
        seed: session.seed,
    }
}

fn report(settings: Settings, measured: Measured, recorder: &Recorder) -> Report {
    let elapsed_seconds = measured.elapsed(recorder).as_secs_f64().max(f64::MIN_POSITIVE);
    let Measured { series, schedule, .. } = measured;
    let operation = |(name, total): (&&'static str, &hdrhistogram::Histogram<u64>)| OperationReport {
        name,
        count: total.len(),
        per_second: total.len() as f64 / elapsed_seconds,
        latency: Latency::of(total),
    };
    let operations = recorder.operations.iter().zip(&series.totals).map(operation).collect();
    let interrupted = schedule.is_stopped().then(|| "the run was interrupted".to_owned());
    Report {
        settings,
        elapsed_seconds,
        operations,
        failures: recorder.failures(),
        unsent: schedule.unsent(),
        missed: recorder.missed(),
        lost: 0,
        excess: 0,
        disordered: 0,
        remarks: interrupted.into_iter().collect(),
        points: series.points,
    }
}
