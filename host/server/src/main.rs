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
//! - A flag is read, or refused by name; never ignored. See `config::flags`.
//! - Administrators are served over mutual TLS only, whatever the configuration says.
//! - A root key is never made for data that exists already.
//!
//! Failure: whatever the operator can mend is one sentence on stderr and exit code 1; a wrong command line is clap's
//! answer and exit code 2.

mod banner;
mod bootstrap;
mod cli;
mod config;
mod descriptors;
mod error;
mod listeners;
mod member;
mod run;
mod stop;
mod telemetry;
mod tls;

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cli::{Arguments, Command};
use error::ServerError;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    match start(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "strongroom: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> Result<(), ServerError> {
    match command {
        Command::Dev(dev) => {
            telemetry::start(&dev.log());
            descriptors::raise();
            complete(run::dev(dev))
        }
        Command::Serve(serve) => {
            let config = config::resolve(&serve.written)?;
            telemetry::start(&config.log);
            descriptors::raise();
            for name in serve.written.unknown() {
                tracing::warn!(name, "no flag answers to this environment variable");
            }
            complete(run::serve(config))
        }
        Command::Plugin(command) => complete(async { Ok(command.run().await?) }),
        Command::Key(command) => complete(async { Ok(command.run().await?) }),
        Command::Version => banner::print_version().map_err(ServerError::Runtime),
    }
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
