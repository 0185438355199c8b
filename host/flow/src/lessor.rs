//! The clock of leases.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, UNIX_EPOCH},
};

use store::{LeaseRecord, Store, StoreError, command::LeaseRemaining};

/// Most leases ended at once; etcd ends a thousand a second.
const EXPIRED_MAX: usize = 500;

/// The clock of all leases. Kept by the leader only, and never in the log: apply reads no clock.
pub(crate) struct Lessor {
    clock: Mutex<Clock>,
    pub(crate) ttl_seconds_min: i64,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Clock {
    leases: HashMap<i64, (Duration, Instant)>,
    by_deadline: BTreeSet<(Instant, i64)>,
}

const POISONED: &str = "no code that can panic runs while the lease clock is locked";

impl Lessor {
    /// Starts the clock of every lease where its last checkpoint stopped it; one without gets all of its time. As in
    /// etcd each gets an election timeout more, in which its owner may find back here.
    pub(crate) fn new(store: &Store, election_timeout: Duration) -> Result<Self, StoreError> {
        let mut clock = Clock::default();
        for lease in store.view(|view| view.leases())? {
            clock.resume(lease, election_timeout);
        }
        // etcd's minimum is one and a half election timeouts, so that a new leader has time to take over.
        let ttl_seconds_min = (election_timeout * 3 / 2).as_millis().div_ceil(1000);
        let started = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Ok(Self {
            clock: Mutex::new(clock),
            ttl_seconds_min: i64::try_from(ttl_seconds_min).unwrap_or(i64::MAX),
            next_id: AtomicU64::new(started as u64),
        })
    }

    /// An id made as etcd makes them: unique by member, start time and count. Never zero or negative.
    pub(crate) fn new_id(&self, member_id: u64) -> i64 {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff_ffff;
        (((member_id & 0x7fff) << 48) | count).max(1).cast_signed()
    }

    pub(crate) fn granted(&self, lease: LeaseRecord) {
        self.clock.lock().expect(POISONED).set(lease);
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

    /// Starts a lease's clock anew; its time to live in seconds, or `None` when its time is up.
    pub(crate) fn renew(&self, lease: LeaseRecord) -> Option<i64> {
        let mut clock = self.clock.lock().expect(POISONED);
        if clock.leases.get(&lease.id).is_some_and(|(_, deadline)| *deadline <= Instant::now()) {
            return None;
        }
        clock.set(lease);
        Some(lease.ttl_seconds)
    }

    /// Seconds left.
    pub(crate) fn remaining(&self, id: i64) -> Option<i64> {
        let clock = self.clock.lock().expect(POISONED);
        let (_, deadline) = clock.leases.get(&id)?;
        let left = deadline.saturating_duration_since(Instant::now());
        Some(i64::try_from(left.as_secs()).unwrap_or(i64::MAX))
    }

    /// The leases that have run for longer than `age` since they were granted or kept alive, and what each has left.
    pub(crate) fn run_for(&self, age: Duration) -> Vec<LeaseRemaining> {
        let now = Instant::now();
        let clock = self.clock.lock().expect(POISONED);
        let running = clock.leases.iter().filter_map(|(id, (ttl, deadline))| {
            let left = deadline.checked_duration_since(now)?;
            let remaining_seconds = i64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
            (left + age < *ttl).then_some(LeaseRemaining { id: *id, remaining_seconds })
        });
        running.collect()
    }

    pub(crate) fn ids(&self) -> Vec<i64> {
        self.clock.lock().expect(POISONED).by_deadline.iter().map(|(_, id)| *id).collect()
    }

    pub(crate) fn expired(&self) -> Vec<i64> {
        let now = Instant::now();
        let clock = self.clock.lock().expect(POISONED);
        clock.by_deadline.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX).map(|(_, id)| *id).collect()
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
