//! The `strongroom` program: command line, configuration, wiring, telemetry and shutdown.
//!
//! ```text
//!  command line, environment --> config (as written --> as resolved) --> run: bind, start the member, serve, drain
//!  dev directory ------------> bootstrap --------------^
//! ```
//!
//! It is the only place that knows all the parts. It is *not* where requests are understood (`api`) or carried out
//! (`flow`), and it decides nothing about keys, plugins or data.
//!
//! Invariants:
//! - A flag is read, or refused by name, or named in the log as one without effect; never ignored. See `config::flags`.
//! - Administrators are served over mutual TLS only, whatever the configuration says.
//! - A root key is never made for data that exists already.
//!
//! Started under the name `etcd`, it takes etcd's command line: see `cli::Personality`.
//!
//! Failure: whatever the operator can mend is one sentence on stderr and exit code 1; a wrong command line is exit code 2.

mod announce;
mod banner;
mod bootstrap;
mod cli;
mod config;
mod descriptors;
mod dev;
mod error;
mod issuing;
mod listeners;
mod member;
mod memory;
mod ready;
mod run;
mod running;
mod self_signed;
mod stop;
mod telemetry;
mod tls;

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cli::{Arguments, Command, Personality, Request};
use config::LogOutput;
use config::written::Written;
use error::ServerError;
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;

/// Gives memory back that a burst of large requests needed. glibc's allocator keeps it: it has an arena for each thread.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let personality = Personality::of(words.next().as_ref());
    let outcome = match personality {
        Personality::Strongroom => start(Arguments::parse().command),
        Personality::Etcd => serve(personality, words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // `etcd --help | head` has seen enough.
        Err(ServerError::Runtime(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "{}: {error}", personality.name());
            if error.is_usage() {
                let _ = writeln!(std::io::stderr(), "{}", personality.help_line());
            }
            error.exit_code()
        }
    }
}

fn start(command: Command) -> Result<(), ServerError> {
    match command {
        Command::Dev(dev) => {
            telemetry::start(&dev.log())?;
            descriptors::raise();
            complete(dev::dev(dev))
        }
        Command::Serve(command) => serve(Personality::Strongroom, command.words),
        Command::Plugin(command) => complete(async { Ok(command.run().await?) }),
        Command::Seal(command) => complete(async { Ok(command.run().await?) }),
        Command::Key(command) => complete(async { Ok(command.run().await?) }),
        Command::Audit(command) => complete(async { Ok(command.run().await?) }),
        Command::Snapshot(command) => complete(async { Ok(command.run().await?) }),
        Command::Import(command) => complete(async { Ok(command.run().await?) }),
        Command::Export(command) => complete(async { Ok(command.run().await?) }),
        Command::Check(command) => Ok(command.run()?),
        Command::Cert(command) => Ok(command.run()?),
        Command::Bench(bench) => {
            descriptors::raise();
            complete(async { Ok(bench.run(&mut io::stdout()).await?) })
        }
        Command::CompileComponent => {
            let done = admission::compile_component(io::stdin().lock(), io::stdout().lock());
            done.map_err(ServerError::Compile)
        }
        Command::Version => Personality::Strongroom.print_version().map_err(ServerError::Runtime),
    }
}

/// What etcd does, too: a member by flags, variables or a file.
fn serve(personality: Personality, words: impl IntoIterator<Item = OsString>) -> Result<(), ServerError> {
    let given = match cli::read(words)? {
        Request::Serve(given) => given,
        Request::Help => return personality.print_help().map_err(ServerError::Runtime),
        Request::Version => return personality.print_version().map_err(ServerError::Runtime),
    };
    let arguments: Vec<_> = given.iter().map(|(flag, value)| flag.shown(value)).collect();
    let config = config::resolve(&Written::gather(given, std::env::vars_os())?)?;
    telemetry::start(&config.log)?;
    tracing::info!(args = ?arguments, "Running: "); // etcd's words
    config.remarks.iter().for_each(config::Remark::log);
    descriptors::raise();
    let is_heard = config.log.outputs.contains(&LogOutput::Stderr);
    let outcome = memory::keep(&config).and_then(|()| complete(run::serve(config)));
    if let Err(error) = &outcome
        && !is_heard
    {
        tracing::error!(%error, "the member ended");
    }
    outcome
}

/// Longest wait for blocking work, such as a read of the disk, that goes on when all else has ended. What it would still
/// write is in the log already.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs `work` on a runtime of its own, to the end.
fn complete(work: impl Future<Output = Result<(), ServerError>>) -> Result<(), ServerError> {
    let runtime = Runtime::new().map_err(ServerError::Runtime)?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(EXIT_TIMEOUT);
    outcome
}
