//! Puts, at a fixed rate or as fast as many writers can.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use harness::{Client, Random};
use proto::etcdserverpb::PutRequest;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::latency::Latencies;

/// Keys that are written: so many that a put seldom meets another one, and that the state is not a single block of its files.
const KEYS: u64 = 100_000;

/// Bytes of a value.
const VALUE_BYTES: usize = 1024;

/// Random bytes of which values are cut: no value compresses, and making one costs nothing.
const POOL_BYTES: usize = 1024 * 1024;

/// Puts at a fixed rate are so far apart, 500 a second: well below what two cores can do, so that they show how the cluster is
/// and do not make it so.
const INTERVAL: Duration = Duration::from_millis(2);

/// Longest wait for an answer: ten election timeouts, so that what comes later is as bad as nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts at a fixed rate that may be under way: all that come due within the patience.
const UNDER_WAY_MAX: usize = 5000;

/// Writers that put as fast as they can: enough that the log syncs whole groups, few enough that a client's memory is small.
const WRITERS: usize = 256;

/// Pause of a writer after a put that failed, and how long it tries that one again.
const AGAIN: Duration = Duration::from_millis(50);
const TRIES: Duration = Duration::from_secs(60);

/// Puts to some members.
#[derive(Debug, Clone)]
pub(super) struct Puts {
    /// Where they go, in turn.
    doors: Vec<Client>,
    /// What their keys begin with, and how many there are of them.
    prefix: &'static str,
    keys: u64,
    pool: Bytes,
    random: Random,
}

impl Puts {
    pub(super) fn new(doors: Vec<Client>, prefix: &'static str, mut random: Random) -> Self {
        let pool: Vec<u8> = (0..POOL_BYTES / 8).flat_map(|_| random.next().to_le_bytes()).collect();
        Self { doors, prefix, keys: KEYS, pool: pool.into(), random }
    }

    /// The same among so many keys.
    pub(super) fn among(self, keys: u64) -> Self {
        Self { keys, ..self }
    }

    /// Puts at the fixed rate until something has come about, and gives that too. A put is sent when it is due and not when the
    /// one before it was answered: who waits for a slow server measures it seldom.
    pub(super) async fn until<T>(&mut self, over: impl Future<Output = T>) -> (Latencies, T) {
        let mut over = pin!(over);
        let (mut due, mut calls, mut under_way) = (Instant::now(), Vec::new(), JoinSet::new());
        let mut number = 0;
        loop {
            tokio::select! {
                biased;
                done = &mut over => {
                    calls.extend(under_way.join_all().await);
                    return (Latencies::of(calls), done);
                }
                () = sleep_until(due) => {}
            }
            while let Some(call) = under_way.try_join_next() {
                calls.push(call.expect("a client does not panic"));
            }
            if under_way.len() < UNDER_WAY_MAX {
                let (door, request) = (self.doors[number % self.doors.len()].clone(), self.draw());
                under_way.spawn(async move {
                    let answered = put(&door, request).await.is_ok();
                    (due.elapsed(), answered)
                });
            } else {
                calls.push((PATIENCE, false));
            }
            due += INTERVAL;
            number += 1;
        }
    }

    /// Puts so many times as fast as the writers can; how long it took.
    pub(super) async fn flood(&mut self, writes: u64) -> Result<Duration, String> {
        let (begun, left, mut writers) = (Instant::now(), Arc::new(AtomicU64::new(writes)), JoinSet::new());
        for number in 0..WRITERS {
            let door = self.doors[number % self.doors.len()].clone();
            let own = Self { random: Random::new(self.random.next()), ..self.clone() };
            writers.spawn(own.write(door, Arc::clone(&left)));
        }
        while let Some(writer) = writers.join_next().await {
            writer.expect("a client does not panic")?;
        }
        Ok(begun.elapsed())
    }

    async fn write(mut self, door: Client, left: Arc<AtomicU64>) -> Result<(), String> {
        let take = |left: u64| left.checked_sub(1);
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            let (begun, request) = (Instant::now(), self.draw());
            while let Err(why) = put(&door, request.clone()).await {
                if begun.elapsed() > TRIES {
                    return Err(format!("a put fails for {TRIES:?}: {why}"));
                }
                sleep(AGAIN).await;
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> PutRequest {
        let number = self.random.below(self.keys);
        self.of(number)
    }

    fn of(&mut self, number: u64) -> PutRequest {
        let from = self.random.below((POOL_BYTES - VALUE_BYTES) as u64);
        let from = usize::try_from(from).expect("it is below a usize");
        let key = format!("{}{number:06}", self.prefix);
        PutRequest { key: key.into(), value: self.pool.slice(from..from + VALUE_BYTES), ..PutRequest::default() }
    }

    /// Puts so many keys, each once.
    pub(super) async fn fill(&mut self, keys: u64) -> Result<(), String> {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS as u64 {
            let door = self.doors[usize::try_from(writer).expect("few") % self.doors.len()].clone();
            let mut own = Self { random: Random::new(self.random.next()), ..self.clone() };
            writers.spawn(async move {
                for number in (writer..keys).step_by(WRITERS) {
                    put(&door, own.of(number)).await?;
                }
                Ok::<_, String>(())
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer.expect("a client does not panic")?;
        }
        Ok(())
    }
}

async fn put(door: &Client, request: PutRequest) -> Result<(), String> {
    match timeout(PATIENCE, door.kv.clone().put(request)).await {
        Ok(answer) => answer.map(drop).map_err(|status| status.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_as_long_as_they_should_be_and_differ() {
        let mut puts = Puts::new(Vec::new(), "/k/", Random::new(1));
        let (one, other) = (puts.draw(), puts.draw());
        assert_eq!((one.value.len(), other.value.len()), (VALUE_BYTES, VALUE_BYTES));
        assert_ne!((one.key, one.value), (other.key, other.value));
    }

    #[tokio::test]
    async fn puts_that_nobody_takes_fail_and_keep_their_pace() {
        let nobody = Client::new(harness::connect_lazy(harness::free_port()));
        let mut puts = Puts::new(vec![nobody], "/k/", Random::new(1));
        let (latencies, ()) = puts.until(sleep(INTERVAL * 50)).await;
        assert!((1..=51).contains(&latencies.failed()), "{latencies}");
    }
}
