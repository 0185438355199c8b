//! `bench lease`: a stream for each client, over which it keeps its leases alive one after the other.

use std::sync::Arc;
use std::time::Instant;

use proto::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseRevokeRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{report, settings};
use crate::arguments::{Data, Run};
use crate::connection::{Connection, answer};
use crate::driver::{Work, measure};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::recorder::{Notes, Recorder};
use crate::report::Report;
use crate::session::Session;
use crate::table::many;

const OPERATIONS: &[&str] = &["keep-alive"];

/// What only `lease` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LeaseLoad {
    /// Leases: granted before, revoked after
    #[arg(long, value_name = "N", default_value = "100",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    leases: usize,
    /// How long a lease lives that is not kept alive, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(i64).range(1..))]
    ttl: i64,
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<LeaseLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let Run { own: LeaseLoad { leases, ttl }, endpoints, load, .. } = run;
    let clients = load.clients();
    if *leases < clients {
        return Err(BenchError::Arguments(format!(
            "{leases} leases are too few for {clients} clients, which keep leases of their own; raise --leases or lower --clients"
        )));
    }
    let connections = load.connections(clients, "--clients")?;
    let data = Data::none();
    let session = Session::open(endpoints, load, &data, data.key_space(0)?, connections, interrupt).await?;
    let mut granted = Vec::new();
    let outcome = async {
        grant(&session, *leases, *ttl, &mut granted).await?;
        let recorder = Recorder::new(OPERATIONS);
        let keeper = |(client, ids): (usize, &Vec<i64>)| Keeper::new(session.connection(client), ids.clone());
        let keepers = granted.iter().enumerate().map(keeper).collect();
        let measured = measure(keepers, load, &recorder, interrupt).await?;
        let name = format!("lease, {} of {ttl} s", many(*leases as u64, "lease"));
        Ok(report(settings(&session, name, load.rate), measured, &recorder))
    };
    let outcome: Result<_, BenchError> = outcome.await;
    // Also of a run that failed.
    let revoked = revoke(&session, granted).await;
    let report = outcome?;
    revoked?;
    Ok(report)
}

/// Grants the leases; what each client got is in `granted` even when one could not be granted.
async fn grant(session: &Session, leases: usize, ttl: i64, granted: &mut Vec<Vec<i64>>) -> Result<(), BenchError> {
    let mut tasks = JoinSet::new();
    for client in 0..session.clients {
        let (connection, limit) = (session.connection(client).clone(), session.timeout);
        let count = (leases - client).div_ceil(session.clients);
        tasks.spawn(async move {
            let (mut lease, mut ids) = (connection.lease(), Vec::with_capacity(count));
            for _ in 0..count {
                let request = connection.request(LeaseGrantRequest { ttl, id: 0 });
                match answer("grant the leases", limit, lease.lease_grant(request)).await {
                    Ok(response) => ids.push(response.into_inner().id),
                    Err(error) => return (ids, Err(error)),
                }
            }
            (ids, Ok(()))
        });
    }
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        let (ids, result) = task?;
        granted.push(ids);
        outcome = outcome.and(result);
    }
    outcome
}

async fn revoke(session: &Session, granted: Vec<Vec<i64>>) -> Result<(), BenchError> {
    let mut tasks = JoinSet::new();
    for (client, ids) in granted.into_iter().enumerate() {
        let (connection, limit) = (session.connection(client).clone(), session.timeout);
        tasks.spawn(async move {
            let mut lease = connection.lease();
            for id in ids {
                let request = connection.request(LeaseRevokeRequest { id });
                match answer("revoke the leases", limit, lease.lease_revoke(request)).await {
                    Ok(_) => {}
                    Err(BenchError::Refused { status, .. }) if status.code() == tonic::Code::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
    }
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        outcome = outcome.and(task?);
    }
    outcome
}

/// A client with its leases. After a failure it opens a new stream: an answer to the old request may still come on the old one.
struct Keeper {
    connection: Connection,
    ids: Vec<i64>,
    turn: usize,
    stream: Option<Stream>,
}

struct Stream {
    requests: mpsc::Sender<LeaseKeepAliveRequest>,
    responses: Streaming<LeaseKeepAliveResponse>,
}

impl Keeper {
    fn new(connection: &Connection, ids: Vec<i64>) -> Self {
        Self { connection: connection.clone(), ids, turn: 0, stream: None }
    }

    /// A stream on which this request was sent.
    async fn ask(&mut self, id: i64) -> Result<Stream, Status> {
        let request = LeaseKeepAliveRequest { id };
        if let Some(stream) = self.stream.take() {
            stream.requests.send(request).await.map_err(|_| ended())?;
            return Ok(stream);
        }
        let (requests, outgoing) = mpsc::channel(1);
        // First, because etcd opens its side with its first answer.
        requests.send(request).await.map_err(|_| ended())?;
        let outgoing = self.connection.request(ReceiverStream::new(outgoing));
        let responses = self.connection.lease().lease_keep_alive(outgoing).await?.into_inner();
        Ok(Stream { requests, responses })
    }
}

impl Work for Keeper {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        let id = self.ids[self.turn];
        self.turn = (self.turn + 1) % self.ids.len();
        let mut stream = self.ask(id).await?;
        let answer = stream.responses.message().await?.ok_or_else(ended)?;
        if answer.id != id {
            return Err(Status::internal("a keep-alive was answered for another lease"));
        }
        self.stream = Some(stream);
        if answer.ttl <= 0 {
            return Err(Status::not_found("the lease has expired; a longer --ttl or a higher --rate keeps it"));
        }
        notes.answered(0, begun);
        Ok(())
    }
}

fn ended() -> Status {
    Status::unavailable("the server ended a stream of keep-alives")
}
