//! Elections, as etcd's election service holds them.

use std::collections::VecDeque;

use auth::Caller;
use bytes::Bytes;
use types::{Event, EventKind, KeyRange, KeyValue, OpOutcome, Plain, Txn, TxnOp};

use crate::{
    Delivery, DeliveryBody, FlowError, Follower, Header, Member, Reply, WatchSpec,
    turn::{created_at, delete, get, oldest, prefix, put},
};

/// What a leader is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderKey {
    /// The election.
    pub name: Bytes,
    /// The leader's key.
    pub key: Bytes,
    /// The revision at which it was created.
    pub revision: i64,
    /// The lease that it ends with.
    pub lease: i64,
}

impl Member {
    /// Waits until the caller leads. A caller without a lease gets one.
    ///
    /// # Errors
    /// No such lease, or the candidacy ended during the wait; otherwise as for a write.
    pub async fn campaign(
        &self,
        caller: &Caller,
        name: Bytes,
        lease: i64,
        value: Plain,
    ) -> Result<Reply<LeaderKey>, FlowError> {
        let place = self.place(caller, &name, lease).await?;
        let txn = Txn {
            compare: vec![created_at(&place.key, 0)],
            success: vec![put(&place.key, value.clone(), place.lease)],
            failure: vec![TxnOp::Range(get(&place.key))],
        };
        let Reply { header, body } = self.transact(caller, txn).await?;
        let standing = match body.responses.into_iter().next() {
            Some(OpOutcome::Range(range)) => range.kvs.into_iter().next(),
            _ => None,
        };
        let revision = standing.as_ref().map_or(header.revision, |kv| kv.create_revision);
        let leader = LeaderKey { name, key: place.key.clone(), revision, lease: place.lease };
        let leaver = self.leaver(caller, &place, revision);
        if standing.is_some_and(|kv| kv.value != value) {
            self.proclaim(caller, &leader, value).await?;
        }
        self.wait_for_turn(caller, &place, revision, || FlowError::ElectionNotLeader).await?;
        leaver.stay();
        Ok(Reply { header, body: leader })
    }

    /// Replaces the leader's value.
    ///
    /// # Errors
    /// Somebody else leads; otherwise as for a write.
    pub async fn proclaim(&self, caller: &Caller, leader: &LeaderKey, value: Plain) -> Result<Header, FlowError> {
        let lease = self.session_lease(caller, leader.lease).await?;
        let success = vec![put(&leader.key, value, lease)];
        let Reply { header, body } = self.transact(caller, if_leading(leader, success)).await?;
        if body.succeeded { Ok(header) } else { Err(FlowError::ElectionNotLeader) }
    }

    /// Ends a leadership. It is no error when it has ended already.
    ///
    /// # Errors
    /// As for a write.
    pub async fn resign(&self, caller: &Caller, leader: &LeaderKey) -> Result<Header, FlowError> {
        let txn = if_leading(leader, vec![delete(&leader.key)]);
        Ok(self.transact(caller, txn).await?.header)
    }

    /// Who leads, and with which value.
    ///
    /// # Errors
    /// Nobody; otherwise as for a read.
    pub async fn leader(&self, caller: &Caller, name: &[u8]) -> Result<Reply<KeyValue<Plain>>, FlowError> {
        let Reply { header, body } = self.range(caller, oldest(&prefix(name))).await?;
        let body = body.kvs.into_iter().next().ok_or(FlowError::ElectionNoLeader)?;
        Ok(Reply { header, body })
    }

    /// Observes who leads.
    #[must_use]
    pub fn observe(&self, caller: &Caller, name: &[u8]) -> Observer {
        Observer {
            member: self.clone(),
            caller: caller.clone(),
            prefix: prefix(name),
            follower: self.follow(caller),
            ready: VecDeque::new(),
            watched: Watched::Nothing,
        }
    }
}

fn if_leading(leader: &LeaderKey, success: Vec<TxnOp>) -> Txn {
    Txn { compare: vec![created_at(&leader.key, leader.revision)], success, failure: Vec::new() }
}

/// What is told about who leads.
type Observed = Reply<KeyValue<Plain>>;

/// The only watch of an observer.
const WATCH: i64 = 0;

/// Observes an election: the leader, each new value of it, and whoever leads after it.
pub struct Observer {
    member: Member,
    caller: Caller,
    prefix: Bytes,
    follower: Follower,
    /// What was delivered at once and is told one by one.
    ready: VecDeque<Observed>,
    watched: Watched,
}

enum Watched {
    Nothing,
    /// The whole election, for its first candidate.
    Election,
    /// The leader's key.
    Leader,
}

impl Observer {
    /// The next leader or value; `None` when the election cannot be observed any longer, which etcd does not explain
    /// either.
    pub async fn next(&mut self) -> Option<Observed> {
        loop {
            if let Some(observed) = self.ready.pop_front() {
                return Some(observed);
            }
            let gone_on = match self.watched {
                Watched::Nothing => self.look().await,
                Watched::Election | Watched::Leader => {
                    let delivery = self.follower.next().await;
                    self.take(delivery)
                }
            };
            if let Err(error) = gone_on {
                tracing::debug!(%error, "an election is not observed any longer");
                return None;
            }
        }
    }

    async fn look(&mut self) -> Result<(), FlowError> {
        let Reply { header, body } = self.member.range(&self.caller, oldest(&self.prefix)).await?;
        match body.kvs.into_iter().next() {
            Some(leader) => self.lead(header, leader),
            None => {
                let range = KeyRange::prefix(&self.prefix);
                self.watch(Watched::Election, range, header.revision, false)
            }
        }
    }

    fn lead(&mut self, header: Header, leader: KeyValue<Plain>) -> Result<(), FlowError> {
        let range = KeyRange::single(leader.key.clone());
        self.ready.push_back(Reply { header, body: leader });
        self.watch(Watched::Leader, range, header.revision + 1, true)
    }

    fn watch(&mut self, watched: Watched, range: KeyRange, from: i64, deletes: bool) -> Result<(), FlowError> {
        self.follower.close(WATCH);
        self.watched = watched;
        let spec = WatchSpec { range, start_revision: from, prev_kv: false, puts: true, deletes };
        self.follower.open(WATCH, spec)?;
        Ok(())
    }

    fn take(&mut self, delivery: Delivery) -> Result<(), FlowError> {
        let events = match delivery.body {
            DeliveryBody::Events(events) => events,
            DeliveryBody::Compacted { .. } => return Err(FlowError::Compacted),
            DeliveryBody::Failed(error) => return Err(error),
        };
        match self.watched {
            Watched::Election => match events.into_iter().next() {
                Some(Event { kv, .. }) => self.lead(Header { revision: kv.mod_revision, ..delivery.header }, kv),
                None => Ok(()),
            },
            Watched::Leader | Watched::Nothing => {
                self.follow_leader(delivery.header, events);
                Ok(())
            }
        }
    }

    fn follow_leader(&mut self, header: Header, events: Vec<Event<Plain>>) {
        for event in events {
            if event.kind == EventKind::Delete {
                self.follower.close(WATCH);
                self.watched = Watched::Nothing;
                return;
            }
            self.ready.push_back(Reply { header, body: event.kv });
        }
    }
}
