//! How long nobody can write when the leader goes, and whether a member that was away deposes it when it comes back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use harness::{Client, Cluster, Condition};
use proto::etcdserverpb::PutRequest;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Finding, Plan, authority::Authority, leadership, options};

/// How often the leader goes each way.
const TIMES: usize = 5;

/// Writers at each member, so that there is always one that does not wait for an answer that will not come.
const WRITERS: usize = 3;

/// How long a writer waits for an answer.
const PATIENCE: Duration = Duration::from_millis(400);

/// How long is looked for a gap, and how long the cluster has to calm down first.
const LOOK: Duration = Duration::from_secs(4);
const CALM: Duration = Duration::from_secs(2);

/// Two election timeouts.
const CRASH_MAX: Duration = Duration::from_secs(2);

/// For a leader that has the time to hand over.
const ORDERLY_MAX: Duration = Duration::from_millis(200);

/// How the leader goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Killed,
    Stopped,
    Moved,
}

/// Lets the leader of a cluster under load go in every way, several times.
pub(crate) async fn run(plan: &Plan) -> Finding {
    let authority = Authority::new().expect("certificates can be made");
    let mut cluster = Cluster::start(options(plan, &authority)).await;
    let answered = Answered::default();
    let mut writers = JoinSet::new();
    for member in 0..cluster.size() {
        for writer in 0..WRITERS {
            let client = Client::new(harness::connect_lazy(cluster.ports(member).client));
            writers.spawn(write(client, format!("/handover/{member}/{writer}"), answered.clone()));
        }
    }
    let mut handover = Finding { text: String::new(), is_clean: true };
    for (way, bound) in [(Way::Killed, CRASH_MAX), (Way::Stopped, ORDERLY_MAX), (Way::Moved, ORDERLY_MAX)] {
        let mut gaps = Vec::new();
        for _ in 0..TIMES {
            gaps.extend(one(&mut cluster, way, &answered).await);
        }
        gaps.sort_unstable();
        let refused = TIMES - gaps.len();
        handover.is_clean &= refused == 0 && gaps.last().is_none_or(|worst| *worst <= bound);
        handover.text += &format!(
            "leader {way:?}: longest times without an answered write {gaps:.2?}, {bound:?} is allowed; it stayed {refused} times\n"
        );
    }
    let (kept, text) = returns(&mut cluster).await;
    handover.is_clean &= kept;
    handover.text += &text;
    handover
}

/// When writes were answered.
#[derive(Debug, Clone, Default)]
struct Answered(Arc<Mutex<Vec<Instant>>>);

impl Answered {
    fn note(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    }

    /// The longest time between two answers, from a moment on.
    fn longest_gap(&self, from: Instant) -> Duration {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = answers.iter().copied().filter(|at| *at <= from).max().unwrap_or(from);
        let mut longest = Duration::ZERO;
        for at in answers.iter().copied().filter(|at| *at > from).chain([Instant::now()]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = last.max(at);
        }
        longest
    }
}

async fn write(client: Client, key: String, answered: Answered) {
    for number in 0_u64.. {
        let request = PutRequest { key: key.clone().into(), value: number.to_string().into(), ..PutRequest::default() };
        match timeout(PATIENCE, client.kv.clone().put(request)).await {
            Ok(Ok(_)) => answered.note(),
            Ok(Err(_)) | Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// The longest time without an answer; nothing when there is no leader or it does not go.
async fn one(cluster: &mut Cluster, way: Way, answered: &Answered) -> Option<Duration> {
    sleep(CALM).await;
    let leader = leadership::leader(cluster).await?;
    let begun = Instant::now();
    match way {
        Way::Killed => cluster.kill(leader),
        Way::Stopped => drop(cluster.stop(leader).await),
        Way::Moved => {
            let to = (leader + 1) % cluster.size();
            if !leadership::hand_over(cluster, leader, to).await {
                return None;
            }
        }
    }
    sleep(LOOK.saturating_sub(begun.elapsed())).await;
    let gap = answered.longest_gap(begun);
    for member in 0..cluster.size() {
        if !cluster.runs(member) {
            cluster.launch(member);
        }
        let ready = cluster.ready(member, Duration::from_secs(harness::START_SECONDS_MAX)).await;
        ready.unwrap_or_else(|why| panic!("m{member}: {why}"));
    }
    Some(gap)
}

/// A follower that was cut off comes back: the leader and its term stay.
async fn returns(cluster: &mut Cluster) -> (bool, String) {
    sleep(CALM).await;
    let Some(leader) = leadership::leader(cluster).await else { return (false, "nobody leads\n".to_owned()) };
    let before = leadership::view(cluster, leader).await;
    let away = (leader + 1) % cluster.size();
    let cut = Condition { cut: true, ..Condition::default() };
    for other in (0..cluster.size()).filter(|other| *other != away) {
        cluster.links().set(away, other, cut);
        cluster.links().set(other, away, cut);
    }
    // Long enough for several elections that it cannot win.
    sleep(LOOK * 2).await;
    cluster.links().heal();
    sleep(LOOK).await;
    let after = leadership::view(cluster, leader).await;
    let kept = before.is_some() && before == after;
    (kept, format!("a member that was cut off comes back: {before:?}, then {after:?}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_reaches_over_the_moment_and_to_now() {
        let (answered, begun) = (Answered::default(), Instant::now());
        let at = |ms: u64| begun + Duration::from_millis(ms);
        answered.0.lock().unwrap().extend([at(0), at(10), at(500), at(520)]);
        let gap = answered.longest_gap(at(100));
        assert!(gap >= Duration::from_millis(490), "{gap:?}");
        assert!(Answered::default().longest_gap(begun) < Duration::from_secs(5));
    }
}
