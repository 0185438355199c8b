//! Compiling components: in a process of its own, under limits of its own, because what a component costs to compile is known
//! only afterwards. A function of a megabyte took 48 s and a gigabyte.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use native::{Digest, Shelf};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmtime::component::Component;

use crate::AdmissionError;
use crate::engine::config;
use crate::limits::{
    COMPILE_CPU_SECONDS_MAX, COMPILE_MEMORY_BYTES_MAX, COMPILE_WAIT_MAX, COMPONENT_BYTES_MAX, MESSAGE_BYTES_MAX, TICK,
};
use crate::review::one_line;

/// The first argument of the process that compiles.
pub const COMPILE_COMMAND: &str = "compile-component";

/// What the program begins its errors with.
const SPEAKER: &str = "strongroom: ";

/// How components become machine code.
pub struct Workshop {
    /// A program that calls [`compile_component`] when its first argument is [`COMPILE_COMMAND`].
    pub program: PathBuf,
    /// Where what it makes is kept.
    pub shelf: Shelf,
}

impl Workshop {
    /// The code of a component, compiled unless it was before.
    pub(crate) fn code(
        &self,
        engine: &wasmtime::Engine,
        component: &[u8],
        digest: &Digest,
    ) -> Result<Component, AdmissionError> {
        if let Some(code) = self.shelf.load(engine, digest) {
            return Ok(code);
        }
        let code = self.compile(component)?;
        let kept = self.shelf.keep(digest, &code);
        kept.map_err(|error| unusable(format!("its machine code cannot be kept: {error}")))?;
        self.shelf.load(engine, digest).ok_or_else(|| unusable("its machine code cannot be loaded".to_owned()))
    }

    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, AdmissionError> {
        let mut command = Command::new(&self.program);
        // Under its own name it could be taken for etcd.
        command.arg0("strongroom").arg(COMPILE_COMMAND).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error: std::io::Error| unusable(format!("the compiler cannot be run: {error}"));
        let mut child = command.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            // One that ends early closes its end: what it has to say of that is read below.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(component)));
            let code = scope.spawn(|| drained(stdout));
            let complaint = scope.spawn(|| drained(stderr));
            let ended = wait(&mut child).map_err(failed)?;
            let (code, complaint) = (code.join().unwrap_or_default(), complaint.join().unwrap_or_default());
            match ended {
                Some(status) if status.success() => Ok(code),
                Some(status) if status.code().is_some() && !complaint.is_empty() => {
                    let complaint = String::from_utf8_lossy(&complaint).trim_end().to_owned();
                    Err(unusable(complaint.strip_prefix(SPEAKER).unwrap_or(&complaint).to_owned()))
                }
                // Killed by a limit, or out of memory.
                Some(_) | None => Err(AdmissionError::CompileLimit {
                    seconds: COMPILE_CPU_SECONDS_MAX,
                    mebibytes: COMPILE_MEMORY_BYTES_MAX >> 20,
                }),
            }
        })
    }
}

fn drained(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What is cut short is not code, and is found out.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    bytes
}

/// `None`: it had to be killed.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > COMPILE_WAIT_MAX {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(TICK);
    }
}

/// What the process that compiles does: limits itself, then turns the component on `input` into machine code on `output`.
///
/// # Errors
/// Why it is not a component, in words for the administrator.
pub fn compile_component(input: impl Read, mut output: impl Write) -> Result<(), String> {
    limit(Resource::Cpu, COMPILE_CPU_SECONDS_MAX)?;
    limit(Resource::Data, COMPILE_MEMORY_BYTES_MAX)?;
    let mut component = Vec::new();
    input.take(COMPONENT_BYTES_MAX as u64).read_to_end(&mut component).map_err(|error| error.to_string())?;
    let told = |error: wasmtime::Error| one_line(&format!("{error:#}"), MESSAGE_BYTES_MAX);
    let engine = wasmtime::Engine::new(&config()).map_err(told)?;
    let code = engine.precompile_component(&component).map_err(told)?;
    output.write_all(&code).and_then(|()| output.flush()).map_err(|error| error.to_string())
}

fn limit(resource: Resource, wanted: u64) -> Result<(), String> {
    // Only root could raise one that is lower already.
    let maximum = getrlimit(resource).maximum.map_or(wanted, |held| held.min(wanted));
    let limit = Rlimit { current: Some(maximum), maximum: Some(maximum) };
    setrlimit(resource, limit).map_err(|error| format!("the compiler cannot be limited: {error}"))
}

pub(crate) fn unusable(reason: String) -> AdmissionError {
    AdmissionError::NotAComponent { reason: one_line(&reason, MESSAGE_BYTES_MAX) }
}
