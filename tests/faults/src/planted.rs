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
    /// What makes the moment longer in which it shows.
    slower: Option<&'static str>,
}

/// The bugs that the crate `failpoint` lists.
const BUGS: [Bug; 7] = [
    Bug { name: "ack-before-sync", members_min: 1, slower: None },
    Bug { name: "stale-read", members_min: 3, slower: None },
    Bug { name: "lost-event", members_min: 1, slower: None },
    Bug { name: "double-apply", members_min: 1, slower: None },
    Bug { name: "skipped-epoch-check", members_min: 1, slower: Some("write.pause sleep 250 4") },
    Bug { name: "lost-lease", members_min: 1, slower: None },
    Bug { name: "torn-apply", members_min: 1, slower: Some("apply.torn sleep 5") },
];

/// Faults in which each of them can show. What damages files would be found for itself.
const FAULTS: [&str; 5] = ["kill", "restart", "kill-all", "pause", "move-leader"];

/// What the members' files of fail points say for a bug.
pub(crate) fn lines(name: &str) -> Vec<String> {
    let slower = BUGS.iter().find(|bug| bug.name == name).and_then(|bug| bug.slower);
    [Some(format!("planted {name}")), slower.map(str::to_owned)].into_iter().flatten().collect()
}

/// Runs a campaign with each of them.
pub(crate) async fn prove(plan: &Plan) -> ExitCode {
    let mut missed = 0;
    for Bug { name, members_min, .. } in BUGS {
        let plan = Plan {
            fail_points: lines(name),
            members: plan.members.max(members_min),
            only: FAULTS.map(str::to_owned).to_vec(),
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
