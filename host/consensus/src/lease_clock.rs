//! The clock of leases, which runs above this crate, and the way from any member to the leader's.

use std::{collections::BTreeMap, sync::Arc};

use store::LeaseRecord;

use crate::{Consensus, ConsensusError};

/// What became of a lease that was to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It has all of its time again.
    Renewed,
    /// Its time was up.
    Expired,
    /// What it had left is being written into the log. Renewed now, it would be said to have less than it has.
    Noting,
    /// This member does not keep the time of leases: it does not lead, or has not taken them over yet.
    NotPrimary,
}

/// The clock of this member. Only a leader's counts.
pub trait LeaseClock: Send + Sync + 'static {
    /// A lease was granted, here or elsewhere; called as it is applied.
    fn granted(&self, lease: LeaseRecord);

    /// Starts a lease's time anew.
    fn renew(&self, id: i64, ttl_seconds: i64) -> Renewal;

    /// Nanoseconds left of those leases that it knows; `None` unless it is the one that counts.
    fn left(&self, ids: &[i64]) -> Option<BTreeMap<i64, i64>>;
}

/// A clock for members that nobody asks.
pub(crate) type Clock = Arc<dyn LeaseClock>;

impl Consensus {
    /// Starts a lease's time anew on the leader's clock; whether its time was not up.
    ///
    /// # Errors
    /// As for a read.
    pub async fn renew_lease(&self, id: i64, ttl_seconds: i64) -> Result<bool, ConsensusError> {
        self.asked(async || {
            loop {
                let leader = self.ask.leader().await?;
                match self.ask.renew_lease(leader, id, ttl_seconds).await {
                    Renewal::Renewed => return Ok(true),
                    Renewal::Expired => return Ok(false),
                    Renewal::NotPrimary | Renewal::Noting => self.ask.pause().await,
                }
            }
        })
        .await
    }

    /// Nanoseconds left on the leader's clock, of those leases that it knows.
    ///
    /// # Errors
    /// As for a read.
    pub async fn lease_times(&self, ids: &[i64]) -> Result<BTreeMap<i64, i64>, ConsensusError> {
        self.asked(async || {
            loop {
                let leader = self.ask.leader().await?;
                match self.ask.lease_times(leader, ids).await {
                    Some(left) => return Ok(left),
                    None => self.ask.pause().await,
                }
            }
        })
        .await
    }
}
