//! The program `conformance`: plays every case on Strongroom and on etcd, and prints what agrees.

use std::{io::stdout, path::PathBuf, process::ExitCode};

use clap::Parser;
use conformance::{Failure, Plan, run};

/// Plays every case on Strongroom and on etcd, and prints what agrees.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only cases whose name contains this
    filter: Option<String>,
    /// The folder of the cases
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))]
    cases: PathBuf,
    /// Pairs of servers at the same time
    #[arg(long, default_value_t = 8)]
    pairs: usize,
    /// Generated sequences
    #[arg(long, default_value_t = 40)]
    sequences: u32,
    /// Show what each case came to
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "it is a program's complaint")]
async fn main() -> ExitCode {
    let Arguments { filter, cases, pairs, sequences, verbose } = Arguments::parse();
    match Box::pin(run(&Plan { cases, filter, pairs, sequences, verbose }, &mut stdout())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
