//! `bench mixed`.

use std::sync::Arc;
use std::time::Instant;

use tonic::Status;

use super::put::Putter;
use super::range::Reader;
use super::{Kind, run_on_keys};
use crate::arguments::{Data, Prepare, Run, Sequence};
use crate::driver::Work;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::Picker;
use crate::random::Random;
use crate::recorder::Notes;
use crate::report::Report;
use crate::session::Session;

/// Places in [`OPERATIONS`].
const READ: usize = 0;
const PUT: usize = 1;
const OPERATIONS: &[&str] = &["read", "put"];

/// What only `mixed` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MixedLoad {
    /// Share of the requests that read one key, from 0 to 1; the others put
    #[arg(long, value_name = "SHARE", default_value = "0.9", value_parser = share)]
    reads: f64,
    /// Read what the member has, which may be old, rather than ask for what is newest
    #[arg(long)]
    serializable: bool,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    sequence: Sequence,
    #[command(flatten)]
    prepare: Prepare,
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<MixedLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let MixedLoad { reads, serializable, data, sequence, prepare } = &run.own;
    let reading = if *serializable { "serializable" } else { "linearizable" };
    let name = format!("mixed, {reads} reads ({reading}), {} keys", sequence.name());
    let workers = async |session: &Session| {
        let picker = Picker::new(sequence.order, session.keys.count);
        let client = |client| Mixer {
            reader: Reader::new(session, client, picker.clone(), *serializable),
            putter: Putter::new(session, client, picker.clone()),
            reads: *reads,
            random: Random::of_client(!session.seed, client),
        };
        Ok((0..session.clients).map(client).collect())
    };
    run_on_keys(run, data, Some(prepare), Kind { name, operations: OPERATIONS }, interrupt, workers).await
}

struct Mixer {
    reader: Reader,
    putter: Putter,
    reads: f64,
    random: Random,
}

impl Work for Mixer {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        if self.random.fraction() < self.reads {
            self.reader.get(notes).await?;
            notes.answered(READ, begun);
        } else {
            self.putter.put().await?;
            notes.answered(PUT, begun);
        }
        Ok(())
    }
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("it has to be a number from 0 to 1")
}
