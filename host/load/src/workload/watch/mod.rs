//! `bench watch`: from the put to the event at each watcher.
//!
//! ```text
//!  putter --(value: run, time)--> server --events--> a task for each stream --> tally: what each watcher got
//!     '--> outcomes: puts tried, puts answered -------------------------------------^ compared at the end
//! ```
//!
//! A watcher that got as many events as puts were answered, each of a higher revision than the one before, has lost none and got
//! none twice. Puts that failed may or may not have happened: as many events more are no fault.

mod mark;
mod stream;
mod tally;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use proto::etcdserverpb::PutRequest;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Status;

use self::mark::{MARK_BYTES, Mark};
use self::stream::{Stream, Watched};
use self::tally::Tally;
use super::{report, settings};
use crate::arguments::{Data, Load, Run, STREAMS_MAX, Sequence, WATCHERS_MAX};
use crate::connection::Kv;
use crate::dataset::Dataset;
use crate::driver::{Measured, Work, measure};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::{KeySpace, Picker};
use crate::random::Random;
use crate::recorder::{Notes, Recorder};
use crate::report::Report;
use crate::session::Session;
use crate::table::many;
use crate::values::Values;

/// Places in [`OPERATIONS`].
const EVENT: usize = 0;
const PUT: usize = 1;
const OPERATIONS: &[&str] = &["event", "put"];

/// How often it is looked whether all events have come.
const POLL: Duration = Duration::from_millis(10);

/// What only `watch` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WatchLoad {
    /// Watchers. With one key they watch that key, with more the prefix
    #[arg(long, value_name = "N", default_value = "100",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=WATCHERS_MAX))]
    watchers: usize,
    /// Streams that the watchers share, spread over the connections; clients put over one more connection [default: one for
    /// each of --conns]
    #[arg(long, value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=STREAMS_MAX))]
    streams: Option<usize>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    sequence: Sequence,
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<WatchLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let WatchLoad { watchers, data, .. } = &run.own;
    // One client puts as fast as it is answered, or at the rate.
    let mut load = run.load.clone();
    load.clients.get_or_insert(1);
    let (streams, connections) = spread(&run.own, &load)?;
    let keys = data.key_space(data.keys.unwrap_or(1))?;
    let session = Session::open(&run.endpoints, &load, data, keys, connections + 1, interrupt).await?;
    let dataset = Dataset::open(&session, data.keep).await?;
    let recorder = Recorder::new(OPERATIONS);
    let tally = Arc::new(Tally::new(*watchers));
    let measured = fan_out(&session, run.own.sequence.clone(), &load, streams, &tally, &recorder).await;
    let remark = dataset.clear().await;
    let what = if session.keys.count == 1 { "one key" } else { "the prefix" };
    let (watchers, streams) = (many(*watchers as u64, "watcher"), many(streams as u64, "stream"));
    let name = format!("watch, {watchers} of {what} over {streams}");
    let mut report = report(settings(&session, name, load.rate), measured?, &recorder);
    report.lost = tally.lost();
    report.excess = tally.excess();
    report.disordered = tally.disordered();
    report.remarks.extend(remark?);
    Ok(report)
}

/// Streams, and connections for them.
fn spread(own: &WatchLoad, load: &Load) -> Result<(usize, usize), BenchError> {
    if own.data.value_bytes < MARK_BYTES {
        return Err(BenchError::Arguments(format!(
            "--value-bytes {} is too small for watch: a value carries the time of its put; it takes {MARK_BYTES} or more",
            own.data.value_bytes
        )));
    }
    let streams = own.streams.unwrap_or_else(|| load.conns.unwrap_or(1));
    if streams > own.watchers {
        return Err(BenchError::Arguments(format!(
            "{streams} streams are more than {} watchers, so some would be idle; raise --watchers or lower --streams",
            own.watchers
        )));
    }
    Ok((streams, load.connections(streams, "--streams")?))
}

async fn fan_out(
    session: &Session,
    sequence: Sequence,
    load: &Load,
    streams: usize,
    tally: &Arc<Tally>,
    recorder: &Arc<Recorder>,
) -> Result<Measured, BenchError> {
    let mark = Mark::new();
    // Dropped at the end, and with it the streams.
    let mut readers = JoinSet::new();
    for number in 0..streams {
        let watched = Watched::new(&session.keys, (number..tally.watchers()).step_by(streams).collect());
        // The last connection is for puts.
        let connection = &session.connections[number % (session.connections.len() - 1)];
        let stream = session.answer("begin to watch", Stream::open(connection, watched)).await?;
        readers.spawn(stream.follow(mark, Arc::clone(tally), Notes::of(recorder, number)));
    }
    let picker = Picker::new(sequence.order, session.keys.count);
    let putter = |client| Putter::new(session, client, picker.clone(), mark, Arc::clone(tally));
    let mut measured = measure((0..session.clients).map(putter).collect(), load, recorder, &session.interrupt).await?;
    settle(tally, session.timeout).await;
    measured.series.advance();
    Ok(measured)
}

/// Waits until every watcher has what it is to get, or until nothing came for `patience`.
async fn settle(tally: &Tally, patience: Duration) {
    let (mut received, mut since) = (tally.received(), Instant::now());
    while tally.lost() > 0 && since.elapsed() < patience {
        sleep(POLL).await;
        if tally.received() != received {
            (received, since) = (tally.received(), Instant::now());
        }
    }
    // What is too much comes late.
    sleep(10 * POLL).await;
}

struct Putter {
    kv: Kv,
    keys: KeySpace,
    values: Values,
    picker: Picker,
    random: Random,
    mark: Mark,
    tally: Arc<Tally>,
}

impl Putter {
    fn new(session: &Session, client: usize, picker: Picker, mark: Mark, tally: Arc<Tally>) -> Self {
        let (keys, values) = (session.keys.clone(), session.values.clone());
        let kv = session.connections[session.connections.len() - 1].kv();
        Self { kv, keys, values, picker, random: Random::of_client(session.seed, client), mark, tally }
    }
}

impl Work for Putter {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        let key = self.keys.key(self.picker.pick(&mut self.random));
        self.tally.tried.fetch_add(1, Ordering::Relaxed);
        let value = self.values.marked(&self.mark.now(), &mut self.random);
        self.kv.put(PutRequest { key, value, ..PutRequest::default() }).await?;
        self.tally.answered.fetch_add(1, Ordering::Relaxed);
        notes.answered(PUT, begun);
        Ok(())
    }
}
