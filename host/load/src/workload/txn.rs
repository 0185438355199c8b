//! `bench txn`: the update of kube-apiserver, `If mod_revision(key) == known Then put(key) Else range(key)`.
//!
//! What is known of the objects is shared by the clients, as by the handlers of one apiserver through its watch cache: two of
//! them are in conflict only when they update an object at the same time. A conflict brings the revision that is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use proto::etcdserverpb::{
    Compare, PutRequest, RangeRequest, RequestOp, TxnRequest, TxnResponse,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request as Operation,
    response_op::Response as Outcome,
};
use tonic::Status;

use super::{Kind, run_on_keys};
use crate::arguments::{Data, Prepare, Run, Sequence};
use crate::connection::Kv;
use crate::dataset::after;
use crate::driver::Work;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::{KeySpace, Picker};
use crate::random::Random;
use crate::recorder::Notes;
use crate::report::Report;
use crate::session::Session;
use crate::values::Values;

/// Places in [`OPERATIONS`].
const UPDATE: usize = 0;
const CONFLICT: usize = 1;
const OPERATIONS: &[&str] = &["update", "conflict"];

/// Keys of one answer when the revisions are learnt.
const PAGE: u64 = 10_000;

/// What only `txn` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TxnLoad {
    /// Let every client update every object, so that there are conflicts; otherwise each has objects of its own
    #[arg(long)]
    contend: bool,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    sequence: Sequence,
    #[command(flatten)]
    prepare: Prepare,
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<TxnLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let TxnLoad { contend, data, sequence, prepare } = &run.own;
    let (clients, keys) = (run.load.clients(), data.keys());
    if !contend && keys < clients as u64 {
        return Err(BenchError::Arguments(format!(
            "{clients} clients cannot have objects of their own among {keys} keys; raise --keys, or let them --contend"
        )));
    }
    let objects = if *contend { "shared" } else { "own" };
    let name = format!("txn, {objects} objects, {} keys", sequence.name());
    let workers = async |session: &Session| {
        let known: Arc<[AtomicI64]> = learn(session).await?.into();
        let shared = Picker::new(sequence.order, keys);
        let updater = |client| {
            let share = if *contend { Share::all(shared.clone()) } else { Share::own(client, clients, keys, sequence) };
            Updater::new(session, client, share, Arc::clone(&known))
        };
        Ok((0..clients).map(updater).collect())
    };
    run_on_keys(run, data, Some(prepare), Kind { name, operations: OPERATIONS }, interrupt, workers).await
}

/// The revision of each object by its number; 0 for one that is not there, which is what etcd compares with, too.
async fn learn(session: &Session) -> Result<Vec<AtomicI64>, BenchError> {
    let space = &session.keys;
    let known: Vec<_> = (0..space.count).map(|_| AtomicI64::new(0)).collect();
    let mut kv = session.connection(0).kv();
    for first in (0..space.count).step_by(PAGE as usize) {
        let last = (first + PAGE).min(space.count) - 1;
        let (key, range_end) = (space.key(first), after(space.key(last)));
        let request = RangeRequest { key, range_end, keys_only: true, ..RangeRequest::default() };
        let response = session.answer("learn the revisions of the keys", kv.range(request)).await?;
        for pair in response.kvs {
            if let Some(number) = space.number(&pair.key) {
                known[number as usize].store(pair.mod_revision, Ordering::Relaxed);
            }
        }
    }
    Ok(known)
}

/// The objects of a client: every `step`-th from `first` on.
#[derive(Clone, Debug)]
struct Share {
    first: u64,
    step: u64,
    picker: Picker,
}

impl Share {
    fn all(picker: Picker) -> Self {
        Self { first: 0, step: 1, picker }
    }

    fn own(client: usize, clients: usize, keys: u64, sequence: &Sequence) -> Self {
        let (first, step) = (client as u64, clients as u64);
        Self { first, step, picker: Picker::new(sequence.order, (keys - first).div_ceil(step)) }
    }

    fn pick(&self, random: &mut Random) -> u64 {
        self.first + self.picker.pick(random) * self.step
    }
}

struct Updater {
    kv: Kv,
    keys: KeySpace,
    values: Values,
    share: Share,
    known: Arc<[AtomicI64]>,
    random: Random,
}

impl Updater {
    fn new(session: &Session, client: usize, share: Share, known: Arc<[AtomicI64]>) -> Self {
        let (keys, values) = (session.keys.clone(), session.values.clone());
        let random = Random::of_client(session.seed, client);
        Self { kv: session.connection(client).kv(), keys, values, share, known, random }
    }
}

impl Work for Updater {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        let number = self.share.pick(&mut self.random);
        let known = &self.known[number as usize];
        let value = self.values.value(&mut self.random);
        let response = self.kv.txn(update(self.keys.key(number), value, known.load(Ordering::Relaxed))).await?;
        // Another client may have learnt of a later update meanwhile.
        if response.succeeded {
            known.fetch_max(response.header.map_or(0, |header| header.revision), Ordering::Relaxed);
            notes.answered(UPDATE, begun);
        } else {
            known.store(found(response), Ordering::Relaxed);
            notes.answered(CONFLICT, begun);
        }
        Ok(())
    }
}

fn update(key: Bytes, value: Bytes, known: i64) -> TxnRequest {
    let compare = Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key: key.clone(),
        target_union: Some(TargetUnion::ModRevision(known)),
        ..Compare::default()
    };
    let put = PutRequest { key: key.clone(), value, ..PutRequest::default() };
    let range = RangeRequest { key, ..RangeRequest::default() };
    TxnRequest {
        compare: vec![compare],
        success: vec![RequestOp { request: Some(Operation::RequestPut(put)) }],
        failure: vec![RequestOp { request: Some(Operation::RequestRange(range)) }],
    }
}

/// The revision that was there instead.
fn found(response: TxnResponse) -> i64 {
    let outcome = response.responses.into_iter().next().and_then(|response| response.response);
    match outcome {
        Some(Outcome::ResponseRange(range)) => range.kvs.first().map_or(0, |pair| pair.mod_revision),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::keys::Order;

    #[test]
    fn clients_with_objects_of_their_own_never_meet_and_leave_none_out() {
        let mut random = Random::new(1);
        let sequence = Sequence { order: Order::Sequential };
        let shares: Vec<_> = (0..3).map(|client| Share::own(client, 3, 10, &sequence)).collect();
        let of = |share: &Share, random: &mut Random| (0..4).map(|_| share.pick(random)).collect::<HashSet<_>>();
        let picked: Vec<_> = shares.iter().map(|share| of(share, &mut random)).collect();
        assert_eq!(picked[0], HashSet::from([0, 3, 6, 9]));
        assert_eq!(picked.iter().map(HashSet::len).sum::<usize>(), 10);
        assert_eq!(picked.into_iter().flatten().collect::<HashSet<_>>(), (0..10).collect());
    }
}
