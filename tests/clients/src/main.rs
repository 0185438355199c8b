//! The program `clients`: real etcd clients, each driven through the whole API against a new Strongroom and a new etcd.
//!
//! Each client is a small program in its own language, in a folder beside this one, that knows nothing of the server but its
//! address and prints a line for each feature that worked. So the same program that fails on Strongroom can be seen to
//! pass on etcd, which is what tells a broken server from a broken test.
//!
//! ```text
//! clients
//! clients --only go --only curl --server strongroom
//! clients --without go
//! ```
//!
//! A language that is not installed is an error, not a pass: leave it out by name.

mod program;
mod report;
mod runtime;
mod subject;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;
use program::{PROGRAMS, Program};
use report::{Outcome, Report};
use subject::Subject;

/// Drives Strongroom and etcd with real etcd clients.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs these clients and no others
    #[arg(long, value_name = "CLIENT")]
    only: Vec<String>,
    /// Leaves these clients out
    #[arg(long, value_name = "CLIENT")]
    without: Vec<String>,
    /// Runs them against these servers and no others
    #[arg(long, value_enum)]
    server: Vec<Subject>,
}

impl Arguments {
    fn programs(&self) -> Result<Vec<&'static Program>, String> {
        let known = |name: &String| PROGRAMS.iter().any(|program| program.name == name);
        if let Some(unknown) = self.only.iter().chain(&self.without).find(|name| !known(name)) {
            let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
            return Err(format!("there is no client {unknown}; there are {}", names.join(", ")));
        }
        let listed = |names: &[String], program: &Program| names.iter().any(|name| name == program.name);
        let chosen = |program: &&Program| self.only.is_empty() || listed(&self.only, program);
        Ok(PROGRAMS.iter().filter(chosen).filter(|program| !listed(&self.without, program)).collect())
    }

    fn subjects(&self) -> Vec<Subject> {
        if self.server.is_empty() { Subject::ALL.to_vec() } else { self.server.clone() }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match drive(&Arguments::parse()).await {
        Ok(report) => {
            tell(&report.table());
            if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(sentence) => {
            tell(&format!("clients: {sentence}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn drive(arguments: &Arguments) -> Result<Report, String> {
    let mut report = Report::new(arguments.subjects());
    for program in arguments.programs()? {
        let runtime = runtime::prepare(program.language)?;
        for subject in arguments.subjects() {
            let outcome = if program.subjects.contains(&subject) {
                program.run(&runtime, subject).await
            } else {
                Outcome::NotMeant
            };
            if !matches!(outcome, Outcome::NotMeant) {
                tell(&format!("{} on {subject}: {outcome}\n", program.name));
            }
            report.add(program, subject, outcome);
        }
    }
    Ok(report)
}

fn tell(text: &str) {
    // Whoever closed the pipe does not want to hear more.
    drop(std::io::stdout().write_all(text.as_bytes()));
}
