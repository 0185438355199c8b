//! What all clients of a round share: the members' doors, the clock, the record.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use harness::{Certificates, Client, Cluster, Random};
use tokio::{sync::watch, time::timeout};

use super::wire;
use crate::verdict::call::{Call, Moment, Operation, Outcome, Span, Step};

/// How long a client waits for an answer. Shorter than the server's own bound, so that some calls are given up while they are under way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// The prefix of keys whose values are sealed.
pub(crate) const SEALED: &str = "/sealed/";

/// The prefix of the keys that writers share, of all rounds. Whether values are sealed there changes while they write.
pub(crate) const REGISTERS: &str = "/register/";

/// Where clients come in.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) clients: Vec<Client>,
    pub(crate) admin_ports: Vec<u16>,
    pub(crate) administrator: Certificates,
}

impl Doors {
    pub(crate) fn of(cluster: &Cluster, administrator: Certificates) -> Self {
        let members = 0..cluster.size();
        let client = |member| Client::new(harness::connect_lazy(cluster.ports(member).client));
        Self {
            clients: members.clone().map(client).collect(),
            admin_ports: members.map(|member| cluster.ports(member).admin).collect(),
            administrator,
        }
    }
}

/// The field of one round.
pub(crate) struct Field {
    pub(crate) doors: Doors,
    /// The number of the round, in all its keys and values.
    pub(crate) round: u64,
    /// A word in every sealed value, to be looked for in files.
    pub(crate) canary: String,
    began: Instant,
    calls: Mutex<Vec<Call>>,
    stopped: watch::Sender<bool>,
    finish: watch::Sender<Option<i64>>,
}

impl Field {
    pub(crate) fn new(doors: Doors, round: u64, canary: String) -> Self {
        Self {
            doors,
            round,
            canary,
            began: Instant::now(),
            calls: Mutex::default(),
            stopped: watch::Sender::new(false),
            finish: watch::Sender::new(None),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.began.elapsed()
    }

    pub(crate) fn members(&self) -> usize {
        self.doors.clients.len()
    }

    /// The keys that writers share, by kind.
    pub(crate) fn registers(&self) -> String {
        format!("{REGISTERS}{}/", self.round)
    }

    pub(crate) fn sealed(&self) -> String {
        format!("{SEALED}{}/", self.round)
    }

    pub(crate) fn guarded(&self) -> String {
        format!("/guarded/{}/", self.round)
    }

    pub(crate) fn leased(&self) -> String {
        format!("/leased/{}/", self.round)
    }

    /// Asks a member, and remembers what came of it.
    pub(crate) async fn ask(&self, client: usize, member: usize, operation: Operation) -> Outcome {
        let asked = self.now();
        let exchange = timeout(PATIENCE, wire::carry(&self.doors.clients[member], &operation)).await;
        let outcome = match exchange {
            Ok(Ok(answer)) => Outcome::Answered(self.now(), answer),
            Ok(Err(status)) if wire::is_refusal(&status) => Outcome::Refused,
            Ok(Err(_)) | Err(_) => Outcome::Unknown,
        };
        let call = Call { client, member, operation, asked, outcome: outcome.clone() };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        outcome
    }

    /// The store's newest revision, by a linearizable read at any member that answers.
    pub(crate) async fn revision(&self, random: &mut Random) -> Option<i64> {
        let member = below(random, self.members());
        let nothing = Operation::single(Step::Get(Span::key("/none")));
        let exchange = timeout(PATIENCE, wire::carry(&self.doors.clients[member], &nothing)).await;
        Some(exchange.ok()?.ok()?.revision)
    }

    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets the calls whose outcome is known.
    pub(crate) fn keep_unknown(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).retain(Call::is_unknown);
    }

    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Waits that long, or until clients are told to stop.
    pub(crate) async fn pause(&self, pause: Duration) {
        let mut stopped = self.stopped.subscribe();
        // Running out of time is the usual end.
        drop(timeout(pause, stopped.wait_for(|stopped| *stopped)).await);
    }

    /// Tells the watches which revision is the last.
    pub(crate) fn finish(&self, revision: i64) {
        self.finish.send_replace(Some(revision));
    }

    pub(crate) fn last_revision(&self) -> Option<i64> {
        *self.finish.borrow()
    }
}

/// A number below a bound, as an index.
pub(crate) fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("it is below a usize")
}
