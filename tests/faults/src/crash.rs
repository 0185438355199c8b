//! `kill -9` at random moments under load.

use std::{collections::HashSet, time::Duration};

use harness::{Random, Seed, Server};
use proto::etcdserverpb::RangeRequest;
use tokio::time::sleep;

use crate::{
    history::{History, Known, revision},
    load::Load,
};

/// How often the server is killed.
const ROUNDS: usize = 50;

/// Longest life of a server under load. Most of a short life is its first group commits, where a crash is worst.
const LIFE_MS_MAX: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_written_twice() {
    let seed = Seed::of_this_run();
    println!("to repeat: {seed}");
    let mut random = Random::new(seed.0);
    let mut server = Server::subject().await;
    let mut told = HashSet::new();
    for round in 0..ROUNDS {
        let fresh = one_life(&mut server, round, &mut random).await;
        server.start().await;
        still_there(&server, round, &fresh, seed).await;
        told.extend(fresh);
    }
    let told: Vec<_> = told.into_iter().collect();
    assert!(told.len() > ROUNDS, "only {} writes in {ROUNDS} rounds show nothing; {seed}", told.len());
    let history = History::of(&server.client().await).await;
    println!("{} writes acknowledged or watched, {} in the history", told.len(), history.len());
    if let Err(wrong) = history.check(&told) {
        panic!("{wrong}; {seed}");
    }
}

/// Load, until the server is killed. What the clients were told.
async fn one_life(server: &mut Server, round: usize, random: &mut Random) -> Vec<Known> {
    let client = server.client().await;
    let load = Load::start(&client, round, random);
    sleep(Duration::from_millis(random.below(LIFE_MS_MAX))).await;
    server.kill();
    load.told().await
}

/// Right after the restart: everything of this round, by range rather than by watch.
async fn still_there(server: &Server, round: usize, told: &[Known], seed: Seed) {
    let mut client = server.client().await;
    let newest = told.iter().map(|known| known.revision).max().unwrap_or(0);
    let now = revision(&client).await;
    assert!(now >= newest, "revision {newest} was acknowledged, the store is at {now}; round {round}, {seed}");
    let (start, end) = (format!("/once/{round}/"), format!("/once/{round}0"));
    let request = RangeRequest { key: start.clone().into(), range_end: end.into(), ..RangeRequest::default() };
    let kvs = client.kv.range(request).await.expect("a ready server answers").into_inner().kvs;
    let there: HashSet<_> =
        kvs.iter().map(|kv| (kv.key.to_vec(), kv.value.to_vec(), kv.mod_revision, kv.version)).collect();
    for known in told.iter().filter(|known| known.key.starts_with(&start)) {
        let wanted = (known.key.clone().into_bytes(), known.value.clone().into_bytes(), known.revision, 1);
        assert!(there.contains(&wanted), "{known:?} is lost; round {round}, {seed}");
    }
}
