//! The program `faults`: traffic on a cluster of real processes, faults drawn by a seed, and checkers that decide whether every promise
//! was kept.
//!
//! ```text
//! faults --seconds 300                 a campaign
//! STRONGROOM_SEED=17 faults            the same faults and the same calls again
//! faults --only kill --only pause      with these faults only
//! faults --planted lost-event          with a deliberate bug, which must be found
//! faults --prove                       with each deliberate bug in turn, and how long each took to be found
//! faults --handover                    how long nobody can write when the leader goes
//! ```
//!
//! The seed fixes which faults and which calls are drawn; how they meet is up to the machine.

mod campaign;
mod planted;
mod traffic;
mod verdict;

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use campaign::Plan;
use clap::Parser;
use harness::Seed;

/// Runs traffic under faults and checks every promise.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// How long, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many members
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Only these faults; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Run with this deliberate bug
    #[arg(long)]
    planted: Option<String>,
    /// Run with each deliberate bug until it is found, each for at most `--seconds`
    #[arg(long)]
    prove: bool,
    /// How long nobody can write when the leader goes, instead of a campaign
    #[arg(long)]
    handover: bool,
    /// The program, built with fail points [default: strongroom-faulty beside this program]
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let beside = || harness::binary().with_file_name("strongroom-faulty");
    let plan = Plan {
        members: arguments.members,
        program: arguments.program.unwrap_or_else(beside),
        length: Duration::from_secs(arguments.seconds),
        seed: Seed::of_this_run(),
        fail_points: arguments.planted.iter().flat_map(|bug| planted::lines(bug)).collect(),
        only: arguments.only,
    };
    if arguments.prove {
        return planted::prove(&plan).await;
    }
    if arguments.handover {
        let handover = Box::pin(campaign::handover::run(&plan)).await;
        print(&handover.text);
        return if handover.is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let report = Box::pin(campaign::run(&plan)).await;
    print(&report.text());
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(text: &str) {
    // Whoever closed the pipe does not want to hear more.
    drop(std::io::stdout().write_all(text.as_bytes()));
}
