//! Leases: granting, keeping alive, and ending those whose time is up.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use auth::{Caller, Denial, KeyUse, Realm};
use bytes::Bytes;
use consensus::Proposal;
use store::{LeaseRecord, Outcome, ReadError, Refusal, Store, StoreError, View};
use types::LEASE_TTL_SECONDS_MAX;

use crate::{FlowError, Header, Member, Reply, quota::LEASE_BYTES};

/// How often leases are looked at, as in etcd.
const TICK: Duration = Duration::from_millis(500);

/// Ticks between two looks for leases that the clock was not told of.
const ADOPT_TICKS: u64 = 20;

/// Most leases ended at once; etcd ends a thousand a second.
const EXPIRED_MAX: usize = 500;

/// A lease that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGranted {
    /// Its id.
    pub id: i64,
    /// Time to live in seconds: as asked for, or the minimum.
    pub ttl: i64,
}

/// How a lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Its id.
    pub id: i64,
    /// Seconds left, -1 when the lease is gone.
    pub ttl: i64,
    /// Seconds it was granted.
    pub granted_ttl: i64,
    /// Keys attached to it, if asked for.
    pub keys: Vec<Bytes>,
}

/// The clock of all leases. Kept by the leader only, and never in the log: apply reads no clock.
pub(crate) struct Lessor {
    clock: Mutex<Clock>,
    ttl_seconds_min: i64,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Clock {
    leases: HashMap<i64, (Duration, Instant)>,
    by_deadline: BTreeSet<(Instant, i64)>,
}

const POISONED: &str = "no code that can panic runs while the lease clock is locked";

impl Lessor {
    /// Starts the clock of every lease anew: whoever had one keeps it at least as long as granted.
    pub(crate) fn new(store: &Store, election_timeout: Duration) -> Result<Self, StoreError> {
        let mut clock = Clock::default();
        for lease in store.view(|view| view.leases())? {
            clock.set(lease);
        }
        // etcd's minimum is one and a half election timeouts, so that a new leader has time to take over.
        let ttl_seconds_min = (election_timeout * 3 / 2).as_millis().div_ceil(1000);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Ok(Self {
            clock: Mutex::new(clock),
            ttl_seconds_min: i64::try_from(ttl_seconds_min).unwrap_or(i64::MAX),
            next_id: AtomicU64::new(started as u64),
        })
    }

    /// An id made as etcd makes them: unique by member, start time and count. Never zero or negative.
    fn new_id(&self, member_id: u64) -> i64 {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff_ffff;
        (((member_id & 0x7fff) << 48) | count).max(1).cast_signed()
    }

    fn granted(&self, lease: LeaseRecord) {
        self.clock.lock().expect(POISONED).set(lease);
    }

    fn gone(&self, id: i64) {
        self.clock.lock().expect(POISONED).remove(id);
    }

    /// Starts the clock of leases that have none: those whose grant was applied after its caller had gone away.
    fn adopt(&self, leases: Vec<LeaseRecord>) {
        let mut clock = self.clock.lock().expect(POISONED);
        for lease in leases {
            if !clock.leases.contains_key(&lease.id) {
                clock.set(lease);
            }
        }
    }

    /// Starts a lease's clock anew; its time to live in seconds, or `None` when its time is up.
    fn renew(&self, lease: LeaseRecord) -> Option<i64> {
        let mut clock = self.clock.lock().expect(POISONED);
        if clock.leases.get(&lease.id).is_some_and(|(_, deadline)| *deadline <= Instant::now()) {
            return None;
        }
        clock.set(lease);
        Some(lease.ttl_seconds)
    }

    /// Seconds left.
    fn remaining(&self, id: i64) -> Option<i64> {
        let clock = self.clock.lock().expect(POISONED);
        let (_, deadline) = clock.leases.get(&id)?;
        let left = deadline.saturating_duration_since(Instant::now());
        Some(i64::try_from(left.as_secs()).unwrap_or(i64::MAX))
    }

    fn ids(&self) -> Vec<i64> {
        self.clock.lock().expect(POISONED).by_deadline.iter().map(|(_, id)| *id).collect()
    }

    fn expired(&self) -> Vec<i64> {
        let now = Instant::now();
        let clock = self.clock.lock().expect(POISONED);
        clock.by_deadline.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX).map(|(_, id)| *id).collect()
    }
}

impl Clock {
    fn set(&mut self, lease: LeaseRecord) {
        self.remove(lease.id);
        let ttl = Duration::from_secs(lease.ttl_seconds.max(0).cast_unsigned());
        let deadline = Instant::now() + ttl;
        self.leases.insert(lease.id, (ttl, deadline));
        self.by_deadline.insert((deadline, lease.id));
    }

    fn remove(&mut self, id: i64) {
        if let Some((_, deadline)) = self.leases.remove(&id) {
            self.by_deadline.remove(&(deadline, id));
        }
    }
}

impl Member {
    /// Creates a lease; `id` zero lets the member choose.
    ///
    /// # Errors
    /// A TTL that is too large, an id that is taken; otherwise as for a write.
    pub async fn lease_grant(&self, caller: &Caller, id: i64, ttl: i64) -> Result<Reply<LeaseGranted>, FlowError> {
        if ttl > LEASE_TTL_SECONDS_MAX {
            return Err(FlowError::LeaseTtlTooLarge);
        }
        self.check_room(LEASE_BYTES).await?;
        let standing = self.shared.warden.user(caller)?;
        let lessor = &self.shared.lessor;
        let id = if id == 0 { lessor.new_id(self.shared.identity.member_id) } else { id };
        let ttl = ttl.max(lessor.ttl_seconds_min);
        let applied = self.shared.consensus.propose(Proposal::grant_lease(&standing, id, ttl)).await?;
        match applied.result? {
            Outcome::LeaseGranted(lease) => {
                lessor.granted(lease);
                self.shared.metrics.leases_granted.inc();
                self.shared.metrics.lease_ttl.observe(lease.ttl_seconds as f64);
                let body = LeaseGranted { id: lease.id, ttl: lease.ttl_seconds };
                Ok(Reply { header: self.header_at(applied.revision), body })
            }
            other => Err(FlowError::Corrupt(format!("a lease came out as {other:?}"))),
        }
    }

    /// Ends a lease and deletes its keys at one revision.
    ///
    /// # Errors
    /// No such lease; otherwise as for a write.
    pub async fn lease_revoke(&self, caller: &Caller, id: i64) -> Result<Header, FlowError> {
        let standing = self.shared.warden.user(caller)?;
        let applied = self.shared.consensus.propose(Proposal::revoke_lease(&standing, id)).await?;
        applied.result?;
        self.shared.lessor.gone(id);
        self.shared.metrics.leases_revoked.inc();
        Ok(self.header_at(applied.revision))
    }

    /// Starts a lease's time anew: its TTL in seconds, zero when it is gone.
    ///
    /// # Errors
    /// When leadership cannot be confirmed.
    pub async fn lease_keep_alive(&self, caller: &Caller, id: i64) -> Result<Reply<i64>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.permit_leases(caller, KeyUse::Write, move |_| Ok(vec![id])).await?;
        let body = match self.lease(id)? {
            Some(lease) => {
                let renewed = self.shared.lessor.renew(lease);
                self.shared.metrics.leases_renewed.inc_by(u64::from(renewed.is_some()));
                renewed.unwrap_or(0)
            }
            None => 0,
        };
        Ok(Reply { header: self.header(), body })
    }

    /// How a lease stands.
    ///
    /// # Errors
    /// When leadership cannot be confirmed, or the disk fails.
    pub async fn lease_time_to_live(
        &self,
        caller: &Caller,
        id: i64,
        keys: bool,
    ) -> Result<Reply<LeaseInfo>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.shared.warden.user(caller)?;
        // Without its keys a lease says nothing of anybody's data.
        let lease = if keys { vec![id] } else { Vec::new() };
        let realm = self.permit_leases(caller, KeyUse::Read, move |_| Ok(lease)).await?;
        let mut body = LeaseInfo { id, ttl: -1, granted_ttl: 0, keys: Vec::new() };
        if let Some(lease) = self.lease(id)? {
            body.granted_ttl = lease.ttl_seconds;
            body.ttl = self.shared.lessor.remaining(id).unwrap_or(lease.ttl_seconds);
            if keys {
                body.keys = self.view_off_thread(move |view| Ok(view.lease_keys(id)?)).await?;
                self.refuse_if_changed(&realm)?;
            }
        }
        Ok(Reply { header: self.header(), body })
    }

    /// Every lease, the one that ends first first.
    ///
    /// # Errors
    /// When leadership cannot be confirmed.
    pub async fn leases(&self, caller: &Caller) -> Result<Reply<Vec<i64>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        let all = |view: &View<'_>| Ok(view.leases()?.into_iter().map(|lease| lease.id).collect());
        self.permit_leases(caller, KeyUse::Read, all).await?;
        let known = self.view_off_thread(|view| Ok(view.leases()?)).await?;
        let known: HashSet<i64> = known.into_iter().map(|lease| lease.id).collect();
        let mut ids = self.shared.lessor.ids();
        ids.retain(|id| known.contains(id));
        Ok(Reply { header: self.header(), body: ids })
    }

    /// Whether the caller may use every key of some leases; the rules by which it may.
    async fn permit_leases(
        &self,
        caller: &Caller,
        key_use: KeyUse,
        leases: impl FnOnce(&View<'_>) -> Result<Vec<i64>, ReadError> + Send + 'static,
    ) -> Result<Arc<Realm>, FlowError> {
        let realm = Arc::clone(&self.shared.warden.realm());
        let subject = self.shared.warden.subject(&realm, caller)?;
        if realm.permit_root(subject.clone()).is_ok() {
            return Ok(realm);
        }
        let rules = Arc::clone(&realm);
        let permitted = self.view_off_thread(move |view| {
            realm.permit_user(subject.clone()).map_err(Refusal::Auth)?;
            for lease in leases(view)? {
                realm.permit_keys(subject.clone(), &view.lease_keys(lease)?, key_use).map_err(Refusal::Auth)?;
            }
            Ok(())
        });
        permitted.await?;
        self.refuse_if_changed(&rules)?;
        Ok(rules)
    }

    /// As etcd does: what was permitted by rules that have changed meanwhile is not answered.
    fn refuse_if_changed(&self, realm: &Arc<Realm>) -> Result<(), FlowError> {
        let unchanged = Arc::ptr_eq(realm, &self.shared.warden.realm());
        if unchanged { Ok(()) } else { Err(Denial::OldRevision.into()) }
    }

    pub(crate) async fn expire_leases_forever(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for ticks in 0_u64.. {
            tick.tick().await;
            if ticks % ADOPT_TICKS == 0
                && let Err(error) = self.adopt_leases().await
            {
                tracing::warn!(%error, "leases were not looked through; tried again");
            }
            let expired = self.shared.lessor.expired();
            futures::future::join_all(expired.into_iter().map(|id| self.expire(id))).await;
        }
    }

    /// The clock is only told of a lease by the call that grants or ends it, which may be given up after it was proposed.
    async fn adopt_leases(&self) -> Result<(), FlowError> {
        let leases = self.view_off_thread(|view| Ok(view.leases()?)).await?;
        self.shared.lessor.adopt(leases);
        Ok(())
    }

    /// The state says whether a lease is there; the clock only how long it has left.
    fn lease(&self, id: i64) -> Result<Option<LeaseRecord>, FlowError> {
        let lease = self.shared.store.view(|view| view.lease(id))?;
        if lease.is_none() {
            self.shared.lessor.gone(id);
        }
        Ok(lease)
    }

    async fn expire(&self, id: i64) {
        match self.lease_revoke(&Caller::internal(), id).await {
            Ok(_) => {
                self.shared.metrics.leases_expired.inc();
                tracing::debug!(lease = id, "lease expired");
            }
            Err(FlowError::LeaseNotFound) => self.shared.lessor.gone(id),
            Err(error) => tracing::warn!(lease = id, %error, "expired lease not ended yet; tried again"),
        }
    }
}
