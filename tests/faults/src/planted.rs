//! Proves the checkers: each deliberate bug has to be found.

use std::process::ExitCode;

use crate::{
    campaign::{self, Plan},
    print,
};

/// A deliberate bug, and the faults under which it shows soonest; none means all.
struct Bug {
    name: &'static str,
    members_min: usize,
    faults: &'static [&'static str],
}

const fn bug(name: &'static str, members_min: usize, faults: &'static [&'static str]) -> Bug {
    Bug { name, members_min, faults }
}

/// The bugs that `failpoint::planted` knows.
const BUGS: [Bug; 7] = [
    bug("ack-before-sync", 1, &["kill", "log.before-sync"]),
    bug("stale-read", 3, &[]),
    bug("lost-event", 1, &[]),
    bug("double-apply", 1, &[]),
    bug("skipped-epoch-check", 1, &[]),
    bug("lost-lease", 1, &[]),
    bug("torn-apply", 1, &[]),
];

/// Runs a campaign with each of them.
pub(crate) async fn prove(plan: &Plan) -> ExitCode {
    let mut missed = 0;
    for Bug { name, members_min, faults } in BUGS {
        let plan = Plan {
            planted: Some(name.to_owned()),
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
