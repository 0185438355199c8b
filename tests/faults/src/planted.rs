//! Proves the checkers: each deliberate bug has to be found.

use std::process::ExitCode;

use crate::{
    campaign::{self, Plan},
    print,
};

/// A deliberate bug, and how to run with it.
struct Bug {
    name: &'static str,
    /// With fewer members it is none.
    members_min: usize,
    /// Faults in which it can show. What damages files would be found for itself.
    faults: &'static [&'static str],
    /// What makes the moment longer in which it shows.
    slower: Option<&'static str>,
}

const CRASHES: &[&str] = &["kill", "restart", "kill-all"];

/// A network that is worse than it should be, on several members; on one a process that pauses.
const DELAYS: &[&str] = &["delay", "cut-one-way", "isolate", "pause"];

/// The bugs that the crate `failpoint` lists.
const BUGS: [Bug; 7] = [
    Bug { name: "ack-before-sync", members_min: 1, faults: &["kill-all"], slower: None },
    Bug { name: "stale-read", members_min: 3, faults: DELAYS, slower: None },
    Bug { name: "lost-event", members_min: 1, faults: DELAYS, slower: None },
    Bug { name: "double-apply", members_min: 1, faults: DELAYS, slower: None },
    Bug {
        name: "skipped-epoch-check",
        members_min: 1,
        faults: &["late-writes"],
        slower: Some("write.pause sleep 250 4"),
    },
    Bug { name: "lost-lease", members_min: 1, faults: CRASHES, slower: None },
    Bug { name: "torn-apply", members_min: 1, faults: CRASHES, slower: Some("apply.torn sleep 5") },
];

/// What the members' files of fail points say for a bug.
pub(crate) fn lines(name: &str) -> Vec<String> {
    let slower = BUGS.iter().find(|bug| bug.name == name).and_then(|bug| bug.slower);
    [Some(format!("planted {name}")), slower.map(str::to_owned)].into_iter().flatten().collect()
}

/// Runs a campaign with each of them.
pub(crate) async fn prove(plan: &Plan) -> ExitCode {
    let mut missed = 0;
    for Bug { name, members_min, faults, .. } in BUGS {
        let plan = Plan {
            fail_points: lines(name),
            members: plan.members.max(members_min),
            only: faults.iter().map(|fault| (*fault).to_owned()).collect(),
            ..plan.clone()
        };
        let report = Box::pin(campaign::run(&plan)).await;
        match report.first_complaint() {
            Some(complaint) => {
                let complaint: String = complaint.chars().take(160).collect();
                print(&format!("{name:<20} found in {:>4.0?}: {complaint}\n", report.took()));
            }
            None => {
                missed += 1;
                print(&format!("{name:<20} NOT FOUND in {:.0?}; {}\n", report.took(), plan.seed));
            }
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
