//! Lets clients work until the schedule is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::Status;

use crate::arguments::Load;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::recorder::{Notes, Recorder};
use crate::schedule::Schedule;
use crate::series::{INTERVAL, Series};

/// Rest of a client after a call that failed, so that a server that is down is not asked a hundred thousand times a second.
const BACK_OFF: Duration = Duration::from_millis(10);

/// A client: it makes one request after the other.
pub(crate) trait Work: Send + 'static {
    /// Makes one request, and notes what was answered as begun at `begun`.
    fn work(&mut self, begun: Instant, notes: &Notes) -> impl Future<Output = Result<(), Status>> + Send;
}

/// What the measured part of a run came to.
pub(crate) struct Measured {
    pub(crate) series: Series,
    pub(crate) schedule: Arc<Schedule>,
    begun: Instant,
    ended: Instant,
}

impl Measured {
    /// Time that rates are taken over. A call that failed long after the end does not lengthen it.
    pub(crate) fn elapsed(&self, recorder: &Recorder) -> Duration {
        let answered = recorder.last().map_or(Duration::ZERO, |last| last - self.begun);
        self.schedule.completed().unwrap_or(self.ended - self.begun).max(answered)
    }
}

/// Lets the clients work: for the warm-up, of which nothing is kept, and then for as long as `load` says.
///
/// # Errors
/// [`BenchError::Client`], and [`BenchError::Interrupted`] in the warm-up.
pub(crate) async fn measure<W: Work>(
    mut workers: Vec<W>,
    load: &Load,
    recorder: &Arc<Recorder>,
    interrupt: &Interrupt,
) -> Result<Measured, BenchError> {
    if !load.warm_up.is_zero() {
        let schedule = Schedule::begin(Some(load.warm_up), None, load.rate);
        let progress = Progress::new("warm-up", Some(load.warm_up), None);
        let mut series = Series::new(recorder);
        workers = pass(workers, load.timeout, &schedule, &mut series, recorder, &progress, interrupt).await?;
        if schedule.is_stopped() {
            return Err(BenchError::Interrupted);
        }
    }
    recorder.restart();
    let (duration, total) = (load.duration(), load.total);
    let progress = Progress::new("measuring", duration, total);
    let mut series = Series::new(recorder);
    let schedule = Schedule::begin(duration, total, load.rate);
    pass(workers, load.timeout, &schedule, &mut series, recorder, &progress, interrupt).await?;
    Ok(Measured { begun: schedule.begun, ended: Instant::now(), series, schedule })
}

async fn pass<W: Work>(
    workers: Vec<W>,
    limit: Duration,
    schedule: &Arc<Schedule>,
    series: &mut Series,
    recorder: &Arc<Recorder>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Vec<W>, BenchError> {
    let mut clients = JoinSet::new();
    for (number, worker) in workers.into_iter().enumerate() {
        clients.spawn(work(worker, limit, Arc::clone(schedule), Notes::of(recorder, number)));
    }
    let mut done = Vec::with_capacity(clients.len());
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await; // the first comes at once
    loop {
        tokio::select! {
            client = clients.join_next() => match client {
                Some(worker) => done.push(worker?),
                None => break,
            },
            _ = ticks.tick() => {
                let points = series.advance().len();
                let newest = &series.points[series.points.len() - points..];
                progress.show(schedule.begun.elapsed(), series.answered(), newest);
            }
            () = interrupt.pressed(1), if !schedule.is_stopped() => schedule.stop(),
        }
    }
    series.advance();
    Ok(done)
}

async fn work<W: Work>(mut worker: W, limit: Duration, schedule: Arc<Schedule>, notes: Notes) -> W {
    while let Some(begun) = schedule.next().await {
        let outcome = timeout(limit, worker.work(begun, &notes)).await;
        let late = |_| Err(Status::deadline_exceeded(format!("no answer within {limit:?}")));
        if let Err(status) = outcome.unwrap_or_else(late) {
            notes.failed(&status);
            sleep(BACK_OFF).await;
        }
    }
    worker
}
