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
//! faults --rolling                     every member is stopped and started again in turn, three times, under load
//! faults --rolling --from OLDER        the same as an upgrade: they are first started with the program OLDER
//! faults --repair                      members with damaged or other data, leaders whose disks fail: each becomes whole again
//! faults --rotation --keys 100000      data keys are replaced under load: what clients notice, and what is left of the old ones
//! faults --binding --times 200         a plugin is bound and unbound under load while the leader moves
//! faults --small-disk                  a member fills a small disk three times: it loses nothing, and takes writes again by itself
//! faults --catch-up --writes 1000000   a member is away for so many writes: what clients notice while it catches up
//! ```
//!
//! A campaign gives each member a disk of its own (a tmpfs), to fill it. Mounting that takes root; without it a campaign does not
//! begin, unless `--shared-disk` says that it may leave that fault out. One that is itself killed leaves the disks behind
//! (`umount -l`). The other kinds of run use the disk of the machine, but for `--small-disk`.
//!
//! The seed fixes which faults and which calls are drawn; how they meet is up to the machine.

mod campaign;
mod planted;
mod traffic;
mod verdict;

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use campaign::{Finding, Plan};
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
    /// Keep the data on the disk of the machine: takes no root, and leaves out disks that are full
    #[arg(long)]
    shared_disk: bool,
    /// Run with this deliberate bug
    #[arg(long)]
    planted: Option<String>,
    /// Run with each deliberate bug until it is found, each for at most `--seconds`
    #[arg(long, group = "instead")]
    prove: bool,
    /// How long nobody can write when the leader goes, instead of a campaign
    #[arg(long, group = "instead")]
    handover: bool,
    /// Restart each member in turn under load, instead of a campaign
    #[arg(long, group = "instead")]
    rolling: bool,
    /// The program that members are started with at first
    #[arg(long, requires = "rolling")]
    from: Option<PathBuf>,
    /// Damage members and wait until each is whole again, instead of a campaign
    #[arg(long, group = "instead")]
    repair: bool,
    /// Let a member catch up with what was written while it was away, instead of a campaign
    #[arg(long, group = "instead")]
    catch_up: bool,
    /// Fill the small disk of a member, which takes root, instead of a campaign
    #[arg(long, group = "instead")]
    small_disk: bool,
    /// Replace data keys under load, instead of a campaign
    #[arg(long, group = "instead")]
    rotation: bool,
    /// Bind and unbind a plugin under load, instead of a campaign
    #[arg(long, group = "instead")]
    binding: bool,
    /// How many times it is bound
    #[arg(long, default_value_t = 200, requires = "binding")]
    times: usize,
    /// How many keys are sealed
    #[arg(long, default_value_t = 100_000, requires = "rotation")]
    keys: u64,
    /// How many puts the member misses
    #[arg(long, default_value_t = 1_000_000, requires = "catch_up")]
    writes: u64,
    /// The program [default: the one that was built beside this one]
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self) -> Plan {
        Plan {
            members: self.members,
            program: self.program.clone().unwrap_or_else(harness::binary),
            length: Duration::from_secs(self.seconds),
            seed: Seed::of_this_run(),
            fail_points: self.planted.iter().flat_map(|bug| planted::lines(bug)).collect(),
            only: self.only.clone(),
            shared_disk: self.shared_disk,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = arguments.plan();
    if arguments.prove {
        return planted::prove(&plan).await;
    }
    let Finding { text, is_clean } = match &arguments {
        Arguments { handover: true, .. } => Box::pin(campaign::handover::run(&plan)).await,
        Arguments { repair: true, .. } => Box::pin(campaign::repair::run(&plan)).await,
        Arguments { rolling: true, from, .. } => Box::pin(campaign::rolling::run(&plan, from.clone())).await,
        Arguments { small_disk: true, .. } => Box::pin(campaign::small_disk::run(&plan)).await,
        Arguments { rotation: true, keys, .. } => Box::pin(campaign::rotation::run(&plan, *keys)).await,
        Arguments { binding: true, times, .. } => Box::pin(campaign::binding::run(&plan, *times)).await,
        Arguments { catch_up: true, writes, .. } => Box::pin(campaign::catch_up::run(&plan, *writes)).await,
        _ => {
            let report = Box::pin(campaign::run(&plan)).await;
            Finding { text: report.text(), is_clean: report.is_clean() }
        }
    };
    print(&text);
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(text: &str) {
    // Whoever closed the pipe does not want to hear more.
    drop(std::io::stdout().write_all(text.as_bytes()));
}
