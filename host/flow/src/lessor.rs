//! The clock of leases.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, UNIX_EPOCH},
};

use consensus::{LeaseClock, Renewal};
use store::{LeaseRecord, command::LeaseRemaining};

/// Most leases ended at once; etcd ends a thousand a second.
const EXPIRED_MAX: usize = 500;

/// The clock of all leases. Every member has one, the leader's counts; never in the log: apply reads no clock.
pub(crate) struct Lessor {
    clock: Mutex<Clock>,
    /// Whether this member leads and has taken the leases over.
    primary: AtomicBool,
    election_timeout: Duration,
    pub(crate) ttl_seconds_min: i64,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Clock {
    leases: HashMap<i64, (Duration, Instant)>,
    by_deadline: BTreeSet<(Instant, i64)>,
    /// How often what a lease has left is on its way into the log.
    noting: HashMap<i64, u32>,
}

const POISONED: &str = "no code that can panic runs while the lease clock is locked";

impl Lessor {
    pub(crate) fn new(election_timeout: Duration) -> Self {
        // etcd's minimum is one and a half election timeouts, so that a new leader has time to take over.
        let ttl_seconds_min = (election_timeout * 3 / 2).as_millis().div_ceil(1000);
        let started = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Self {
            clock: Mutex::default(),
            primary: AtomicBool::new(false),
            election_timeout,
            ttl_seconds_min: i64::try_from(ttl_seconds_min).unwrap_or(i64::MAX),
            next_id: AtomicU64::new(started as u64),
        }
    }

    /// Begins to keep the time that counts: each lease starts where its last checkpoint stopped it; one without gets all
    /// of its time. As in etcd each gets an election timeout more, in which its owner may find its way here.
    pub(crate) fn take_over(&self, leases: Vec<LeaseRecord>) {
        let mut clock = self.clock.lock().expect(POISONED);
        *clock = Clock { noting: std::mem::take(&mut clock.noting), ..Clock::default() };
        for lease in leases {
            clock.resume(lease, self.election_timeout);
        }
        self.primary.store(true, Ordering::SeqCst);
    }

    /// Another member keeps the time, or none.
    pub(crate) fn step_down(&self) {
        self.primary.store(false, Ordering::SeqCst);
    }

    /// An id made as etcd makes them: unique by member, start time and count. Never zero or negative.
    pub(crate) fn new_id(&self, member_id: u64) -> i64 {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff_ffff;
        (((member_id & 0x7fff) << 48) | count).max(1).cast_signed()
    }

    pub(crate) fn gone(&self, id: i64) {
        self.clock.lock().expect(POISONED).remove(id);
    }

    /// Starts the clock of leases that have none: those whose grant was applied after its caller had gone away.
    pub(crate) fn adopt(&self, leases: Vec<LeaseRecord>) {
        let mut clock = self.clock.lock().expect(POISONED);
        for lease in leases {
            if !clock.leases.contains_key(&lease.id) {
                clock.resume(lease, Duration::ZERO);
            }
        }
    }

    /// The leases that have run for longer than `age` since they were granted or kept alive, and what each has left. They are
    /// not renewed until all of them are [`Lessor::noted`].
    pub(crate) fn run_for(&self, age: Duration) -> Vec<LeaseRemaining> {
        let now = Instant::now();
        let mut clock = self.clock.lock().expect(POISONED);
        let running = clock.leases.iter().filter_map(|(id, (ttl, deadline))| {
            let left = deadline.checked_duration_since(now)?;
            let remaining_seconds = i64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
            (left + age < *ttl).then_some(LeaseRemaining { id: *id, remaining_seconds })
        });
        let running: Vec<_> = running.collect();
        for lease in &running {
            *clock.noting.entry(lease.id).or_default() += 1;
        }
        running
    }

    /// What these have left is in the log, or will not be.
    pub(crate) fn noted(&self, leases: &[LeaseRemaining]) {
        let mut clock = self.clock.lock().expect(POISONED);
        for LeaseRemaining { id, .. } in leases {
            if let Entry::Occupied(mut times) = clock.noting.entry(*id) {
                *times.get_mut() -= 1;
                if *times.get() == 0 {
                    times.remove();
                }
            }
        }
    }

    pub(crate) fn expired(&self) -> Vec<i64> {
        let now = Instant::now();
        let clock = self.clock.lock().expect(POISONED);
        clock.by_deadline.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX).map(|(_, id)| *id).collect()
    }
}

impl LeaseClock for Lessor {
    fn granted(&self, lease: LeaseRecord) {
        self.clock.lock().expect(POISONED).set(lease);
    }

    fn renew(&self, id: i64, ttl_seconds: i64) -> Renewal {
        let mut clock = self.clock.lock().expect(POISONED);
        if !self.primary.load(Ordering::SeqCst) {
            return Renewal::NotPrimary;
        }
        if clock.leases.get(&id).is_some_and(|(_, deadline)| *deadline <= Instant::now()) {
            return Renewal::Expired;
        }
        if clock.noting.contains_key(&id) {
            return Renewal::Noting;
        }
        clock.set(LeaseRecord { id, ttl_seconds, remaining_seconds: 0 });
        Renewal::Renewed
    }

    fn left(&self, ids: &[i64]) -> Option<BTreeMap<i64, i64>> {
        let clock = self.clock.lock().expect(POISONED);
        if !self.primary.load(Ordering::SeqCst) {
            return None;
        }
        let now = Instant::now();
        let left = |id: &i64| {
            let (_, deadline) = clock.leases.get(id)?;
            let left = deadline.saturating_duration_since(now);
            Some((*id, i64::try_from(left.as_nanos()).unwrap_or(i64::MAX)))
        };
        Some(ids.iter().filter_map(left).collect())
    }
}

impl Clock {
    /// Gives a lease all of its time.
    fn set(&mut self, lease: LeaseRecord) {
        self.set_left(lease, seconds(lease.ttl_seconds));
    }

    /// Gives a lease what it had left at its last checkpoint.
    fn resume(&mut self, lease: LeaseRecord, more: Duration) {
        if failpoint::planted("lost-lease") {
            return;
        }
        let left = if lease.remaining_seconds > 0 { lease.remaining_seconds } else { lease.ttl_seconds };
        self.set_left(lease, seconds(left.min(lease.ttl_seconds)) + more);
    }

    fn set_left(&mut self, lease: LeaseRecord, left: Duration) {
        self.remove(lease.id);
        let ttl = seconds(lease.ttl_seconds);
        let deadline = Instant::now() + left;
        self.leases.insert(lease.id, (ttl, deadline));
        self.by_deadline.insert((deadline, lease.id));
    }

    fn remove(&mut self, id: i64) {
        if let Some((_, deadline)) = self.leases.remove(&id) {
            self.by_deadline.remove(&(deadline, id));
        }
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renewed meanwhile, it would have all of its time on this clock and less in the log, for the next leader to begin with.
    #[test]
    fn no_lease_is_renewed_while_what_it_has_left_is_noted() {
        let lessor = Lessor::new(Duration::from_secs(1));
        lessor.take_over(vec![LeaseRecord { id: 7, ttl_seconds: 60, remaining_seconds: 30 }]);
        let (periodic, at_the_end) = (lessor.run_for(Duration::from_secs(5)), lessor.run_for(Duration::ZERO));
        assert_eq!(periodic.iter().map(|lease| (lease.id, lease.remaining_seconds)).collect::<Vec<_>>(), [(7, 31)]);
        for leases in [periodic, at_the_end] {
            assert_eq!(lessor.renew(7, 60), Renewal::Noting);
            lessor.noted(&leases);
        }
        assert_eq!(lessor.renew(7, 60), Renewal::Renewed);
        assert!(lessor.run_for(Duration::from_secs(5)).is_empty());
        assert_eq!(lessor.renew(7, 60), Renewal::Renewed);
    }
}
