//! A member was away while much was written: how long it takes to catch up, and what clients notice of it.
//!
//! All puts go to the two members that stay, in every phase, so that phases differ only in what the third one does.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::{Client, Cluster, ClusterOptions, Random};
use proto::etcdserverpb::RangeRequest;
use tokio::time::{sleep, timeout};

use super::{Finding, Plan, latency::Latencies, leadership, pace::Puts, round::different_hashes};
use crate::print;

/// One that leads, one that follows, one that is away.
const MEMBERS: usize = 3;

/// How long latencies are measured when nothing else happens: ten thousand puts, a hundred of them above the 99th percentile.
const MEASURE: Duration = Duration::from_secs(20);

/// How long the members come to rest first: what compacts their files after many puts would be measured, too.
const CALM: Duration = Duration::from_secs(10);

/// A member has caught up when it has applied all but so many entries of what another one has: a fifth of a second of the puts
/// that go on, since nobody is ever asked at the same moment.
const BEHIND_ENTRIES_MAX: u64 = 100;

/// Longest time to catch up. A gigabyte takes a slow disk less than a minute.
const CATCH_UP_MAX: Duration = Duration::from_secs(600);

/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(50);

/// Longest wait for one answer.
const ASK: Duration = Duration::from_secs(2);

/// How much slower the 99th percentile may be meanwhile, in tenths.
const SLOWER_TENTHS_MAX: u32 = 15;

/// Connections to each member, so that none of them is what the writers wait for.
const CONNECTIONS: usize = 8;

/// The state may become so large, in bytes: the largest that etcd's documentation recommends. A million puts of a kibibyte, all
/// kept as history, come close to the two gibibytes of the default.
const QUOTA_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// The metric that counts received snapshots.
const SNAPSHOTS_RECEIVED: &str = "etcd_network_snapshot_receive_success";

/// Does it, and says each thing as soon as it is known: it takes minutes.
pub(crate) async fn run(plan: &Plan, writes: u64) -> Finding {
    let mut cluster = Cluster::start(ClusterOptions {
        members: MEMBERS,
        program: plan.program.clone(),
        flags: vec![format!("--quota-backend-bytes={QUOTA_BYTES}")],
        own_flags: BTreeMap::new(),
        fail_points: Vec::new(),
        disk_bytes: None,
    })
    .await;
    let measured = Box::pin(measure(&mut cluster, writes, Random::new(plan.seed.0))).await;
    measured.unwrap_or_else(|why| {
        let kept = cluster.keep();
        Finding { text: format!("{why}\ndirectories and logs are kept in {}\n", kept.display()), is_clean: false }
    })
}

async fn measure(cluster: &mut Cluster, writes: u64, random: Random) -> Result<Finding, String> {
    let leader = leadership::leader(cluster).await.ok_or("nobody leads")?;
    let away = (leader + 1) % MEMBERS;
    let staying: Vec<_> = (0..MEMBERS).filter(|member| *member != away).collect();
    let doors = (0..CONNECTIONS).flat_map(|_| staying.iter().map(|member| door(cluster, *member))).collect();
    let mut puts = Puts::new(doors, "/catch-up/", random);
    quiet(&mut puts, "all members").await;
    cluster.kill(away);
    let took = puts.flood(writes).await?;
    let rate = writes as f64 / took.as_secs_f64();
    print(&format!("{writes} puts while m{away} is away: {took:.1?}, {rate:.0} a second\n"));
    let baseline = quiet(&mut puts, "two members").await;
    let (during, took) = puts.until(catch_up(cluster, away, leader)).await;
    let took = took?;
    print(&format!("m{away} catches up, in {took:.1?}: {during}\n"));
    same_data(cluster).await?;
    Ok(verdict(&baseline, &during, snapshots(cluster, away).await))
}

/// Latencies while nothing happens.
async fn quiet(puts: &mut Puts, who: &str) -> Latencies {
    sleep(CALM).await;
    let (latencies, ()) = puts.until(sleep(MEASURE)).await;
    print(&format!("{who}: {latencies}\n"));
    latencies
}

/// Starts a member and waits until it is where another one is and serves; how long that took.
async fn catch_up(cluster: &mut Cluster, away: usize, other: usize) -> Result<Duration, String> {
    let begun = Instant::now();
    cluster.launch(away);
    let reader = door(cluster, away);
    while begun.elapsed() < CATCH_UP_MAX {
        sleep(POLL).await;
        if !cluster.runs(away) {
            return Err(format!("m{away} has ended instead of catching up"));
        }
        let (own, newest) = (leadership::applied(cluster, away).await, leadership::applied(cluster, other).await);
        let level = own.zip(newest).is_some_and(|(own, newest)| own + BEHIND_ENTRIES_MAX >= newest);
        if level && read(&reader).await.is_some() {
            return Ok(begun.elapsed());
        }
    }
    Err(format!("m{away} has not caught up within {CATCH_UP_MAX:?}"))
}

/// Once nobody writes: whether all members hold the same.
async fn same_data(cluster: &Cluster) -> Result<(), String> {
    let clients: Vec<_> = (0..MEMBERS).map(|member| door(cluster, member)).collect();
    let mut newest = 0;
    for client in &clients {
        newest = read(client).await.ok_or("a member does not answer")?;
    }
    different_hashes(&clients, newest).await.map_or(Ok(()), Err)
}

/// The store's revision, by a linearizable read at this member.
async fn read(client: &Client) -> Option<i64> {
    let request = RangeRequest { key: "/none".into(), ..RangeRequest::default() };
    let answer = timeout(ASK, client.kv.clone().range(request)).await.ok()?.ok()?.into_inner();
    Some(answer.header?.revision)
}

fn door(cluster: &Cluster, member: usize) -> Client {
    Client::new(harness::connect_lazy(cluster.ports(member).client))
}

/// How many snapshots a member says it has received since its start.
pub(super) async fn snapshots(cluster: &Cluster, member: usize) -> Option<f64> {
    let page = harness::get(cluster.ports(member).metrics, "/metrics").await.ok()?;
    Some(sum(&page.body, SNAPSHOTS_RECEIVED))
}

/// The sum of a metric over all its labels, on a page of Prometheus' text format.
fn sum(page: &str, metric: &str) -> f64 {
    let values = page.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        (series.split('{').next() == Some(metric)).then(|| value.parse::<f64>().ok()).flatten()
    });
    values.sum()
}

fn verdict(baseline: &Latencies, during: &Latencies, snapshots: Option<f64>) -> Finding {
    let (Some(before), Some(meanwhile)) = (baseline.percentile(99), during.percentile(99)) else {
        return Finding { text: "nothing was measured\n".to_owned(), is_clean: false };
    };
    let is_clean = meanwhile * 10 < before * SLOWER_TENTHS_MAX && baseline.failed() + during.failed() == 0;
    let way = match snapshots {
        Some(count) if count > 0.0 => format!("{count} snapshot(s) received"),
        Some(_) => "no snapshot received: it got there by the log".to_owned(),
        None => "it does not tell whether it received a snapshot".to_owned(),
    };
    let ratio = meanwhile.as_secs_f64() / before.as_secs_f64();
    let allowed = f64::from(SLOWER_TENTHS_MAX) / 10.0;
    let text = format!(
        "{way}\np99 {meanwhile:.2?} while it caught up, {before:.2?} before: {ratio:.2} times, less than {allowed} is allowed\n"
    );
    Finding { text, is_clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ms: u64, answered: bool) -> Latencies {
        Latencies::of((0..200).map(|_| (Duration::from_millis(ms), answered)))
    }

    #[test]
    fn half_as_slow_again_is_too_slow_and_so_is_a_failure() {
        assert!(verdict(&all(10, true), &all(14, true), Some(1.0)).is_clean);
        assert!(!verdict(&all(10, true), &all(15, true), Some(1.0)).is_clean);
        assert!(!verdict(&all(10, true), &all(1, false), Some(1.0)).is_clean);
        assert!(!verdict(&all(10, true), &Latencies::default(), None).is_clean, "nothing was measured");
    }

    #[test]
    fn a_metric_is_summed_over_its_labels_and_no_other_is() {
        let page =
            "# HELP a_b x\n# TYPE a_b counter\na_b{From=\"1\"} 2\na_b{From=\"2\"} 1\na_b_c{From=\"1\"} 7\na_b 0.5\n";
        assert_eq!((sum(page, "a_b"), sum(page, "a")), (3.5, 0.0));
    }
}
