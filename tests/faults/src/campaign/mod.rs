//! A campaign: rounds of traffic under faults, each judged when it is over.

mod authority;
mod damage;
mod fault;
pub(crate) mod handover;
mod leadership;
mod membership;
mod nemesis;
mod report;
mod round;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use faults::search::Canary;
use harness::{Cluster, ClusterOptions, Random, Seed};

use crate::{traffic::field::Doors, verdict::call::Call};
use authority::Authority;
pub(crate) use report::Report;
use round::Round;

/// Letters and digits of the word in every sealed value.
const CANARY_LENGTH: usize = 40;

/// Log entries between two snapshots: few, so that every round builds and purges.
const SNAPSHOT_ENTRIES: u64 = 400;

/// What to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) members: usize,
    /// The program with fail points compiled in.
    pub(crate) program: PathBuf,
    pub(crate) length: Duration,
    pub(crate) seed: Seed,
    /// Lines that stand in every member's file of fail points, such as a deliberate bug.
    pub(crate) fail_points: Vec<String>,
    /// Faults to draw from; all when there are none.
    pub(crate) only: Vec<String>,
}

/// Runs rounds until the time is up or one finds something wrong.
pub(crate) async fn run(plan: &Plan) -> Report {
    let began = Instant::now();
    let mut random = Random::new(plan.seed.0);
    let authority = Authority::new().expect("certificates can be made");
    let mut cluster = Cluster::start(options(plan, &authority)).await;
    let canary = random.word(CANARY_LENGTH);
    let doors = Doors::of(&cluster, authority.administrator());
    let mut report = Report::new(plan);
    let mut carried: Vec<Call> = Vec::new();
    let mut number = 0;
    while began.elapsed() < plan.length && report.is_clean() {
        number += 1;
        let round = Round { number, doors: doors.clone(), canary: canary.clone(), only: &plan.only };
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
        fail_points: plan.fail_points.clone(),
    }
}
