//! Leases: granting, keeping alive, and ending those whose time is up.

use std::{sync::Arc, time::Duration};

use auth::{Caller, Denial, KeyUse, Realm};
use bytes::Bytes;
use consensus::Proposal;
use store::{LeaseRecord, Outcome, ReadError, Refusal, View, command::LeaseRemaining};
use types::LEASE_TTL_SECONDS_MAX;

use crate::{FlowError, Header, Member, Reply, quota::LEASE_BYTES};

/// Nanoseconds of a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// How often leases are looked at, as in etcd.
const TICK: Duration = Duration::from_millis(500);

/// Ticks between two looks for leases that the clock was not told of.
const ADOPT_TICKS: u64 = 20;

/// Ticks between two checkpoints: etcd's five minutes. Shorter lives are not worth an entry of the log.
const CHECKPOINT_TICKS: u64 = 600;

/// Most leases of one checkpoint, as in etcd: keeps each entry of the log small.
const CHECKPOINT_LEASES_MAX: usize = 1000;

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
        let rules = self.permit_leases(caller, KeyUse::Write, move |_| Ok(vec![id])).await?;
        let mut known = self.lease(id)?;
        if known.is_none() {
            // It may be too new to be known here. One that is known is looked at once more when its time has begun anew.
            self.shared.consensus.confirm_read().await?;
            known = self.lease(id)?;
        }
        let renewed = match known {
            Some(lease) => self.renew(lease).await?,
            None => None,
        };
        if self.refuse_if_changed(&rules).is_err() {
            self.permit_leases(caller, KeyUse::Write, move |_| Ok(vec![id])).await?;
        }
        self.shared.metrics.leases_renewed.inc_by(u64::from(renewed.is_some()));
        Ok(Reply { header: self.header(), body: renewed.map_or(0, |lease| lease.ttl_seconds) })
    }

    /// A lease that is kept alive has all of its time again, also under a next leader. As in etcd an entry of the log is
    /// written only for one that was checkpointed since, so at most two for each interval of checkpoints.
    ///
    /// The leader's clock first: what was checkpointed before that is in the log by then, and seen here. Once it is cleared, the
    /// clock again: another leader may have begun its own by what is cleared.
    async fn renew(&self, mut lease: LeaseRecord) -> Result<Option<LeaseRecord>, FlowError> {
        while self.shared.consensus.renew_lease(lease.id, lease.ttl_seconds).await? {
            self.shared.consensus.confirm_read().await?;
            match self.lease(lease.id)? {
                None => return Ok(None),
                // It ended, and another was granted under its id.
                Some(noted) if noted.ttl_seconds != lease.ttl_seconds => lease = noted,
                Some(noted) if noted.remaining_seconds == 0 => return Ok(Some(noted)),
                Some(_) => {
                    let cleared = LeaseRemaining { id: lease.id, remaining_seconds: 0 };
                    self.shared.consensus.propose(Proposal::checkpoint_leases(vec![cleared])).await?.result?;
                }
            }
        }
        Ok(None)
    }

    /// Notes how long the leases have left that have run for longer than `age`. None is renewed until that is in the log, also
    /// if the caller does not wait for it.
    pub(crate) async fn checkpoint_leases(&self, age: Duration) -> Result<(), FlowError> {
        let (member, leases) = (self.clone(), self.shared.lessor.run_for(age));
        let noted = tokio::spawn(async move {
            let mut outcome = Ok(());
            for leases in leases.chunks(CHECKPOINT_LEASES_MAX) {
                let checkpoint = Proposal::checkpoint_leases(leases.to_vec());
                outcome = outcome.and(member.shared.consensus.propose_as_leader(checkpoint).await);
                member.shared.lessor.noted(leases);
            }
            outcome
        });
        Ok(noted.await??)
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
            let left = self.shared.consensus.lease_times(&[id]).await?;
            body.ttl = left.get(&id).map_or(lease.ttl_seconds, |left| left / NANOSECONDS);
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
        let mut ids: Vec<i64> = known.into_iter().map(|lease| lease.id).collect();
        let left = self.shared.consensus.lease_times(&ids).await?;
        // Those that the clock was not told of yet have all of their time.
        ids.sort_by_key(|id| left.get(id).copied().unwrap_or(i64::MAX));
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

    /// Has what leases have left survive the stop of a leader.
    pub(crate) async fn note_leases(&self) {
        if !self.leads() {
            return;
        }
        let noted = tokio::time::timeout(self.shared.config.election_timeout, self.checkpoint_leases(Duration::ZERO));
        match noted.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what leases have left was not noted; they will have more"),
            Err(_) => tracing::warn!("what leases have left was not noted in time; they will have more"),
        }
    }

    /// Keeps the time of leases for as long as this member leads.
    pub(crate) async fn expire_leases_forever(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut leadership = self.shared.consensus.watch_leadership();
        let (mut led_term, mut ticks) = (None, 0_u64);
        loop {
            tokio::select! {
                _ = tick.tick() => ticks += 1,
                _ = leadership.changed() => {}
            }
            let seen = *leadership.borrow_and_update();
            if seen.leader != Some(self.shared.identity.member_id) {
                self.shared.lessor.step_down();
                led_term = None;
                continue;
            }
            if led_term != Some(seen.term) {
                match self.take_over_leases().await {
                    Ok(()) => led_term = Some(seen.term),
                    Err(error) => tracing::warn!(%error, "leases were not taken over; tried again"),
                }
                continue;
            }
            tokio::select! {
                () = self.look_after_leases(ticks) => {}
                // What was seen on a clock that may not count any more is not acted on.
                _ = leadership.changed() => leadership.mark_changed(),
            }
        }
    }

    /// Everything that earlier leaders granted is applied here by then.
    async fn take_over_leases(&self) -> Result<(), FlowError> {
        self.shared.lessor.step_down();
        self.shared.consensus.confirm_read().await?;
        let leases = self.view_off_thread(|view| Ok(view.leases()?)).await?;
        self.shared.lessor.take_over(leases);
        Ok(())
    }

    async fn look_after_leases(&self, ticks: u64) {
        if ticks.is_multiple_of(ADOPT_TICKS)
            && let Err(error) = self.adopt_leases().await
        {
            tracing::warn!(%error, "leases were not looked through; tried again");
        }
        if ticks % CHECKPOINT_TICKS == CHECKPOINT_TICKS - 1
            && let Err(error) = self.checkpoint_leases(TICK.saturating_mul(CHECKPOINT_TICKS as u32)).await
        {
            tracing::warn!(%error, "what leases have left was not noted; tried again");
        }
        let expired = self.shared.lessor.expired();
        futures::future::join_all(expired.into_iter().map(|id| self.expire(id))).await;
    }

    /// The clock is told of each lease as it is applied; this finds one that came between the look at the state and that.
    async fn adopt_leases(&self) -> Result<(), FlowError> {
        let leases = self.view_off_thread(|view| Ok(view.leases()?)).await?;
        self.shared.lessor.adopt(leases);
        Ok(())
    }

    /// The state says whether a lease is there; the clock only how long it has left.
    fn lease(&self, id: i64) -> Result<Option<LeaseRecord>, FlowError> {
        let lease = self.shared.store.lease(id)?;
        if lease.is_none() {
            self.shared.lessor.gone(id);
        }
        Ok(lease)
    }

    async fn expire(&self, id: i64) {
        match self.end_expired(id).await {
            Ok(true) => {
                self.shared.metrics.leases_revoked.inc();
                self.shared.metrics.leases_expired.inc();
                tracing::debug!(lease = id, "lease expired");
            }
            Ok(false) => tracing::warn!(lease = id, "expired lease not ended yet; tried again"),
            Err(error) => tracing::warn!(lease = id, %error, "expired lease not ended yet; tried again"),
        }
    }

    /// Never forwarded: under a later leader the lease may have been kept alive, and its time is up on that one's clock or not at
    /// all. Whether it is gone.
    async fn end_expired(&self, id: i64) -> Result<bool, FlowError> {
        let standing = self.shared.warden.user(&Caller::internal())?;
        self.shared.consensus.propose_as_leader(Proposal::revoke_lease(&standing, id)).await?;
        Ok(self.lease(id)?.is_none())
    }
}
