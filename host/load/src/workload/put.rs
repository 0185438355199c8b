//! `bench put`.

use std::sync::Arc;
use std::time::Instant;

use proto::etcdserverpb::PutRequest;
use tonic::Status;

use super::{Kind, run_on_keys};
use crate::arguments::{Data, Run, Sequence};
use crate::connection::Kv;
use crate::driver::Work;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::{KeySpace, Picker};
use crate::random::Random;
use crate::recorder::Notes;
use crate::report::Report;
use crate::session::Session;
use crate::values::Values;

/// What only `put` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PutLoad {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    sequence: Sequence,
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<PutLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let PutLoad { data, sequence } = &run.own;
    let name = format!("put, {} keys", sequence.name());
    let kind = Kind { name, operations: &["put"] };
    let workers = async |session: &Session| {
        let picker = Picker::new(sequence.order, session.keys.count);
        Ok((0..session.clients).map(|client| Putter::new(session, client, picker.clone())).collect())
    };
    run_on_keys(run, data, None, kind, interrupt, workers).await
}

/// A client that puts.
pub(super) struct Putter {
    kv: Kv,
    keys: KeySpace,
    values: Values,
    picker: Picker,
    random: Random,
}

impl Putter {
    /// The client with this number.
    pub(super) fn new(session: &Session, client: usize, picker: Picker) -> Self {
        Self {
            kv: session.connection(client).kv(),
            keys: session.keys.clone(),
            values: session.values.clone(),
            picker,
            random: Random::of_client(session.seed, client),
        }
    }

    /// Puts the next key.
    pub(super) async fn put(&mut self) -> Result<(), Status> {
        let key = self.keys.key(self.picker.pick(&mut self.random));
        let value = self.values.value(&mut self.random);
        self.kv.put(PutRequest { key, value, ..PutRequest::default() }).await?;
        Ok(())
    }
}

impl Work for Putter {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        self.put().await?;
        notes.answered(0, begun);
        Ok(())
    }
}
