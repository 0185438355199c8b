//! Every member is stopped and started again in turn, as an upgrade does it, while clients write and watch. With an older program to
//! begin with it is an upgrade.

use std::{path::PathBuf, time::Duration};

use harness::{Cluster, ClusterOptions, Random};
use tokio::time::sleep;

use super::{
    CANARY_LENGTH, Finding, Plan, Tally,
    authority::Authority,
    options, report,
    round::{Round, RoundOutcome, Torment},
};
use crate::traffic::field::Doors;

/// How often each member's turn comes. In the first lap nobody has restarted yet, in the second everybody once.
const LAPS: usize = 3;

/// Time between a member's return and the next one's turn: connections to it come back, and watches go on.
const BETWEEN: Duration = Duration::from_secs(1);

/// A name for the tally.
const RESTARTS: &str = "rolling-restart";

/// Plays one round of ordinary traffic over a rolling restart and judges it as every round is judged. Members are first started with
/// `older`, if there is one, and with the plan's program when their turn comes.
pub(crate) async fn run(plan: &Plan, older: Option<PathBuf>) -> Finding {
    let mut random = Random::new(plan.seed.0);
    let authority = Authority::new().expect("certificates can be made");
    let usual = options(plan, &authority);
    let program = older.unwrap_or_else(|| usual.program.clone());
    let mut cluster = Cluster::start(ClusterOptions { program, ..usual }).await;
    cluster.replace_program(plan.program.clone());
    let doors = Doors::of(&cluster, authority.administrator());
    let canary = random.word(CANARY_LENGTH);
    let round = Round { number: 1, doors, canary, torment: Torment::RollingRestart };
    let outcome = Box::pin(round.run(&mut cluster, Vec::new(), random)).await;
    let is_clean = outcome.complaints.is_empty();
    let mut text = text(plan, &outcome);
    if !is_clean {
        text += &format!("  directories and logs are kept in {}\n", cluster.keep().display());
    }
    Finding { text, is_clean }
}

/// Stops each member with SIGTERM and starts it again, once all others are there; how often it was done.
pub(super) async fn restart(cluster: &mut Cluster) -> Result<Tally, String> {
    let mut tally = Tally::new();
    for member in (0..cluster.size()).cycle().take(LAPS * cluster.size()) {
        sleep(BETWEEN).await;
        cluster.stop(member).await;
        cluster.launch(member);
        let ready = cluster.ready(member, Duration::from_secs(harness::START_SECONDS_MAX)).await;
        ready.map_err(|why| format!("member {member} does not come back: {why}"))?;
        *tally.entry(RESTARTS).or_default() += 1;
    }
    sleep(BETWEEN).await;
    Ok(tally)
}

fn text(plan: &Plan, outcome: &RoundOutcome) -> String {
    let restarts = outcome.faults.get(RESTARTS).copied().unwrap_or_default();
    let mut text = format!(
        "{} members, {LAPS} laps; to repeat: {}\n  {:>9} restarts\n  {:>9} acknowledged writes\n  {:>9.0?} longest time without one\n  \
         {:>9} watches checked\n  {:>9} events delivered to them\n  {:>9} violations\n",
        plan.members,
        plan.seed,
        restarts,
        outcome.availability.acknowledged,
        outcome.availability.longest_silence,
        outcome.watches,
        outcome.events,
        outcome.complaints.len(),
    );
    for complaint in report::shown(&outcome.complaints) {
        text += &format!("    {complaint}\n");
    }
    text
}
