//! The data key of many sealed values is replaced while clients write: what they notice, and what is left of the old key.
//!
//! A member is killed and started again meanwhile, and hashes are compared, and in the same way for as long afterwards, without a
//! rotation: writers notice that too, and what a hash reads of the past grows with time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::{Certificates, Client, Cluster, ClusterOptions, Random};
use proto::{
    admin::{KeyStatusRequest, RotateRequest, SettleRequest, keys_client::KeysClient},
    etcdserverpb::{CompactionRequest, DefragmentRequest, HashKvRequest, RangeRequest, WatchCreateRequest},
};
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use super::{Finding, Plan, authority::Authority, latency::Latencies, leadership, pace::Puts, round::different_hashes};
use crate::print;

/// One that leads, one that follows, one that is killed.
const MEMBERS: usize = 3;

/// The keys whose values are sealed anew, and those that are written meanwhile; both lie under the sealed prefix.
const RESTING: &str = "/sealed/resting/";
const WRITTEN: &str = "/sealed/written/";

/// How many are written meanwhile: few beside the others, since they are sealed anew, too.
const WRITTEN_KEYS: u64 = 10_000;

/// Connections to each member.
const CONNECTIONS: usize = 8;

/// How long members have to come to rest before latencies are measured.
const CALM: Duration = Duration::from_secs(10);

/// When a member is killed, and for how long it is away.
const KILLED_AFTER: Duration = Duration::from_secs(3);
const AWAY: Duration = Duration::from_secs(5);

/// Longest rotation.
const ROTATION_MAX: Duration = Duration::from_secs(3600);

/// How often it is looked whether it is over, and how often hashes are compared: each reads all keys of a member, which clients
/// would notice.
const POLL: Duration = Duration::from_millis(500);
const HASHES: Duration = Duration::from_secs(10);

/// How much slower the 99th percentile may be meanwhile, in hundredths.
const SLOWER_PERCENT_MAX: u32 = 110;

/// What was seen of it.
#[derive(Debug, Default)]
struct Seen {
    took: Duration,
    hashes: usize,
    complaints: Vec<String>,
}

/// Does it, and says each thing as soon as it is known.
pub(crate) async fn run(plan: &Plan, keys: u64) -> Finding {
    let authority = Authority::new().expect("certificates can be made");
    let mut cluster = Cluster::start(ClusterOptions {
        members: MEMBERS,
        program: plan.program.clone(),
        flags: authority.flags(),
        own_flags: BTreeMap::new(),
        fail_points: Vec::new(),
        disk_bytes: None,
    })
    .await;
    let measured = Box::pin(measure(&mut cluster, &authority.administrator(), keys, Random::new(plan.seed.0))).await;
    measured.unwrap_or_else(|why| {
        let kept = cluster.keep();
        Finding { text: format!("{why}\ndirectories and logs are kept in {}\n", kept.display()), is_clean: false }
    })
}

async fn measure(
    cluster: &mut Cluster,
    administrator: &Certificates,
    keys: u64,
    mut random: Random,
) -> Result<Finding, String> {
    let leader = leadership::leader(cluster).await.ok_or("nobody leads")?;
    let killed = (leader + 1) % MEMBERS;
    let staying: Vec<_> = (0..MEMBERS).filter(|member| *member != killed).collect();
    let doors: Vec<_> = (0..CONNECTIONS).flat_map(|_| staying.iter().map(|member| door(cluster, *member))).collect();
    for (prefix, count) in [(RESTING, keys), (WRITTEN, WRITTEN_KEYS)] {
        Puts::new(doors.clone(), prefix, Random::new(random.next())).fill(count).await?;
    }
    let mut puts = Puts::new(doors.clone(), WRITTEN, random).among(WRITTEN_KEYS);
    let before = rest(cluster, &doors[0]).await?;
    print(&format!("{keys} keys are sealed\n"));
    let mut watch = doors[0].watch();
    watch.create(resting_watch()).await;
    let channel = harness::connect(cluster.ports(leader).admin, Some(administrator)).await.map_err(text)?;
    let (during, seen) = puts.until(rotate(cluster, channel.clone(), killed, before.0)).await;
    let mut seen = seen?;
    print(&format!("sealed anew in {:.1?}: {during}\n", seen.took));
    if let Ok(events) = timeout(POLL, watch.events(1)).await {
        seen.complaints.push(format!("a watcher was told of {} events", events.len()));
    }
    if revisions(&doors[0]).await?.1 != before.1 {
        seen.complaints.push("revisions of keys have changed".to_owned());
    }
    seen.complaints.extend(old_keys(channel, keys).await?);
    let all: Vec<_> = (0..MEMBERS).map(|member| door(cluster, member)).collect();
    cluster.ready(killed, ROTATION_MAX).await?;
    seen.complaints.extend(different_hashes(&all, before.0).await);
    let quiet = rest(cluster, &doors[0]).await?.0;
    let (baseline, ()) = puts.until(disturb(cluster, killed, quiet, seen.took)).await;
    print(&format!("the same without a rotation: {baseline}\n"));
    Ok(verdict(&baseline, &during, &seen))
}

/// Lets members come to rest: the past is compacted away, and what their databases would merge, they have merged. The store's
/// revision and those of resting keys.
async fn rest(cluster: &Cluster, client: &Client) -> Result<(i64, Vec<(i64, i64)>), String> {
    let revisions = revisions(client).await?;
    let compaction = CompactionRequest { revision: revisions.0, physical: true };
    client.kv.clone().compact(compaction).await.map_err(text)?;
    sleep(CALM).await;
    for member in 0..MEMBERS {
        let mut maintenance = door(cluster, member).maintenance.clone();
        maintenance.defragment(DefragmentRequest {}).await.map_err(text)?;
    }
    sleep(CALM).await;
    Ok(revisions)
}

/// Replaces the data key and waits until every value is sealed with the new one; kills a member and starts it again meanwhile.
async fn rotate(cluster: &mut Cluster, channel: Channel, killed: usize, quiet: i64) -> Result<Seen, String> {
    let clients: Vec<_> = (0..MEMBERS).map(|member| door(cluster, member)).collect();
    let mut keys = KeysClient::new(channel);
    let (begun, mut seen) = (Instant::now(), Seen::default());
    keys.rotate(RotateRequest::default()).await.map_err(text)?;
    while !keys.settle(SettleRequest::default()).await.map_err(text)?.into_inner().settled {
        if begun.elapsed() > ROTATION_MAX {
            return Err(format!("values are not sealed anew within {ROTATION_MAX:?}"));
        }
        kill_or_launch(cluster, killed, begun.elapsed());
        if begun.elapsed() > HASHES * u32::try_from(seen.hashes).unwrap_or(u32::MAX) {
            let hashes = hashes(&clients, quiet).await;
            seen.hashes += 1;
            if hashes.iter().flatten().any(|hash| Some(hash) != hashes.iter().flatten().next()) {
                seen.complaints.push(format!("members had different hashes at revision {quiet}: {hashes:?}"));
            }
        }
        sleep(POLL).await;
    }
    seen.took = begun.elapsed();
    if !cluster.runs(killed) {
        cluster.launch(killed);
    }
    Ok(seen)
}

/// The same without a rotation, for so long: what is measured is what the rotation costs.
async fn disturb(cluster: &mut Cluster, killed: usize, quiet: i64, length: Duration) {
    let clients: Vec<_> = (0..MEMBERS).map(|member| door(cluster, member)).collect();
    let (begun, mut made) = (Instant::now(), 0);
    while begun.elapsed() < length {
        kill_or_launch(cluster, killed, begun.elapsed());
        if begun.elapsed() > HASHES * made {
            hashes(&clients, quiet).await;
            made += 1;
        }
        sleep(POLL).await;
    }
}

/// Does what is due to the member that is killed.
fn kill_or_launch(cluster: &mut Cluster, killed: usize, elapsed: Duration) {
    if cluster.runs(killed) && (KILLED_AFTER..KILLED_AFTER + AWAY).contains(&elapsed) {
        cluster.kill(killed);
    } else if !cluster.runs(killed) && elapsed > KILLED_AFTER + AWAY {
        cluster.launch(killed);
    }
}

/// What each member that answers says.
async fn hashes(clients: &[Client], revision: i64) -> Vec<Option<u32>> {
    let mut hashes = Vec::new();
    for client in clients {
        let answer =
            timeout(Duration::from_secs(5), client.maintenance.clone().hash_kv(HashKvRequest { revision })).await;
        hashes.push(answer.ok().and_then(Result::ok).map(|answer| answer.into_inner().hash));
    }
    hashes
}

/// What is still under another data key than the active one, as complaints.
async fn old_keys(channel: Channel, keys: u64) -> Result<Vec<String>, String> {
    let status = KeysClient::new(channel).status(KeyStatusRequest {}).await.map_err(text)?.into_inner();
    let old = status.keys.iter().filter(|key| key.state != "active" && (key.records > 0 || key.state != "destroyed"));
    let mut complaints: Vec<_> =
        old.map(|key| format!("data key {} is {} and seals {} records", key.id, key.state, key.records)).collect();
    let sealed: u64 = status.keys.iter().map(|key| key.records).sum();
    if sealed < keys || status.residue.iter().any(|residue| residue.plain_records > 0) {
        complaints.push(format!("only {sealed} records are sealed, or some are in plain text"));
    }
    Ok(complaints)
}

/// The store's revision, and the revisions of all resting keys.
async fn revisions(client: &Client) -> Result<(i64, Vec<(i64, i64)>), String> {
    let watch = resting_watch();
    let request =
        RangeRequest { key: watch.key, range_end: watch.range_end, keys_only: true, ..RangeRequest::default() };
    let answer = client.kv.clone().range(request).await.map_err(text)?.into_inner();
    let revision = answer.header.ok_or("an answer without a header")?.revision;
    Ok((revision, answer.kvs.iter().map(|kv| (kv.mod_revision, kv.version)).collect()))
}

fn resting_watch() -> WatchCreateRequest {
    let mut end = RESTING.as_bytes().to_vec();
    *end.last_mut().expect("a prefix is not empty") += 1;
    WatchCreateRequest { key: RESTING.into(), range_end: end.into(), ..WatchCreateRequest::default() }
}

fn door(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn verdict(baseline: &Latencies, during: &Latencies, seen: &Seen) -> Finding {
    let (Some(before), Some(meanwhile)) = (baseline.percentile(99), during.percentile(99)) else {
        return Finding { text: "nothing was measured\n".to_owned(), is_clean: false };
    };
    let answered = baseline.failed() + during.failed() == 0;
    let is_clean = meanwhile * 100 <= before * SLOWER_PERCENT_MAX && answered && seen.complaints.is_empty();
    let ratio = meanwhile.as_secs_f64() / before.as_secs_f64();
    let allowed = f64::from(SLOWER_PERCENT_MAX) / 100.0;
    let mut text = format!(
        "hashes compared {} times; p99 {meanwhile:.2?} meanwhile, {before:.2?} without: {ratio:.2} times, {allowed} is allowed\n",
        seen.hashes
    );
    seen.complaints.iter().for_each(|complaint| text += &format!("{complaint}\n"));
    Finding { text, is_clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_slower_is_allowed_and_a_complaint_is_not() {
        let all = |ms: u64| Latencies::of((0..200).map(|_| (Duration::from_millis(ms), true)));
        assert!(verdict(&all(100), &all(110), &Seen::default()).is_clean);
        assert!(!verdict(&all(100), &all(111), &Seen::default()).is_clean);
        let complained = Seen { complaints: vec!["something".to_owned()], ..Seen::default() };
        assert!(!verdict(&all(100), &all(100), &complained).is_clean);
    }
}
