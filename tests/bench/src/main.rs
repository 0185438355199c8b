//! The program `bench`: Strongroom and etcd under the same load, in one run, on the same disk, both over mutual TLS, both syncing every
//! acknowledged write. `strongroom bench` drives both.
//!
//! ```text
//!  for each work, for each round:  A start, measure, stop   B start, measure, stop   (the next round: B, A)
//!  rows (median of the rounds, ratio, goal, met or not) --> table, results/DATE.md, results/ratios.svg
//! ```
//!
//! Only one of the two runs at a time, on a new directory, so that neither is charged for what the other still does.
//!
//! ```text
//! bench                        everything, about an hour; writes tests/bench/results
//! bench --only put1000        one work, printed
//! bench --quick                a smoke run: every work, short and small
//! ```
//!
//! It is *not* a test: nothing fails when a server is slow. Data lie where temporary files do (`TMPDIR`), which has to be a disk.

mod identity;
mod kernel;
mod load;
mod machine;
mod plot;
mod row;
mod scale;
mod subject;
mod table;
mod work;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Parser;
use harness::Program;
use identity::Identity;
use machine::Machine;
use row::Rounds;
use scale::Scale;
use work::Work;

/// Measures Strongroom and etcd side by side.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measure this only; may be repeated
    #[arg(long, value_enum, value_name = "WORK")]
    only: Vec<Work>,
    /// Short rounds, fewer keys and watchers: whether everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Rounds of each server [default: 3; 1 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: Option<u8>,
    /// Folder for DATE.md and ratios.svg [default: tests/bench/results for everything; none with --only or --quick]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Arguments {
    fn works(&self) -> &[Work] {
        if self.only.is_empty() { Work::ALL } else { &self.only }
    }

    fn results(&self) -> Option<PathBuf> {
        let whole = self.only.is_empty() && !self.quick;
        let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        self.results.clone().or_else(|| whole.then(usual))
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let machine = Machine::look();
    let scale = if arguments.quick { Scale::QUICK } else { Scale::FULL };
    let identity = Identity::issue().await;
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 3 });
    let begun = Instant::now();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut rows = Vec::new();
    for &work in arguments.works() {
        let mut measured = Rounds::of(work.rows());
        for round in 0..rounds {
            let order = [Program::Strongroom, Program::Etcd];
            for turn in 0..order.len() {
                let program = order[(turn + usize::from(round)) % order.len()];
                if program == Program::Etcd && !work.has_etcd() {
                    continue;
                }
                let figures = work.measure(&scale, &identity, program).await;
                let (name, seconds) = (work.name(), begun.elapsed().as_secs());
                writeln!(err, "{seconds:>5} s  {name}, round {}, {}: {figures:.1?}", round + 1, row::name(program))?;
                measured.add(program, figures);
            }
        }
        rows.extend(measured.rows());
    }
    let heading = machine.heading(rounds, arguments.quick, begun.elapsed());
    let notes = load::notes();
    writeln!(out, "{heading}\n\n{}", table::text(&rows))?;
    notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
    if let Some(folder) = arguments.results() {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{}.md", machine.date)), table::page(&machine.date, &heading, &rows, &notes))?;
        fs::write(folder.join("ratios.svg"), plot::draw(&rows))?;
        writeln!(out, "\nwritten to {}", folder.display())?;
    }
    Ok(())
}
