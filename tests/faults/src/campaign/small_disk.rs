//! A member fills a small disk of its own: it refuses writes in time, loses nothing, and takes writes again once something was
//! deleted and compacted away, without anybody's help.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Client, Cluster, ClusterOptions, Random};
use proto::etcdserverpb::{CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest};
use tokio::{task::JoinSet, time::sleep};

use super::{DISK_BYTES, Finding, Plan};
use crate::print;

/// How often the disk is filled.
const TIMES: usize = 3;

/// What fills it, and what has to outlast that.
const FILL: &str = "/fill/";
const KEPT: &str = "/kept/";
const AGAIN: &str = "/again";
const KEPT_KEYS: u64 = 500;

/// Larger than most: a small disk is full before a member makes a snapshot for their number.
const VALUE_BYTES: usize = 64 * 1024;
const WRITERS: u64 = 8;

/// Longest time to fill it, and until writes are taken again.
const FILL_MAX: Duration = Duration::from_secs(300);
const AGAIN_MAX: Duration = Duration::from_secs(180);

/// How long it is left full: whatever a member does by itself then must not end it.
const FULL: Duration = Duration::from_secs(30);

/// How often it is tried whether writes are taken.
const POLL: Duration = Duration::from_secs(1);

/// What the server says when it takes no writes.
const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";

/// Does it, and says each thing as soon as it is known.
pub(crate) async fn run(plan: &Plan) -> Finding {
    let mut cluster = Cluster::start(ClusterOptions {
        members: 1,
        program: plan.program.clone(),
        flags: Vec::new(),
        own_flags: BTreeMap::new(),
        fail_points: Vec::new(),
        disk_bytes: Some(DISK_BYTES),
    })
    .await;
    match Box::pin(fill_again(&mut cluster, Random::new(plan.seed.0))).await {
        Ok(()) => Finding { text: "nothing was lost\n".to_owned(), is_clean: true },
        Err(why) => {
            let kept = cluster.keep();
            Finding { text: format!("{why}\ndirectory and log are kept in {}\n", kept.display()), is_clean: false }
        }
    }
}

async fn fill_again(cluster: &mut Cluster, mut random: Random) -> Result<(), String> {
    let client = Client::new(harness::connect_lazy(cluster.ports(0).client));
    for number in 0..KEPT_KEYS {
        put(&client, format!("{KEPT}{number:06}"), random.word(100).into()).await?;
    }
    let kept = values(&client).await?;
    for time in 1..=TIMES {
        let begun = Instant::now();
        let answered = fill(&client, &mut random).await?;
        print(&format!("full after {answered} puts of {VALUE_BYTES} bytes, {:.1?}\n", begun.elapsed()));
        // Once it is emptied at once: what a member does by itself then must leave room for that.
        if time % 2 == 1 {
            sleep(FULL).await;
        }
        unharmed(cluster, &client, answered, &kept).await?;
        if time == TIMES {
            cluster.kill(0);
            cluster.launch(0);
            cluster.ready(0, Duration::from_secs(harness::START_SECONDS_MAX)).await?;
            unharmed(cluster, &client, answered, &kept).await?;
        }
        let begun = Instant::now();
        let range_end = end_of(FILL);
        let delete = DeleteRangeRequest { key: FILL.into(), range_end: range_end.into(), ..Default::default() };
        let revision = client.kv.clone().delete_range(delete).await.map_err(text)?.into_inner().header;
        let revision = revision.ok_or("an answer without a header")?.revision;
        let compaction = CompactionRequest { revision, physical: false };
        client.kv.clone().compact(compaction).await.map_err(text)?;
        while let Err(why) = put(&client, AGAIN.to_owned(), "x".into()).await {
            if begun.elapsed() > AGAIN_MAX || !cluster.runs(0) {
                return Err(format!("writes are not taken {:.1?} after all was deleted: {why}", begun.elapsed()));
            }
            sleep(POLL).await;
        }
        print(&format!("writes are taken {:.1?} after all was deleted and compacted\n", begun.elapsed()));
        unharmed(cluster, &client, 0, &kept).await?;
    }
    Ok(())
}

/// Puts until there is no room; how many were answered.
async fn fill(client: &Client, random: &mut Random) -> Result<u64, String> {
    let (answered, begun, mut writers) = (Arc::new(AtomicU64::new(0)), Instant::now(), JoinSet::new());
    for writer in 0..WRITERS {
        let (client, answered, mut random) = (client.clone(), Arc::clone(&answered), Random::new(random.next()));
        writers.spawn(async move {
            for number in 0_u64.. {
                match put(&client, format!("{FILL}{writer}/{number:06}"), random.word(VALUE_BYTES).into()).await {
                    Ok(()) => answered.fetch_add(1, Ordering::Relaxed),
                    Err(why) if why.contains(NO_SPACE) => return Ok(()),
                    Err(why) => return Err(why),
                };
                if begun.elapsed() > FILL_MAX {
                    return Err(format!("the disk is not full after {FILL_MAX:?}"));
                }
            }
            Ok(())
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.map_err(text)??;
    }
    Ok(answered.load(Ordering::Relaxed))
}

/// The member runs and has all that was acknowledged.
async fn unharmed(
    cluster: &mut Cluster,
    client: &Client,
    filled: u64,
    kept: &[(Vec<u8>, Vec<u8>)],
) -> Result<(), String> {
    if !cluster.runs(0) {
        return Err("the member has ended".to_owned());
    }
    let count = RangeRequest { count_only: true, ..under(FILL) };
    let found = client.kv.clone().range(count).await.map_err(text)?.into_inner().count;
    // A write of which nobody was told that it was done may be there all the same.
    if !(filled..=filled + WRITERS).contains(&found.cast_unsigned()) {
        return Err(format!("{filled} puts were answered, and {found} keys are there"));
    }
    if values(client).await? != kept {
        return Err(format!("what was put under {KEPT} is not there any more"));
    }
    Ok(())
}

async fn values(client: &Client) -> Result<Vec<(Vec<u8>, Vec<u8>)>, String> {
    let answer = client.kv.clone().range(under(KEPT)).await.map_err(text)?.into_inner();
    Ok(answer.kvs.into_iter().map(|kv| (kv.key.to_vec(), kv.value.to_vec())).collect())
}

fn under(prefix: &str) -> RangeRequest {
    RangeRequest { key: prefix.to_owned().into(), range_end: end_of(prefix).into(), ..RangeRequest::default() }
}

fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    *end.last_mut().expect("a prefix is not empty") += 1;
    end
}

async fn put(client: &Client, key: String, value: bytes::Bytes) -> Result<(), String> {
    let request = PutRequest { key: key.into(), value, ..PutRequest::default() };
    client.kv.clone().put(request).await.map(drop).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
