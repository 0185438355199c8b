//! Clients at work: they ask, remember what they were told, and go on whatever happens.
//!
//! What each of them does is drawn from a seed. Which of their calls meet which fault is up to the machine.

mod administrator;
pub(crate) mod field;
mod follower;
mod lessee;
mod wire;
mod writer;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::verdict::{call::Call, leases::Leased, policy::InForce, watches::Watched};
use field::Field;
use harness::Random;
pub(crate) use wire::changes;
pub(crate) use writer::keys;

/// Clients that read and write. More would only wait for the two cores that a small machine has.
const WRITERS: usize = 6;

/// Clients that hold leases.
const LESSEES: usize = 3;

/// All clients of one round.
pub(crate) struct Traffic {
    field: Arc<Field>,
    writers: JoinSet<()>,
    lessees: JoinSet<Vec<Leased>>,
    administrators: JoinSet<Vec<InForce>>,
    followers: JoinSet<Vec<Watched>>,
}

/// What they know at the end.
pub(crate) struct Testimony {
    pub(crate) calls: Vec<Call>,
    pub(crate) leases: Vec<Leased>,
    pub(crate) in_force: Vec<InForce>,
}

impl Traffic {
    /// Sends them all to work. `start` is the revision at which the store was empty.
    pub(crate) fn start(field: &Arc<Field>, start: i64, random: &mut Random) -> Self {
        let mut traffic = Self {
            field: Arc::clone(field),
            writers: JoinSet::new(),
            lessees: JoinSet::new(),
            administrators: JoinSet::new(),
            followers: JoinSet::new(),
        };
        let mut draw = || Random::new(random.next());
        for number in 0..WRITERS {
            traffic.writers.spawn(writer::work(Arc::clone(field), number, draw()));
        }
        for number in WRITERS..WRITERS + LESSEES {
            traffic.lessees.spawn(lessee::work(Arc::clone(field), number, draw()));
        }
        traffic.administrators.spawn(administrator::work(Arc::clone(field), start, draw()));
        for member in 0..field.members() {
            for span in follower::spans(field, &mut draw()) {
                traffic.followers.spawn(follower::work(Arc::clone(field), member, span, start + 1));
            }
        }
        traffic
    }

    /// Tells all but the watches to stop, and waits for them.
    pub(crate) async fn stop(&mut self) -> Testimony {
        self.field.stop();
        while let Some(writer) = self.writers.join_next().await {
            writer.expect("a client does not panic");
        }
        let mut leases = Vec::new();
        while let Some(lessee) = self.lessees.join_next().await {
            leases.extend(lessee.expect("a client does not panic"));
        }
        let mut in_force = Vec::new();
        while let Some(administrator) = self.administrators.join_next().await {
            in_force.extend(administrator.expect("a client does not panic"));
        }
        Testimony { calls: self.field.take_calls(), leases, in_force }
    }

    /// Waits until every watch has been told of everything up to a revision, or had the time to be.
    pub(crate) async fn watched(mut self, until: i64) -> Vec<Watched> {
        self.field.finish(until);
        let mut watched = Vec::new();
        while let Some(follower) = self.followers.join_next().await {
            watched.extend(follower.expect("a client does not panic"));
        }
        watched
    }
}
