//! A plugin is bound and unbound under load while the leader moves: no write gets past it while it is in force, at any log position, and
//! none is denied by it while it is not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Client, Cluster, Random};
use proto::{
    admin::{Binding, InstallRequest, RemoveRequest, plugins_client::PluginsClient},
    etcdserverpb::PutRequest,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::{Code, transport::Channel};

use super::{Finding, Plan, authority::Authority, leadership, membership::client, options};

/// Writers at each member.
const WRITERS: usize = 3;

/// How long a writer waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest time that a plugin is bound, and that it is not.
const STRETCH_MS_MAX: u64 = 80;

/// The leader moves in one of so many stretches.
const MOVES: u64 = 4;

const NAME: &str = "deny-all";
const GUARDED: &str = "/guarded/";

/// What became of one write.
#[derive(Debug)]
struct Write {
    begun: Instant,
    ended: Instant,
    fate: Fate,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// With the revision that it got.
    Written(i64),
    Denied,
    /// Nobody knows.
    Unknown,
}

/// One time that the plugin was in force, from one write that it does not concern to another.
#[derive(Debug, Default)]
struct Bound {
    /// A revision at which it was in force already.
    after: i64,
    /// A revision at which it was in force still.
    until: i64,
}

/// One time that it was not: from the answer of its removal to the next installation.
#[derive(Debug)]
struct Free {
    from: Instant,
    until: Instant,
}

/// Binds and unbinds a plugin so many times.
pub(crate) async fn run(plan: &Plan, times: usize) -> Finding {
    let authority = Authority::new().expect("certificates can be made");
    let cluster = Cluster::start(options(plan, &authority)).await;
    let mut random = Random::new(plan.seed.0);
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for member in 0..cluster.size() {
        for writer in 0..WRITERS {
            writers.spawn(write(client(&cluster, member), format!("{GUARDED}{member}/{writer}"), stop.clone()));
        }
    }
    let mut doors = Vec::new();
    for member in 0..cluster.size() {
        let door = harness::connect(cluster.ports(member).admin, Some(&authority.administrator())).await;
        doors.push(PluginsClient::new(door.expect("the member is ready")));
    }
    let (mut bound, mut free, mut moved) = (Vec::new(), Vec::new(), 0);
    let mut free_from = Instant::now();
    for _ in 0..times {
        let until = Instant::now();
        free.push(Free { from: free_from, until });
        let (install, remove) = (pick(&mut random, &doors), pick(&mut random, &doors));
        until_done(async || installed(install.clone()).await).await;
        let after = fence(&cluster, &mut random).await;
        moved += usize::from(stretch(&cluster, &mut random).await);
        bound.push(Bound { after, until: fence(&cluster, &mut random).await });
        until_done(async || removed(remove.clone()).await).await;
        free_from = Instant::now();
        moved += usize::from(stretch(&cluster, &mut random).await);
    }
    stop.store(true, Ordering::Relaxed);
    let writes: Vec<Write> = writers.join_all().await.into_iter().flatten().collect();
    let complaints = judge(&writes, &bound, &free);
    let count = |wanted: fn(&Fate) -> bool| writes.iter().filter(|write| wanted(&write.fate)).count();
    let (written, denied) = (count(|fate| matches!(fate, Fate::Written(_))), count(|fate| *fate == Fate::Denied));
    let text = format!(
        "{}; a plugin was bound and unbound {times} times, the leader moved {moved} times: {written} writes done, {denied} denied, {} of \
         unknown fate; {} violations\n{}",
        plan.seed,
        count(|fate| *fate == Fate::Unknown),
        complaints.len(),
        complaints.iter().take(10).map(|complaint| format!("  {complaint}\n")).collect::<String>()
    );
    Finding { text, is_clean: complaints.is_empty() && written > times && denied > times && moved > 0 }
}

/// What was written although the plugin was in force at that revision, and what was denied although it was in force at no moment of
/// the call.
fn judge(writes: &[Write], bound: &[Bound], free: &[Free]) -> Vec<String> {
    let wrong = |write: &Write| match write.fate {
        Fate::Written(revision) => {
            let past = bound.iter().find(|bound| bound.after < revision && revision < bound.until)?;
            Some(format!("revision {revision} got past the plugin, in force from {} to {}", past.after, past.until))
        }
        Fate::Denied => {
            let within = free.iter().find(|free| free.from <= write.begun && write.ended <= free.until)?;
            let since = write.begun - within.from;
            Some(format!("a write that began {since:?} after the removal was answered was denied"))
        }
        Fate::Unknown => None,
    };
    writes.iter().filter_map(wrong).collect()
}

async fn write(client: Client, key: String, stop: Arc<AtomicBool>) -> Vec<Write> {
    let mut writes = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let request = PutRequest { key: key.clone().into(), ..PutRequest::default() };
        let fate = match timeout(PATIENCE, client.kv.clone().put(request)).await {
            Ok(Ok(answer)) => Fate::Written(answer.into_inner().header.map_or(0, |header| header.revision)),
            Ok(Err(status)) if status.code() == Code::PermissionDenied => Fate::Denied,
            Ok(Err(_)) | Err(_) => Fate::Unknown,
        };
        if fate == Fate::Unknown {
            sleep(Duration::from_millis(5)).await;
        }
        writes.push(Write { begun, ended: Instant::now(), fate });
    }
    writes
}

/// Waits for a while, in which the leader may move; whether it did.
async fn stretch(cluster: &Cluster, random: &mut Random) -> bool {
    let moves = random.below(MOVES) == 0;
    let moved = match moves.then_some(leadership::leader(cluster).await).flatten() {
        Some(leader) => leadership::hand_over(cluster, leader, (leader + 1) % cluster.size()).await,
        None => false,
    };
    sleep(Duration::from_millis(random.below(STRETCH_MS_MAX))).await;
    moved
}

/// The revision of a write that the plugin does not concern.
async fn fence(cluster: &Cluster, random: &mut Random) -> i64 {
    let mut revision = None;
    while revision.is_none() {
        let member = usize::try_from(random.below(cluster.size() as u64)).unwrap_or_default();
        let put = PutRequest { key: "/fence".into(), ..PutRequest::default() };
        let answer = timeout(PATIENCE, client(cluster, member).kv.put(put)).await;
        revision = answer.ok().and_then(Result::ok).and_then(|answer| answer.into_inner().header);
    }
    revision.map_or(0, |header| header.revision)
}

fn pick(random: &mut Random, doors: &[PluginsClient<Channel>]) -> PluginsClient<Channel> {
    doors[usize::try_from(random.below(doors.len() as u64)).unwrap_or_default()].clone()
}

async fn until_done<F: Future<Output = bool>>(mut attempt: impl FnMut() -> F) {
    while !attempt().await {
        sleep(Duration::from_millis(20)).await;
    }
}

async fn installed(mut door: PluginsClient<Channel>) -> bool {
    let binding = Some(Binding { prefixes: vec![GUARDED.into()], ..Binding::default() });
    let request = InstallRequest {
        name: NAME.to_owned(),
        component: guests::deny_all().into(),
        binding,
        ..InstallRequest::default()
    };
    door.install(request).await.is_ok()
}

/// Whether it is known to be gone.
async fn removed(mut door: PluginsClient<Channel>) -> bool {
    match door.remove(RemoveRequest { name: NAME.to_owned() }).await {
        Ok(_) => true,
        Err(status) => status.code() == Code::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_bound_and_unbound_under_load_is_in_force_for_every_write_in_between_and_for_no_other() {
        let plan = Plan {
            members: 3,
            program: harness::binary(),
            length: Duration::ZERO,
            seed: harness::Seed::of_this_run(),
            fail_points: Vec::new(),
            only: Vec::new(),
            shared_disk: true,
        };
        let Finding { text, is_clean } = run(&plan, 20).await;
        assert!(is_clean, "{text}");
    }

    #[test]
    fn what_gets_past_and_what_is_denied_for_nothing_is_found() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let write = |from: u64, to: u64, fate| Write { begun: at(from), ended: at(to), fate };
        let (bound, free) = ([Bound { after: 5, until: 9 }], [Free { from: at(100), until: at(200) }]);
        let judged = |write: Write| judge(&[write], &bound, &free).len();
        assert_eq!([4, 5, 7, 9].map(|revision| judged(write(0, 1, Fate::Written(revision)))), [0, 0, 1, 0]);
        let denied = [(90, 150), (110, 190), (150, 210)].map(|(from, to)| judged(write(from, to, Fate::Denied)));
        assert_eq!(denied, [0, 1, 0]);
        assert_eq!(judged(write(110, 190, Fate::Unknown)), 0);
    }
}
