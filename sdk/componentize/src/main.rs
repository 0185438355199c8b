//! `componentize MODULE COMPONENT`: the last step of building a plugin.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Turns a core WebAssembly module into a component that Strongroom can install.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The core module, as the compiler wrote it.
    module: PathBuf,
    /// Where to write the component.
    component: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let Arguments { module, component } = arguments;
    let bytes = std::fs::read(module).map_err(|error| format!("cannot read {}: {error}", module.display()))?;
    let encoded = componentize::componentize(&bytes).map_err(|error| format!("{}: {error}", module.display()))?;
    std::fs::write(component, encoded).map_err(|error| format!("cannot write {}: {error}", component.display()))
}

#[expect(clippy::print_stderr, reason = "this is a command line tool: standard error is where it answers")]
fn complain(sentence: &str) {
    eprintln!("componentize: {sentence}");
}
