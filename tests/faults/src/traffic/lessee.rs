//! A client that holds leases: some it keeps alive for a while, some it gives up, all end.

use std::{sync::Arc, time::Duration};

use harness::Random;
use proto::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest};
use tokio::time::timeout;

use super::field::{Field, PATIENCE, below};
use crate::verdict::{
    call::{Moment, Operation, Outcome, Step},
    leases::Leased,
};

/// Time to live, in seconds: the server's least is one and a half election timeouts.
const TTL_SECONDS: [i64; 3] = [2, 3, 4];

/// How often a lease is kept alive.
const RENEWAL: Duration = Duration::from_millis(400);

/// Most renewals of one lease.
const RENEWALS_MAX: u64 = 12;

/// Works until told to stop.
pub(super) async fn work(field: Arc<Field>, number: usize, random: Random) -> Vec<Leased> {
    let mut lessee = Lessee { field, number, random, words: 0 };
    let mut leases = Vec::new();
    while !lessee.field.is_stopped() {
        match lessee.once().await {
            Some(lease) => leases.push(lease),
            None => lessee.field.pause(RENEWAL).await,
        }
    }
    leases
}

struct Lessee {
    field: Arc<Field>,
    number: usize,
    random: Random,
    words: i64,
}

impl Lessee {
    async fn once(&mut self) -> Option<Leased> {
        self.words += 1;
        // Never used again, so that an answer that is late cannot be taken for another.
        let id = (self.field.round.cast_signed() << 32) | ((self.number as i64) << 24) | self.words;
        let member = below(&mut self.random, self.field.members());
        let ttl = TTL_SECONDS[below(&mut self.random, TTL_SECONDS.len())];
        let granted = self.grant(member, id, ttl).await?;
        let ttl_time = Duration::from_secs(ttl.unsigned_abs());
        let mut lease = Leased { id, ttl: ttl_time, renewed: vec![granted], revoked: false, left_behind: None };
        for name in ["a", "b"] {
            let key = format!("{}{id:x}/{name}", self.field.leased());
            let value = format!("{}-{}-lease-{id:x}{name}", self.field.round, self.number);
            let put = Operation::single(Step::Put { key, value, lease: id });
            if !matches!(self.field.ask(self.number, member, put).await, Outcome::Answered(..)) {
                break;
            }
        }
        match self.random.below(4) {
            0 => {}
            1 => self.revoke(member, &mut lease).await,
            _ => self.keep_alive(&mut lease).await,
        }
        Some(lease)
    }

    async fn grant(&self, member: usize, id: i64, ttl: i64) -> Option<(Moment, Moment)> {
        let asked = self.field.now();
        let mut client = self.field.doors.clients[member].lease.clone();
        let answer = timeout(PATIENCE, client.lease_grant(LeaseGrantRequest { ttl, id })).await;
        answer.ok()?.ok()?;
        Some((asked, self.field.now()))
    }

    async fn keep_alive(&mut self, lease: &mut Leased) {
        for _ in 0..1 + self.random.below(RENEWALS_MAX) {
            self.field.pause(RENEWAL).await;
            if self.field.is_stopped() {
                return;
            }
            let member = below(&mut self.random, self.field.members());
            let asked = self.field.now();
            match timeout(PATIENCE, self.renew(member, lease.id)).await {
                Ok(Some(true)) => lease.renewed.push((asked, self.field.now())),
                // It has ended.
                Ok(Some(false)) => return,
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Whether the lease goes on; nothing when nobody says.
    async fn renew(&self, member: usize, id: i64) -> Option<bool> {
        let mut client = self.field.doors.clients[member].lease.clone();
        let requests = tokio_stream::once(LeaseKeepAliveRequest { id });
        let mut answers = client.lease_keep_alive(requests).await.ok()?.into_inner();
        Some(answers.message().await.ok()??.ttl > 0)
    }

    async fn revoke(&self, member: usize, lease: &mut Leased) {
        lease.revoked = true;
        let mut client = self.field.doors.clients[member].lease.clone();
        // If it is not carried out, the lease ends by itself.
        drop(timeout(PATIENCE, client.lease_revoke(LeaseRevokeRequest { id: lease.id })).await);
    }
}
