//! A campaign: rounds of traffic under faults, each judged when it is over.

mod authority;
pub(crate) mod binding;
pub(crate) mod catch_up;
mod damage;
mod fault;
pub(crate) mod handover;
mod joining;
mod latency;
mod leadership;
#[cfg(test)]
mod members_tests;
mod membership;
mod nemesis;
mod pace;
pub(crate) mod repair;
mod report;
pub(crate) mod rolling;
pub(crate) mod rotation;
mod round;
#[cfg(test)]
mod secrecy_tests;
pub(crate) mod small_disk;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use faults::search::Canary;
use harness::{Cluster, ClusterOptions, Random, Seed};

use crate::{traffic::field::Doors, verdict::call::Call};
use authority::Authority;
pub(crate) use report::Report;
use round::{Round, Torment};

/// Letters and digits of the word in every sealed value.
const CANARY_LENGTH: usize = 40;

/// Log entries between two snapshots: few, so that every round builds and purges.
const SNAPSHOT_ENTRIES: u64 = 400;

/// Size of each member's disk. Four segments of the log, of 64 MiB each, are the most that it keeps with so many snapshots; the
/// state is small, and filling the rest takes so little time that clients wait for the member and not for the test.
const DISK_BYTES: u64 = 512 * 1024 * 1024;

/// How often something happened, by its name.
type Tally = BTreeMap<&'static str, usize>;

/// What was found out, for people, and whether it is as it should be.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) text: String,
    pub(crate) is_clean: bool,
}

/// What to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) members: usize,
    /// The program. A campaign needs the one that has fail points compiled in.
    pub(crate) program: PathBuf,
    pub(crate) length: Duration,
    pub(crate) seed: Seed,
    /// Lines that stand in every member's file of fail points, such as a deliberate bug.
    pub(crate) fail_points: Vec<String>,
    /// Faults to draw from; all when there are none.
    pub(crate) only: Vec<String>,
    /// Whether members have their data on the disk of the machine, which cannot be filled.
    pub(crate) shared_disk: bool,
}

/// Runs rounds until the time is up or one finds something wrong.
pub(crate) async fn run(plan: &Plan) -> Report {
    let began = Instant::now();
    let mut random = Random::new(plan.seed.0);
    let authority = Authority::new().expect("certificates can be made");
    let options = ClusterOptions { disk_bytes: (!plan.shared_disk).then_some(DISK_BYTES), ..options(plan, &authority) };
    let mut cluster = Cluster::start(options).await;
    let canary = random.word(CANARY_LENGTH);
    let doors = Doors::of(&cluster, authority.administrator());
    let mut report = Report::new(plan);
    let mut carried: Vec<Call> = Vec::new();
    let mut number = 0;
    while began.elapsed() < plan.length && report.is_clean() {
        number += 1;
        let torment = Torment::Faults(&plan.only);
        let round = Round { number, doors: doors.clone(), canary: canary.clone(), torment };
        let outcome = round.run(&mut cluster, std::mem::take(&mut carried), Random::new(random.next())).await;
        carried = report.add(outcome);
    }
    report.secrets(&cluster, &Canary::new("put", canary)).await;
    report.finish(began.elapsed(), cluster);
    report
}

fn options(plan: &Plan, authority: &Authority) -> ClusterOptions {
    let mut flags = authority.flags();
    flags.push(format!("--snapshot-count={SNAPSHOT_ENTRIES}"));
    flags.push("--watch-progress-notify-interval=1s".to_owned());
    flags.extend(["--heartbeat-interval=100", "--election-timeout=1000"].map(str::to_owned));
    ClusterOptions {
        members: plan.members,
        program: plan.program.clone(),
        flags,
        own_flags: BTreeMap::new(),
        fail_points: plan.fail_points.clone(),
        disk_bytes: None,
    }
}
